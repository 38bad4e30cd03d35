//! Where programs, data, logs and the report are.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::workspace::Workspace;

/// Where programs, data and logs are.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// Where release builds are.
    pub(super) programs: PathBuf,
    /// Data, logs and the report.
    pub(super) folder: PathBuf,
}

impl Place {
    /// Release builds, and a folder of their own in the target folder.
    pub(super) fn new(workspace: &Workspace) -> Result<Self> {
        let it = Self { programs: workspace.target.join("release"), folder: workspace.target.join("bench") };
        fs::create_dir_all(&it.folder)?;
        Ok(it)
    }

    /// The server's data.
    pub(super) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// The generator, which is also the floors.
    pub(super) fn generator(&self) -> Command {
        Command::new(self.programs.join("causerie-loadgen"))
    }

    /// Removes what the servers kept.
    pub(super) fn clear(&self) -> Result<()> {
        let data = self.data();
        if data.exists() {
            fs::remove_dir_all(data)?;
        }
        Ok(())
    }
}
