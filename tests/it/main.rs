//! Integration tests: each starts real server processes and talks to them as a client does.
//!
//! One binary for all, one module for each thing that works. What a test stands on is in [`support`]: a
//! [`support::server::Server`] on free ports with a data folder of its own, and a [`support::socket::Socket`] that
//! speaks raw frames and checks the order of everything it hears. A test that wants the behaviour of a real client uses
//! the client crate instead.

mod authentication;
mod delivery;
mod direct_and_groups;
mod events;
mod hostile;
mod limits;
mod operators;
mod presence;
mod profiles;
mod restart;
mod sending;
mod starvation;
mod status;
mod support;
mod sync;
mod terminal;
