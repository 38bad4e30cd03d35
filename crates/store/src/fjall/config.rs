//! How a store is opened.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use causerie_protocol::snowflake::NodeNumber;

use super::hooks::{Hooks, NoHooks};

const MIB: u64 = 1024 * 1024;

/// Settings of an embedded store.
pub struct FjallConfig {
    /// The directory that is the store's alone; it is made when it is not there.
    pub dir: PathBuf,
    /// The node's number in message ids. It is kept; `None` takes what was kept, and 1 in a new store.
    pub node: Option<NodeNumber>,
    /// Threads that read. More do not help beyond what the disk does at once.
    pub readers: usize,
    /// Reads that may wait; above, a read is answered `Unavailable` at once.
    pub read_queue: usize,
    /// Appends and writes that may wait for the committer; above, they are refused at once. Choose it above what
    /// admission lets in, so that it never happens.
    pub commit_queue: usize,
    /// Space that is left free on the disk, in bytes: below it, writes are refused until there is more again.
    /// It must hold what flushing and compaction need meanwhile.
    pub reserve_bytes: u64,
    /// Memory for blocks read from disk, in bytes.
    pub cache_bytes: u64,
    /// Tables that are kept open; at least 10. Beside them a store opens a few dozen files.
    pub open_tables: usize,
    /// Unflushed messages in memory before they are written to a table, in bytes. Larger: fewer stalls, slower start.
    pub memtable_bytes: u64,
    /// All journals together, in bytes; what a start after a crash has to read. Less than
    /// [`MIN_JOURNAL_BYTES`](Self::MIN_JOURNAL_BYTES) counts as that. It is looked at when a memtable is flushed, so with
    /// larger memtables the journals grow as large as those.
    pub journal_bytes: u64,
    /// Idempotency keys of the last messages in memory, of about 120 bytes each, before they are written to a table; up to
    /// three times as many while that happens. Larger: fewer tables, slower start.
    pub keys_in_memory: usize,
    /// For tests.
    pub hooks: Arc<dyn Hooks>,
    /// Called once, from the committer's thread, when the disk failed and the store will not write again. The process
    /// has to exit: what the disk has kept is known only after opening again.
    pub on_fatal: Box<dyn Fn(String) + Send + Sync>,
}

impl FjallConfig {
    /// The least that fjall takes for [`journal_bytes`](Self::journal_bytes).
    pub const MIN_JOURNAL_BYTES: u64 = 64 * MIB;

    /// The settings for a store in `dir`.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            node: None,
            readers: 4,
            read_queue: 4096,
            commit_queue: 16 * 1024,
            reserve_bytes: 512 * MIB,
            cache_bytes: 64 * MIB,
            open_tables: 512,
            memtable_bytes: 64 * MIB,
            journal_bytes: 128 * MIB,
            keys_in_memory: 64 * 1024,
            hooks: Arc::new(NoHooks),
            on_fatal: Box::new(|_| ()),
        }
    }
}

impl fmt::Debug for FjallConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FjallConfig").field("dir", &self.dir).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::FjallConfig;
    use crate::fjall::FjallStore;

    #[test]
    fn a_bound_on_journals_that_is_too_low_is_raised() {
        let dir = tempfile::tempdir().unwrap();
        let config = FjallConfig { journal_bytes: 0, ..FjallConfig::new(dir.path().join("store")) };
        assert!(FjallStore::open(config).is_ok());
    }
}
