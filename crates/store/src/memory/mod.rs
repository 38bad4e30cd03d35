//! A store in memory, for tests and simulations: the same promises as on disk, but for surviving the process.
//!
//! Everything is ordered and happens on the caller's thread, so the same calls give the same answers. A test can hold
//! back what would be on its way to the disk ([`MemoryStore::hold`]), let the next append fail, close the fence gate,
//! and take what a crash would have left ([`MemoryStore::crash`]).

mod log;
mod outbox;
mod store;
mod tables;
mod users;

pub use store::MemoryStore;

#[cfg(test)]
mod tests;
