//! What was known to be there, at each time.

use std::collections::HashMap;

use crate::evidence::Evidence;
use crate::history::{Nanos, Outcome};

/// The highest position that was known, over time.
#[derive(Debug, Default)]
pub(super) struct Watermark(Vec<(Nanos, u64)>);

impl Watermark {
    /// The highest position known before this time; 0 if none.
    pub(super) fn before(&self, at: Nanos) -> u64 {
        let count = self.0.partition_point(|(known, _)| *known < at);
        count.checked_sub(1).map_or(0, |last| self.0[last].1)
    }

    /// Sorts by time and lets the position only rise.
    fn settle(&mut self) {
        self.0.sort_unstable();
        let mut highest = 0;
        for (_, seq) in &mut self.0 {
            highest = highest.max(*seq);
            *seq = highest;
        }
    }
}

/// The watermarks of all conversations.
#[derive(Debug, Default)]
pub(super) struct Watermarks {
    acknowledged: HashMap<u32, Watermark>,
    read: HashMap<u32, Watermark>,
}

impl Watermarks {
    pub(super) fn of(evidence: &Evidence<'_>) -> Self {
        let history = evidence.history;
        let mut marks = Self::default();
        let mut acknowledged = |conversation: u32, at: Nanos, seq: u64| {
            marks.acknowledged.entry(conversation).or_default().0.push((at, seq));
        };
        for attempt in &history.attempts {
            if let Outcome::Sent(seq) = attempt.outcome {
                acknowledged(attempt.conversation, attempt.answered, seq);
            }
        }
        for changed in &history.changed {
            acknowledged(changed.conversation, changed.at, changed.seq);
        }
        let mut read = |conversation: u32, at: Nanos, seq: u64| {
            marks.read.entry(conversation).or_default().0.push((at, seq));
        };
        for entry in evidence.entries().iter().filter(|entry| entry.known < Nanos::MAX) {
            read(entry.conversation, entry.known, entry.seq);
        }
        for page in history.pages.iter().filter(|page| !page.last) {
            read(page.conversation, page.at, page.head);
        }
        for row in &history.reads {
            read(row.conversation, row.at, row.seq);
        }
        for row in &history.heads {
            read(row.conversation, row.at, row.seq);
        }
        marks.acknowledged.values_mut().chain(marks.read.values_mut()).for_each(Watermark::settle);
        marks
    }

    /// The highest position that had been acknowledged before this time.
    pub(super) fn acknowledged(&self, conversation: u32, at: Nanos) -> u64 {
        self.acknowledged.get(&conversation).map_or(0, |mark| mark.before(at))
    }

    /// The highest position that anybody knew of before this time, by whatever way.
    pub(super) fn known(&self, conversation: u32, at: Nanos) -> u64 {
        self.read
            .get(&conversation)
            .map_or(0, |mark| mark.before(at))
            .max(self.acknowledged(conversation, at))
    }
}
