//! What the tests stand on.

pub(crate) mod frames;
pub(crate) mod http;
pub(crate) mod inbox;
pub(crate) mod keys;
pub(crate) mod order;
pub(crate) mod program;
pub(crate) mod raw;
pub(crate) mod server;
pub(crate) mod socket;

use std::time::Duration;

/// How long anything may take that must happen: long enough for the busiest machine, short enough to see a hang.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
