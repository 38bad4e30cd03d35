//! What the store counts. Plain atomics: whoever exports them chooses how.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// The counters of an open store. Each is read by itself; together they are not one moment.
#[derive(Debug, Default)]
pub struct StoreMetrics {
    /// Batches that became durable.
    pub appends: AtomicU64,
    /// Entries that became durable.
    pub entries: AtomicU64,
    /// Appends and writes that were refused, for whatever reason.
    pub refused: AtomicU64,
    /// Reads that were answered `Unavailable` because too many were waiting.
    pub reads_refused: AtomicU64,
    /// Appends and writes that wait for the committer.
    pub queue_depth: AtomicU64,
    /// Bytes of keys and values that were written.
    pub bytes: AtomicU64,
    /// The space that was left when last asked, in bytes.
    pub disk_free: AtomicU64,
    /// How long groups took to be written and synced; its count is the number of syncs.
    pub syncs: Histogram,
}

/// Durations, counted by size.
#[derive(Debug, Default)]
pub struct Histogram {
    counts: [AtomicU64; Histogram::BOUNDS_MICROS.len() + 1],
    sum_micros: AtomicU64,
}

impl Histogram {
    /// The upper bounds of all buckets but the last, which has none, in microseconds.
    pub const BOUNDS_MICROS: [u64; 12] =
        [100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000];

    /// How many durations are in each bucket, not cumulated; one more than there are bounds.
    pub fn counts(&self) -> [u64; Self::BOUNDS_MICROS.len() + 1] {
        self.counts.each_ref().map(|count| count.load(Relaxed))
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.counts().iter().sum()
    }

    /// All durations together, in microseconds.
    pub fn sum_micros(&self) -> u64 {
        self.sum_micros.load(Relaxed)
    }

    pub(super) fn record(&self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let bucket = Self::BOUNDS_MICROS.partition_point(|bound| *bound < micros);
        self.counts[bucket].fetch_add(1, Relaxed);
        self.sum_micros.fetch_add(micros, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_its_bucket_and_nothing_is_too_long() {
        let histogram = Histogram::default();
        for micros in [0, 100, 101, 1_000_000, 1_000_001] {
            histogram.record(Duration::from_micros(micros));
        }
        let counts = histogram.counts();
        assert_eq!((counts[0], counts[1], counts[11], counts[12]), (2, 1, 1, 1));
        assert_eq!((histogram.count(), histogram.sum_micros()), (5, 2_000_202));
    }
}
