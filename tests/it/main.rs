//! Integration tests: each starts real server processes and talks to them as a client does.
//!
//! One binary for all. What a test stands on is in [`support`]: a [`support::server::Server`] on free ports with a
//! data folder of its own, and a [`support::socket::Socket`] that speaks raw frames. A test that wants the behaviour
//! of a real client uses the client crate instead.

mod process;
mod support;
