//! The database of counts, and how it is opened.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use fjall::{CompressionType, Database, Keyspace, KeyspaceCreateOptions, PersistMode, UserKey, UserValue};

use super::keys;
use crate::worker::WorkerError;

/// The format that this program reads and writes.
const FORMAT: u64 = 1;

/// With a single one, fjall 3.1 stops for ever under sustained writes.
const THREADS: usize = 8;

const MIB: u64 = 1024 * 1024;

/// Why the database was not opened. Nothing in it was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error("{} is in use by another process", .0.display())]
    Locked(PathBuf),
    /// It was written by a program that keeps its counts otherwise. Delete the directory to count again.
    #[error("{} has format {found}, this program format {FORMAT}: delete the directory to count again", dir.display())]
    Format {
        /// Where.
        dir: PathBuf,
        /// What it has.
        found: u64,
    },
    /// It does not read, or the disk does not. Delete the directory to count again.
    #[error("{} does not open ({what}); if the disk is well, delete the directory to count again", dir.display())]
    Failed {
        /// Where.
        dir: PathBuf,
        /// What went wrong.
        what: String,
    },
}

/// The open database. Clones are the same one.
#[derive(Clone)]
pub(super) struct Counted {
    database: Database,
    space: Keyspace,
}

impl Counted {
    /// Opens the database in `dir`, or makes one there.
    pub(super) fn open(dir: &Path) -> Result<Self, OpenError> {
        let failed = |what: String| OpenError::Failed { dir: dir.to_owned(), what };
        std::fs::create_dir_all(dir).map_err(|error| failed(error.to_string()))?;
        let open = || {
            let database = Database::builder(dir)
                .worker_threads(THREADS)
                .manual_journal_persist(true)
                .journal_compression(CompressionType::None)
                .max_journaling_size(64 * MIB)
                .cache_size(16 * MIB)
                .max_cached_files(Some(128))
                .open()?;
            let space = database
                .keyspace("counts", || KeyspaceCreateOptions::default().max_memtable_size(8 * MIB))?;
            fjall::Result::Ok(Self { database, space })
        };
        // fjall panics at some damaged files.
        let opened = catch_unwind(AssertUnwindSafe(open)).map_err(|_| failed("it panics".to_owned()))?;
        let this = opened.map_err(|error| match error {
            fjall::Error::Locked => OpenError::Locked(dir.to_owned()),
            error => failed(error.to_string()),
        })?;
        match this.number(keys::FORMAT).map_err(|error| failed(error.to_string()))? {
            Some(FORMAT) => Ok(this),
            Some(found) => Err(OpenError::Format { dir: dir.to_owned(), found }),
            None => {
                let format = vec![(keys::FORMAT.to_vec(), FORMAT.to_be_bytes().to_vec())];
                this.write(format).map_err(|error| failed(error.to_string()))?;
                Ok(this)
            }
        }
    }

    pub(super) fn get(&self, key: &[u8]) -> Result<Option<UserValue>, WorkerError> {
        self.space.get(key).map_err(broken)
    }

    pub(super) fn number(&self, key: &[u8]) -> Result<Option<u64>, WorkerError> {
        self.get(key)?.map(|value| number(key, &value)).transpose()
    }

    /// What has keys that begin with `prefix`, in order.
    pub(super) fn beginning(
        &self,
        prefix: &[u8],
    ) -> impl Iterator<Item = Result<(UserKey, UserValue), WorkerError>> {
        self.space.prefix(prefix).map(|row| row.into_inner().map_err(broken))
    }

    /// Writes rows in one step; they are durable when it returns. After an error of fjall's, what the disk has kept is
    /// known only after opening again.
    pub(super) fn write(&self, rows: Vec<(Vec<u8>, Vec<u8>)>) -> Result<(), WorkerError> {
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncAll));
        for (key, value) in rows {
            batch.insert(&self.space, key, value);
        }
        batch.commit().map_err(broken)
    }
}

/// A number in a value.
pub(super) fn number(key: &[u8], value: &[u8]) -> Result<u64, WorkerError> {
    let bytes = value.try_into().map_err(|_| WorkerError::Broken(format!("no number at key {key:02x?}")))?;
    Ok(u64::from_be_bytes(bytes))
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn broken(error: fjall::Error) -> WorkerError {
    WorkerError::Broken(error.to_string())
}
