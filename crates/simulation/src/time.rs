//! The times of a run: what has passed, what the wall clock says, and the stamps of the history.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use causerie_checker::history::Nanos;
use causerie_protocol::{Clock, Timestamp};

/// What the wall clock says when a run begins.
const BEGIN: u64 = 1_750_000_000_000;

/// Simulated time. The world moves it on by one tick after the other; within a tick it stands.
#[derive(Debug, Default)]
pub struct SimTime {
    elapsed_ms: AtomicU64,
    wall_ahead_ms: AtomicI64,
    last_stamp: AtomicU64,
}

impl SimTime {
    /// So much has passed since the run began.
    pub fn set(&self, elapsed: Duration) {
        self.elapsed_ms.store(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX), Relaxed);
    }

    /// How much has passed since the run began.
    pub fn elapsed(&self) -> Duration {
        Duration::from_millis(self.elapsed_ms.load(Relaxed))
    }

    /// A time for the history: rises with each call, so that it also says what came first within a tick. Everything
    /// runs in one thread, so that order is the true one.
    pub fn stamp(&self) -> Nanos {
        let stamp = (self.last_stamp.load(Relaxed) + 1).max(self.elapsed_ms.load(Relaxed) * 1_000_000);
        self.last_stamp.store(stamp, Relaxed);
        stamp
    }

    /// Lets the wall clock jump, forward or back.
    pub fn jump(&self, by_ms: i64) {
        self.wall_ahead_ms.fetch_add(by_ms, Relaxed);
    }
}

/// The clocks of one life of the node.
#[derive(Debug)]
pub struct NodeClock {
    time: Arc<SimTime>,
    born: Duration,
}

impl NodeClock {
    /// Clocks of a node that begins now.
    pub fn new(time: Arc<SimTime>) -> Self {
        let born = time.elapsed();
        Self { time, born }
    }
}

impl Clock for NodeClock {
    fn wall(&self) -> Timestamp {
        let real = BEGIN + self.time.elapsed_ms.load(Relaxed);
        Timestamp(real.saturating_add_signed(self.time.wall_ahead_ms.load(Relaxed)))
    }

    fn monotonic(&self) -> Duration {
        self.time.elapsed().saturating_sub(self.born)
    }
}
