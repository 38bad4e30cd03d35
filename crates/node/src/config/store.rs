//! `[store]`

use std::path::PathBuf;

use super::kind::{Choice, choice, number, path};
use super::section::section;

/// Where messages are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// In files of this server.
    Embedded,
    /// In ScyllaDB or Apache Cassandra.
    Cql,
}

impl Choice for Backend {
    const ALL: &'static [(&'static str, Self)] = &[("embedded", Self::Embedded), ("cql", Self::Cql)];
}

section! {
    /// What is kept on disk.
    Store = "store" {
        /// Where messages are kept: in files of this server, or in the database of the section `[cql]`.
        ///
        /// The keys below concern the embedded store, except for `data_dir`, which always holds the sign-in secret.
        backend: Backend = Backend::Embedded, choice();
        /// The directory of everything that is kept: messages, members, cursors, the sign-in secret.
        ///
        /// One server at a time uses it. Choose a local disk whose `fsync` is honest; back it up while stopped.
        /// Not set: `$XDG_DATA_HOME/causerie`, else `$HOME/.local/share/causerie`, so that the server and
        /// `causerie token` find the same data from every working directory.
        data_dir: PathBuf = PathBuf::new(), path();
        /// Memory for messages that are not yet in sorted files, in bytes. The store's other tables have five eighths of it
        /// together.
        ///
        /// Larger means fewer and larger flushes; smaller bounds memory and the time to start after a crash.
        memtable_bytes: u64 = 64 << 20, number(1 << 20..=4 << 30);
        /// Memory for recently read blocks, in bytes.
        ///
        /// Raise it when clients read much history and the metrics show disk reads.
        cache_bytes: u64 = 128 << 20, number(1 << 20..=1 << 40);
        /// Sends are refused while less than this is free on the disk, in bytes; they resume by themselves.
        ///
        /// Keep room for the store's own compaction: a few memtables at least.
        disk_reserve_bytes: u64 = 512 << 20, number(0..=1 << 50);
        /// Threads that read history and membership, so that reading never delays a send.
        ///
        /// Two per processor do for a fast disk; more for a slow one.
        reader_threads: usize = 4, number(1..=256);
    }
}
