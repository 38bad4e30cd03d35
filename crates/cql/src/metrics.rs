//! What the store counts. Plain atomics: whoever exports them chooses how.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// The counters of an open store. Each is read by itself; together they are not one moment.
#[derive(Debug, Default)]
pub struct CqlMetrics {
    /// Requests of plain reads.
    pub reads: Histogram,
    /// Rows that were read.
    pub rows_read: AtomicU64,
    /// Reads that failed.
    pub reads_failed: AtomicU64,
    /// Requests of plain writes, repetitions included.
    pub writes: Histogram,
    /// Writes that failed, once for each attempt.
    pub writes_failed: AtomicU64,
    /// Writes that were sent again.
    pub repetitions: AtomicU64,
    /// Requests of conditional writes.
    pub conditionals: Histogram,
    /// Reads of the fence.
    pub gate_reads: Histogram,
    /// Passes that those reads let through.
    pub gate_passes: AtomicU64,
    /// Renewals of the lease that failed.
    pub renewals_failed: AtomicU64,
    /// Appends from when they came until they were answered.
    pub appends: Histogram,
    /// Batches that became durable.
    pub batches: AtomicU64,
    /// Entries that became durable.
    pub entries: AtomicU64,
    /// Appends that were refused.
    pub refused: AtomicU64,
    /// Appends whose outcome was unknown when they were answered.
    pub unknown: AtomicU64,
}

impl CqlMetrics {
    /// Requests that were sent to the database: the gate's are among the reads.
    pub fn requests(&self) -> u64 {
        [&self.reads, &self.writes, &self.conditionals].iter().map(|all| all.count()).sum()
    }

    pub(crate) fn read(&self, took: Duration, answered: bool) {
        self.reads.record(took);
        self.reads_failed.fetch_add(u64::from(!answered), Relaxed);
    }

    pub(crate) fn rows(&self, rows: usize) {
        self.rows_read.fetch_add(rows as u64, Relaxed);
    }

    pub(crate) fn write(&self, took: Duration, answered: bool) {
        self.writes.record(took);
        self.writes_failed.fetch_add(u64::from(!answered), Relaxed);
    }

    pub(crate) fn repeated(&self) {
        self.repetitions.fetch_add(1, Relaxed);
    }

    pub(crate) fn conditional(&self, took: Duration) {
        self.conditionals.record(took);
    }
}

/// Durations, counted by size.
#[derive(Debug, Default)]
pub struct Histogram {
    counts: [AtomicU64; Histogram::BOUNDS_MICROS.len() + 1],
    sum_micros: AtomicU64,
}

impl Histogram {
    /// The upper bounds of all buckets but the last, which has none, in microseconds.
    pub const BOUNDS_MICROS: [u64; 14] = [
        250, 500, 1_000, 2_500, 5_000, 10_000, 15_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
        5_000_000,
    ];

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

    pub(crate) fn record(&self, duration: Duration) {
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
        for micros in [0, 250, 251, 5_000_000, 5_000_001] {
            histogram.record(Duration::from_micros(micros));
        }
        let counts = histogram.counts();
        assert_eq!((counts[0], counts[1], counts[13], counts[14]), (2, 1, 1, 1));
        assert_eq!((histogram.count(), histogram.sum_micros()), (5, 10_000_502));
    }
}
