//! What an emitter counts. Plain atomics: whoever exports them chooses how.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use causerie_protocol::Timestamp;

/// The counters and gauges of all emitters of a node. Each is read by itself; together they are not one moment.
#[derive(Debug, Default)]
pub struct EmitterMetrics {
    /// Records that Kafka has acknowledged, of all topics.
    pub delivered: AtomicU64,
    /// Entries that were read back from the log.
    pub read_back: AtomicU64,
    /// Times that a producer was given up and everything that is not acknowledged was begun again.
    pub restarts: AtomicU64,
    /// Entries that were too large for their topic, and stand there without their bodies.
    pub oversize: AtomicU64,
    /// Receipts and undelivered that were dropped because too many waited.
    pub dropped: AtomicU64,
    /// Emit cursors that were written.
    pub cursors: AtomicU64,
    /// Marks that were cleared.
    pub marks_cleared: AtomicU64,
    /// Questions to the store and writes that failed, and are repeated.
    pub store_errors: AtomicU64,
}

/// What one ordered emitter is like now; taken once a second.
#[derive(Debug, Default)]
pub(crate) struct Gauges {
    pub(crate) lag: AtomicU64,
    /// In milliseconds since 1970; 0 if nothing is behind.
    pub(crate) oldest: AtomicU64,
    pub(crate) buffered: AtomicU64,
    pub(crate) in_flight_bytes: AtomicU64,
    pub(crate) conversations: AtomicU64,
    pub(crate) unknown: AtomicBool,
    pub(crate) reachable: AtomicBool,
}

/// How far emitting is behind: what an operator watches. Gauges of the last second.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EmitterLag {
    /// Committed entries that Kafka has not acknowledged, as far as is known.
    pub records: u64,
    /// The age of the oldest of them, in seconds; 0 if there is none.
    pub seconds: f64,
    /// Whether there may be more that were not found yet: after a start, and when more conversations wait than are followed.
    pub incomplete: bool,
    /// Bytes of entries that wait in memory.
    pub buffered_bytes: u64,
    /// Bytes of records that Kafka has not acknowledged.
    pub in_flight_bytes: u64,
    /// Conversations that are followed.
    pub conversations: u64,
}

impl Gauges {
    pub(crate) fn add_to(&self, lag: &mut EmitterLag, now: Timestamp) {
        lag.records += self.lag.load(Relaxed);
        let oldest = self.oldest.load(Relaxed);
        if oldest > 0 {
            let milliseconds = u32::try_from(now.0.saturating_sub(oldest)).unwrap_or(u32::MAX);
            lag.seconds = lag.seconds.max(f64::from(milliseconds) / 1000.0);
        }
        lag.incomplete |= self.unknown.load(Relaxed);
        lag.buffered_bytes += self.buffered.load(Relaxed);
        lag.in_flight_bytes += self.in_flight_bytes.load(Relaxed);
        lag.conversations += self.conversations.load(Relaxed);
    }
}
