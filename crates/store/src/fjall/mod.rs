//! The store on one machine's disk, on [fjall](https://docs.rs/fjall), an LSM tree with a journal.
//!
//! Guaranteed
//! - What is answered as done was synced to the disk, and is found by every later opening, whatever ended the process.
//! - Readers see whole groups that are synced, and nothing else.
//! - A damaged record, journal or table is reported by name. It is never served and never passed over.
//! - Neither an append nor a read waits on the caller's thread: what cannot be queued is refused.
//!
//! Not guaranteed: anything on a disk that acknowledges a flush it has not done; any room in a queue.
//!
//! Recovery: after a crash, opening cuts off the end of the journal that nobody was told of (`journal`) and reads the
//! rest into memory. When the disk is full, writes are refused until there is space again. When a write or a sync
//! fails, the store stops, `on_fatal` is called, and only a new opening tells what the disk has kept.
//!
//! ```text
//! append, put ──> queue ──> committer: gather, stage, write and sync, publish, answer
//! read ─────────> queue ──> readers: what was published last
//! ```
//!
//! Start with `store`, then `committer`; the layout on disk is in `keys`, `records` and `codec`.

mod ahead;
mod append;
mod codec;
mod committer;
mod config;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod hooks;
mod journal;
mod key_index;
mod keys;
mod lock;
mod log;
mod manifest;
mod mark;
pub mod metrics;
mod open;
mod read_conversations;
mod read_events;
mod read_messages;
mod read_users;
mod readers;
mod records;
mod run;
mod shared;
mod spaces;
mod staging;
mod store;
mod view;
mod work;
mod write;

pub use config::FjallConfig;
pub use metrics::StoreMetrics;
pub use open::OpenError;
pub use store::FjallStore;

#[cfg(test)]
mod tests;
