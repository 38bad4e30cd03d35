//! The worker `counts`: how many messages each conversation has a day.
//!
//! - Promised: a message is counted once, on the day (UTC) on which it was numbered, however often it stands in the log,
//!   and whatever happened to the process. Within a conversation first occurrences come in the order of their seq, so the
//!   last seq of each conversation is enough to know what was counted.
//! - Membership changes have a seq and are no messages: they are passed over.
//! - Not promised: counts across processes. Each counts the partitions that it holds into its own directory; add up a day's
//!   counts of all of them. A conversation is in one partition, so one process has all of it. When a partition goes to
//!   another process, that one counts it from the start of the log.
//! - The number of partitions must not change: a conversation that moves to another partition would come in two orders.
//! - It recovers by opening its database: counts, last seqs and positions are written in one batch. Damage that the database
//!   reports is mended by deleting the directory: everything is counted again, as far back as the log goes.

mod database;
mod keys;
mod staged;
mod worker;

pub use database::OpenError;
pub use worker::{Counts, Day, Query};

/// The name of the worker.
pub const NAME: &str = "counts";
