//! Tokens and keys as they come from outside, good and hostile.

mod attacks;
mod authority;
mod keys;
mod provider;
mod secrets;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use causerie_protocol::{Clock, Timestamp};
use serde_json::json;

/// 2026-01-01, in seconds: the time of all tests here.
const NOW_S: u64 = 1_767_225_600;

/// The same as a [`Timestamp`].
const NOW: Timestamp = Timestamp(NOW_S * 1_000);

/// A clock that the test moves.
#[derive(Debug, Default)]
struct TestClock(AtomicU64);

impl TestClock {
    fn new() -> Arc<Self> {
        Arc::default()
    }

    fn advance(&self, duration: Duration) {
        self.0.fetch_add(u64::try_from(duration.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn wall(&self) -> Timestamp {
        NOW.plus(self.monotonic())
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// Claims that are good for an hour.
fn claims() -> serde_json::Value {
    json!({ "sub": "alice", "exp": NOW_S + 3_600, "iat": NOW_S })
}

/// An object with some members replaced; `null` takes one away.
fn with(mut object: serde_json::Value, changes: &serde_json::Value) -> serde_json::Value {
    for (name, value) in changes.as_object().unwrap() {
        let members = object.as_object_mut().unwrap();
        if value.is_null() {
            members.remove(name)
        } else {
            members.insert(name.clone(), value.clone())
        };
    }
    object
}
