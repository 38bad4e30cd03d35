//! Consumers of the event log.
//!
//! [`Worker`] is what one implements: apply records, and commit the result together with the positions that it stands for.
//! [`run`] is the frame around it: it joins the consumer group, begins each partition at the worker's *own* position,
//! gathers records into batches, sets aside what nobody can read, and waits when the worker's store does.
//! [`counts`] is the smallest worker that is useful, and the one to copy. [`tail`] is no worker: it prints the log.
//!
//! - Promised: after any crash, kill or rebalance, each record has had its effect on a worker's result exactly once, as far
//!   as the worker commits results and positions in one step.
//! - Not promised: that several processes of one worker see a partition's records at the same time, or that results move
//!   with a partition from one process to another. Each process has what it counted itself; see [`counts`].
//! - It recovers by reading the position from the worker's store and going on there. What Kafka keeps for the group is
//!   written for tools that show lag, and never read.
//!
//! This crate knows no connection, no conversation actor and no store of messages: the event log is all that it sees.

pub mod aside;
pub mod counts;
mod frame;
mod progress;
mod raw;
pub mod tail;
mod worker;

pub use frame::{RunError, Settings, run};
pub use progress::{Progress, Snapshot, State};
pub use worker::{Partition, Positioned, Refused, Worker, WorkerError};
