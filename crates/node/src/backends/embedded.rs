//! The embedded store.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;

use anyhow::Context as _;
use causerie_protocol::snowflake::NodeNumber;
use causerie_store::fjall::{FjallConfig, FjallStore};

use crate::config::Config;
use crate::process::OpenFiles;

/// What the process ends with when its disk failed.
const DISK_FAILED: i32 = 74;

pub(super) fn open(config: &Config, files: OpenFiles) -> anyhow::Result<FjallStore> {
    let data_dir = &config.store.data_dir;
    // For its owner only: everything that anybody has written is in it.
    let made = DirBuilder::new().recursive(true).mode(0o700).create(data_dir);
    made.with_context(|| format!("cannot make the data directory {}", data_dir.display()))?;
    let dir = data_dir.join("store");
    let store = FjallConfig {
        node: NodeNumber::new(config.server.node_number),
        readers: config.store.reader_threads,
        reserve_bytes: config.store.disk_reserve_bytes,
        cache_bytes: config.store.cache_bytes,
        open_tables: files.tables,
        memtable_bytes: config.store.memtable_bytes,
        // What the disk has kept is known only after opening again, so the process must not go on.
        on_fatal: Box::new(|why| {
            tracing::error!(
                why,
                "the disk failed; the server ends at once, and nothing acknowledged is lost"
            );
            std::process::exit(DISK_FAILED);
        }),
        ..FjallConfig::new(dir)
    };
    FjallStore::open(store)
        .with_context(|| format!("cannot open the store in {}", config.store.data_dir.display()))
}
