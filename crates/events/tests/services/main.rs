//! The emitter against a real Kafka.
//!
//! `cargo xtask services up kafka` prints where it is (`CAUSERIE_TEST_KAFKA`); without that, each test says that it was
//! skipped. Tests that break a broker start one of their own.

mod broker;
mod emitting;
mod lab;
mod oversize;
mod topics;
