//! The proxy between the real driver and a real Cassandra.
//!
//! Run by `cargo xtask test`, or with the address in `CAUSERIE_TEST_CASSANDRA`; without it each test says that it is
//! skipped.

mod actions;
mod observation;
mod world;
