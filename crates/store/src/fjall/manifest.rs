//! A look at the lists of tables before fjall opens them.
//!
//! Each tree has a file `current` that names the version file in force and has a checksum of it. fjall 3.1 writes that
//! checksum and does not read it (a note in `src/version/recovery.rs` of lsm-tree 3.1 says so): a flipped bit could
//! take a table away, or make an older record the newer one. So it is compared here.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_128;

/// Number of the version, its xxh3, and the kind of checksum.
const CURRENT_BYTES: usize = 8 + 16 + 1;

/// Why the trees are not opened. No file was changed.
#[derive(Debug, thiserror::Error)]
pub(super) enum ManifestError {
    /// A list of tables is not what was written.
    #[error("{} is damaged, or {} is", version.display(), current.display())]
    Damaged { version: PathBuf, current: PathBuf },
    /// The disk does not answer.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Checks the trees of the database in `dir`. One that was never finished has no list, and fjall makes it anew.
pub(super) fn check(dir: &Path) -> Result<(), ManifestError> {
    for tree in fs::read_dir(dir.join("keyspaces"))? {
        let current = tree?.path().join("current");
        if current.exists() {
            check_tree(current)?;
        }
    }
    Ok(())
}

fn check_tree(current: PathBuf) -> Result<(), ManifestError> {
    let bytes = fs::read(&current)?;
    let number = bytes.first_chunk::<8>().map_or(0, |number| u64::from_le_bytes(*number));
    let version = current.with_file_name(format!("v{number}"));
    let list = match fs::read(&version) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        list => list?,
    };
    let mut expected = [0; CURRENT_BYTES];
    expected[..8].copy_from_slice(&number.to_le_bytes());
    expected[8..24].copy_from_slice(&xxh3_128(&list).to_le_bytes());
    if bytes == expected { Ok(()) } else { Err(ManifestError::Damaged { version, current }) }
}
