//! One process at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::Path;

/// The lock on a directory, held until it is dropped or the process ends, however it ends.
#[derive(Debug)]
pub(super) struct DirLock(#[expect(dead_code, reason = "open means locked")] File);

/// Why the lock was not got.
#[derive(Debug)]
pub(super) enum LockError {
    /// Another process has it: this one, when it has written its number already.
    Held(Option<u32>),
    Io(io::Error),
}

impl DirLock {
    /// Takes the lock at once or not at all, and leaves the number of this process in the file.
    pub(super) fn take(path: &Path) -> Result<Self, LockError> {
        let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
        let mut file = open.map_err(LockError::Io)?;
        match file.try_lock() {
            Ok(()) => (),
            Err(TryLockError::Error(error)) => return Err(LockError::Io(error)),
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let holder = file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
                return Err(LockError::Held(holder));
            }
        }
        let written = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()));
        written.map_err(LockError::Io)?;
        Ok(Self(file))
    }
}
