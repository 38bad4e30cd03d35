//! Durable facts: messages, conversations and their members, cursors, users, ownership; and the event log.
//!
//! What this crate promises is in [`port`], one trait a file; `contract` is the suite that every implementation
//! passes; [`fjall`] keeps the promises on one machine's disk, [`memory`] in a simulation's memory.
//! It knows nothing of connections, actors or sockets.
//!
//! The promise is in one type: a [`Committed`] batch is durable, and nothing else may be acknowledged, fanned out or
//! emitted. Only [`PendingAppend::committed`] makes one.
//!
//! Start with [`port::messages`].

pub mod committed;
#[cfg(any(test, feature = "contract"))]
pub mod contract;
pub mod fjall;
pub mod memory;
pub mod model;
pub mod port;

pub use committed::{Committed, PendingAppend};
pub use model::{Batch, Entry, Epoch};
pub use port::Store;
