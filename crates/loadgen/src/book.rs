//! What the connections of one thread have seen: the judge's history and the figures.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use causerie_checker::History;
use causerie_checker::history::Nanos;
use causerie_protocol::{Clock as _, SystemClock};
use hdrhistogram::Histogram;

use crate::clock;

/// A thread's book. All its connections write into it; nothing is shared between threads.
pub(crate) type SharedBook = Rc<RefCell<Book>>;

/// The history, the figures, and the source of client message ids.
#[derive(Debug)]
pub(crate) struct Book {
    /// For the judge.
    pub(crate) history: History,
    /// For the report.
    pub(crate) stats: Stats,
    /// What is measured: from here,
    pub(crate) begin: Nanos,
    /// up to here.
    pub(crate) end: Nanos,
    /// How long is waited at the end for what is due.
    pub(crate) patience: Duration,
    ids: Ids,
    author: (Box<[u8]>, u32),
}

impl Book {
    /// An empty book. `thread` keeps the ids of threads and processes apart.
    pub(crate) fn new(thread: usize, patience: Duration) -> anyhow::Result<Self> {
        Ok(Self {
            history: History::default(),
            stats: Stats::new()?,
            begin: Nanos::MAX,
            end: Nanos::MAX,
            patience,
            ids: Ids::new(thread),
            author: (Box::default(), 0),
        })
    }

    /// Whether what happens now counts.
    pub(crate) fn measures(&self, at: Nanos) -> bool {
        (self.begin..self.end).contains(&at)
    }

    /// A new client message id.
    pub(crate) fn id(&mut self, now: Nanos) -> u128 {
        self.ids.next(now)
    }

    /// The number of a user: most messages come from the one before.
    pub(crate) fn author(&mut self, name: &[u8]) -> u32 {
        if *self.author.0 != *name {
            self.author = (name.into(), self.history.user(&String::from_utf8_lossy(name)));
        }
        self.author.1
    }
}

/// Client message ids as clients make them: UUIDv7, so they rise with time.
#[derive(Debug)]
struct Ids {
    /// What to add to the monotonic clock to have the wall clock, in milliseconds.
    wall: u64,
    /// Different for each thread and process.
    nonce: u64,
    count: u64,
}

impl Ids {
    fn new(thread: usize) -> Self {
        let wall = SystemClock::default().wall().0.saturating_sub(clock::now() / 1_000_000);
        Self { wall, nonce: u64::from(std::process::id()) << 8 | (thread as u64 & 0xff), count: 0 }
    }

    fn next(&mut self, now: Nanos) -> u128 {
        self.count += 1;
        let ms = u128::from(self.wall + now / 1_000_000) & 0xffff_ffff_ffff;
        let count = u128::from(self.count);
        let nonce = u128::from(self.nonce) & 0xff_ffff_ffff;
        // Version 7, variant 2; twelve bits and twenty-two bits of the count around the nonce.
        ms << 80 | 7 << 76 | (count >> 22 & 0xfff) << 64 | 2 << 62 | (count & 0x3f_ffff) << 40 | nonce
    }
}

/// The figures of one thread.
#[derive(Debug)]
pub(crate) struct Stats {
    /// Acknowledged within the time measured.
    pub(crate) sent: u64,
    /// Messages that came live within the time measured.
    pub(crate) delivered: u64,
    /// Attempts without a known outcome.
    pub(crate) unknown: u64,
    /// Errors by code, over the whole run.
    pub(crate) errors: BTreeMap<String, u64>,
    /// Times that a client was told to sync.
    pub(crate) heads: u64,
    /// Pages that were asked for on account of it.
    pub(crate) syncs: u64,
    /// Connections that ended before their time.
    pub(crate) broken: u64,
    /// Clients that were not there any more at the end.
    pub(crate) gone: u64,
    /// From the attempt, or from when it was due, to its acknowledgement; nanoseconds.
    pub(crate) ack: Histogram<u64>,
    /// From the attempt to the recipient; nanoseconds.
    pub(crate) delivery: Histogram<u64>,
    /// What a scenario counts of its own, within the time measured.
    pub(crate) units: u64,
    /// What a scenario measures of its own; nanoseconds.
    pub(crate) other: Histogram<u64>,
}

impl Stats {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let histogram = || Histogram::new_with_bounds(1, 600_000_000_000, 3);
        Ok(Self {
            sent: 0,
            delivered: 0,
            unknown: 0,
            errors: BTreeMap::new(),
            heads: 0,
            syncs: 0,
            broken: 0,
            gone: 0,
            units: 0,
            ack: histogram()?,
            delivery: histogram()?,
            other: histogram()?,
        })
    }

    /// Counts an error.
    pub(crate) fn error(&mut self, code: &[u8]) {
        *self.errors.entry(String::from_utf8_lossy(code).into_owned()).or_default() += 1;
    }

    /// Adds the figures of another thread.
    pub(crate) fn add(&mut self, other: &Self) -> anyhow::Result<()> {
        self.sent += other.sent;
        self.delivered += other.delivered;
        self.unknown += other.unknown;
        self.heads += other.heads;
        self.syncs += other.syncs;
        self.broken += other.broken;
        self.gone += other.gone;
        self.units += other.units;
        for (code, count) in &other.errors {
            *self.errors.entry(code.clone()).or_default() += count;
        }
        self.ack.add(&other.ack)?;
        self.delivery.add(&other.delivery)?;
        self.other.add(&other.other)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_of_version_7() {
        let (mut a, mut b) = (Ids::new(0), Ids::new(1));
        let mut all = std::collections::HashSet::new();
        for now in 0..10_000 {
            for ids in [&mut a, &mut b] {
                let id = ids.next(now * 1_000);
                assert!(all.insert(id));
                let uuid = uuid::Uuid::from_u128(id);
                assert_eq!((uuid.get_version_num(), uuid.get_variant()), (7, uuid::Variant::RFC4122));
            }
        }
    }
}
