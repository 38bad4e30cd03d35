//! How the cache is.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What it counts.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) hits: AtomicU64,
    pub(super) misses: AtomicU64,
    pub(super) waited: AtomicU64,
    pub(super) late_fills: AtomicU64,
    pub(super) failed: AtomicU64,
}

impl Counters {
    pub(super) fn reading(&self, open: bool, overdue: usize) -> CacheReading {
        CacheReading {
            hits: self.hits.load(Relaxed),
            misses: self.misses.load(Relaxed),
            waited: self.waited.load(Relaxed),
            late_fills: self.late_fills.load(Relaxed),
            failed: self.failed.load(Relaxed),
            left_alone: open,
            overdue,
        }
    }
}

/// How a cache is, for metrics and for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheReading {
    /// Values that Redis answered, ever.
    pub hits: u64,
    /// Values that the store was asked for, ever.
    pub misses: u64,
    /// Values that somebody else was asking for already, ever.
    pub waited: u64,
    /// Values that were not put into Redis because a write came between, ever.
    pub late_fills: u64,
    /// Calls that Redis did not answer in time, ever.
    pub failed: u64,
    /// Whether Redis is left alone for now, because it did not answer.
    pub left_alone: bool,
    /// Values that Redis may hold though they are old. This node does not look at them.
    pub overdue: usize,
}

impl CacheReading {
    /// What to say to operators when the store is asked for everything, or other nodes may see what is old.
    pub fn degraded(&self) -> Option<String> {
        if self.overdue > 0 {
            let overdue = self.overdue;
            return Some(format!(
                "{overdue} old values may still be in the cache, because Redis did not answer"
            ));
        }
        self.left_alone.then(|| "the cache is not used: Redis does not answer in time".to_owned())
    }
}
