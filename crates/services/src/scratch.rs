//! Folders of tests, in memory where there is room.
//!
//! A folder names the process that made it. Whoever makes one removes those whose process is gone: what lies in
//! memory must not stay when a test is killed.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::fs::statvfs;

use crate::error::ServiceError;
use crate::identity::Identity;

const PREFIX: &str = "causerie-scratch-";
/// What the largest set of servers of one test writes, several times over.
const ROOM: u64 = 2 << 30;

/// A folder, removed when this is dropped.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// An empty folder; `label` tells it from the others of this process.
    ///
    /// # Errors
    /// When it exists already or cannot be made.
    pub fn new(label: &str) -> Result<Self, ServiceError> {
        let base = fast_folder();
        sweep(&base);
        let failed = || ServiceError::io(format!("cannot make a folder in {}", base.display()));
        let me = Identity::of(std::process::id()).map_err(failed())?;
        let path = base.join(format!("{PREFIX}{}-{}-{label}", me.id(), me.started()));
        fs::create_dir(&path).map_err(failed())?;
        Ok(Self { path })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left is removed by the next one.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// In memory, if the machine has room for that; else where temporary files go. Databases that sync every write are
/// three times as fast there, and as safe against a kill: only a crash of the machine would lose what they synced.
pub(crate) fn fast_folder() -> PathBuf {
    let memory = Path::new("/dev/shm");
    let room = statvfs(memory).map_or(0, |status| status.f_bavail.saturating_mul(status.f_frsize));
    if room >= ROOM { memory.to_owned() } else { std::env::temp_dir() }
}

fn sweep(base: &Path) {
    for entry in fs::read_dir(base).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some((id, started)) = name.strip_prefix(PREFIX).and_then(owner) else { continue };
        if !Identity::of(id).is_ok_and(|now| now.started() == started) {
            // Somebody else may be at it too.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn owner(rest: &str) -> Option<(u32, u64)> {
    let mut parts = rest.split('-');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_processes_that_are_gone_are_removed_and_others_are_not() {
        let me = Identity::of(std::process::id()).unwrap();
        // Of an earlier process with our id.
        let stale = fast_folder().join(format!("{PREFIX}{}-{}-gone", me.id(), me.started() - 1));
        fs::create_dir(&stale).unwrap();
        let first = Scratch::new("sweep-1").unwrap();
        let second = Scratch::new("sweep-2").unwrap();
        assert!(!stale.exists());
        assert!(first.path().is_dir() && second.path().is_dir());
        let path = first.path().to_owned();
        drop(first);
        assert!(!path.exists());
    }
}
