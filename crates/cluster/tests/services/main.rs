//! The mirror and the cache against the real Redis.
//!
//! Each test has a prefix of its own. One that kills, freezes or flushes Redis starts a server of its own.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod cache;
mod cache_faults;
mod cluster;
mod mirror;
mod mirror_faults;
mod secured;
mod support;
