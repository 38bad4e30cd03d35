//! What is written down during a run: the history for the judge, the trace, and counts.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use causerie_checker::History;
use causerie_checker::history::{Nanos, Outcome};
use xxhash_rust::xxh3::Xxh3;

use crate::time::SimTime;

/// The book of a run; all hosts live in one thread.
pub type SharedBook = Rc<RefCell<Book>>;

/// Everything that is written down.
pub struct Book {
    /// For the judge.
    pub history: History,
    /// What is counted.
    pub counts: Counts,
    /// Promises that were broken and that the judge cannot see.
    pub failures: Vec<String>,
    time: Arc<SimTime>,
    hash: Xxh3,
    lines: u64,
    print: bool,
}

/// What is counted.
#[derive(Debug, Default)]
pub struct Counts {
    /// Frames that went to and came from each user's host.
    pub frames: Vec<u64>,
    /// Told to sync.
    pub heads: u64,
    /// Errors by code.
    pub errors: BTreeMap<&'static str, u64>,
    /// Told that the server goes away.
    pub goodbyes: u64,
    /// Acknowledged sends.
    pub acknowledged: u64,
    /// The longest that a send took to end, in nanoseconds.
    pub longest_send: Nanos,
}

impl Book {
    /// An empty book; `print` shows the trace as it is written.
    pub fn new(time: Arc<SimTime>, users: usize, print: bool) -> Self {
        let counts = Counts { frames: vec![0; users], ..Counts::default() };
        let (history, failures) = (History::default(), Vec::new());
        Self { history, counts, failures, time, hash: Xxh3::new(), lines: 0, print }
    }

    /// A time for the history.
    pub fn stamp(&self) -> Nanos {
        self.time.stamp()
    }

    /// How much has passed.
    pub fn elapsed(&self) -> Duration {
        self.time.elapsed()
    }

    /// Adds a line to the trace.
    pub fn trace(&mut self, who: &str, what: &str, text: &str) {
        let at = self.time.elapsed().as_millis();
        if self.print {
            println!("{at:>8} {who} {what} {text}");
        }
        let mut line = String::with_capacity(text.len() + 32);
        // Writing to memory does not fail.
        let _ = write!(line, "{at} {who} {what} {text}");
        self.hash.update(line.as_bytes());
        self.lines += 1;
    }

    /// The hash of the trace so far, and how many lines it has.
    pub fn trace_hash(&self) -> (u64, u64) {
        (self.hash.digest(), self.lines)
    }

    /// Notes how an attempt ended.
    pub fn ended(&mut self, attempt: u32, begun: Nanos, outcome: Outcome) {
        let at = self.time.stamp();
        self.history.answer(attempt, at, outcome);
        self.counts.acknowledged += u64::from(matches!(outcome, Outcome::Sent(_)));
        self.counts.longest_send = self.counts.longest_send.max(at.saturating_sub(begun));
    }

    /// A promise was broken.
    pub fn fail(&mut self, what: String) {
        self.trace("world", "failed", &what);
        self.failures.push(what);
    }
}
