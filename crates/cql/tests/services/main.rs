//! The store on a real database: what every store promises, and what only several nodes can break.
//!
//! Run by `cargo xtask test`, or with the address in `CAUSERIE_TEST_CASSANDRA`; without it each test says that it is
//! skipped. The contract's tests share keyspaces, each in a part of its own (`scoped.rs`); the others have their own.

#![expect(clippy::unwrap_used, reason = "what cannot be unwrapped fails the test")]

mod contract;
mod hold;
mod owners;
mod scoped;
mod subject;
mod users;
