//! A wall clock that jumps while the server runs: libfaketime, which looks into a file. The monotonic clock stays.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::Skipped;

/// Where Debian puts it, below the folder of the architecture.
const LIBRARY: &str = "faketime/libfaketimeMT.so.1";

/// The clock of a server that was started with [`environment`](Self::environment).
pub(crate) struct Clock {
    library: PathBuf,
    file: PathBuf,
}

impl Clock {
    /// A clock that is right.
    pub(crate) fn new(folder: &Path) -> Result<Self> {
        let folders = fs::read_dir("/usr/lib").into_iter().flatten().flatten();
        let library = folders.map(|entry| entry.path().join(LIBRARY)).find(|path| path.exists());
        let library = library.ok_or_else(|| Skipped("libfaketime is not installed".to_owned()))?;
        let clock = Self { library, file: folder.join("clock") };
        clock.set(0)?;
        Ok(clock)
    }

    /// What makes a program take its time from here.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("LD_PRELOAD", self.library.display().to_string()),
            ("FAKETIME_TIMESTAMP_FILE", self.file.display().to_string()),
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ]
    }

    /// Sets it wrong by so many seconds, at once and whole.
    pub(crate) fn set(&self, seconds: i64) -> Result<()> {
        let draft = self.file.with_extension("draft");
        fs::write(&draft, format!("{seconds:+}\n"))?;
        fs::rename(draft, &self.file)?;
        Ok(())
    }
}
