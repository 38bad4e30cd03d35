//! How far one conversation is.

use std::collections::VecDeque;
use std::time::Duration;

use causerie_protocol::frame::down::EntryKind;
use causerie_protocol::{Seq, Timestamp};
use causerie_store::Epoch;
use causerie_store::model::Entry;

use super::flights::Topic;

/// In which queue of the core a conversation waits; it is in one at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waits {
    /// In none: there is nothing to do, or something is under way.
    Nowhere,
    /// For its emit cursor to be read.
    ForExtent,
    /// For entries to be read.
    ForEntries,
    /// For the producer to take the front of its buffer.
    ForProducer,
    /// For time to pass after an error.
    ForLater(Duration),
}

/// The membership copy of the entry at the front of the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Half {
    Not,
    InFlight,
    Acknowledged,
}

/// An entry that the producer has: which copies are not acknowledged.
#[derive(Clone, Copy, Debug)]
struct Flying {
    open: u8,
    time: Timestamp,
}

/// `emitted` ≤ `sent` ≤ `known`; what lies between the first two is in flight. The buffer continues `sent`, perhaps after a gap
/// that is to be read from the log.
#[derive(Debug)]
pub(super) struct Track {
    /// Whether `sent` is known; until then nothing is handed out.
    pub(super) open: bool,
    /// Handed to the producer up to here.
    pub(super) sent: Seq,
    flying: VecDeque<Flying>,
    /// Committed up to here.
    pub(super) known: Seq,
    buffer: VecDeque<(Epoch, Entry)>,
    half: Half,
    /// The end of what is just being read from the log.
    pub(super) reading: Option<Seq>,
    pub(super) waits: Waits,
    /// Its extent is just being read.
    pub(super) asked: bool,
    /// Its log may have gone on without telling: its extent is to be read once more.
    pub(super) doubted: bool,
    /// The durable emit cursor, as far as is known.
    pub(super) persisted: Seq,
    /// When it last changed.
    pub(super) touched: Duration,
    pub(super) clearing: bool,
    /// The time of something that is not emitted, where no entry that is at hand tells.
    behind_since: Timestamp,
}

/// What a buffered entry is counted as, in bytes.
pub(in crate::emitter) fn cost(entry: &Entry) -> usize {
    const BESIDE_BODY: usize = 256;
    entry.body.as_json().len() + BESIDE_BODY
}

impl Track {
    pub(super) fn new(open: bool, now: Duration, wall: Timestamp) -> Self {
        Self {
            open,
            sent: Seq::ZERO,
            flying: VecDeque::new(),
            known: Seq::ZERO,
            buffer: VecDeque::new(),
            half: Half::Not,
            reading: None,
            waits: Waits::Nowhere,
            asked: false,
            doubted: false,
            persisted: Seq::ZERO,
            touched: now,
            clearing: false,
            behind_since: wall,
        }
    }

    /// Everything up to here is acknowledged.
    pub(super) fn emitted(&self) -> Seq {
        Seq(self.sent.0 - self.flying.len() as u64)
    }

    /// How many entries are not emitted.
    pub(super) fn lag(&self) -> u64 {
        if self.open { self.known.0.saturating_sub(self.emitted().0) } else { self.buffer.len() as u64 }
    }

    /// The time of the oldest entry that is not emitted, or one before.
    pub(super) fn oldest(&self) -> Timestamp {
        let flying = self.flying.front().map(|flying| flying.time);
        let buffered = || self.buffer.front().filter(|(_, entry)| entry.seq == self.sent.next());
        flying.or_else(|| buffered().map(|(_, entry)| entry.time())).unwrap_or(self.behind_since)
    }

    /// Whether there is nothing to do and nothing to write.
    pub(super) fn idle(&self) -> bool {
        self.open
            && !self.doubted
            && !self.awaits()
            && self.known == self.emitted()
            && self.persisted == self.known
    }

    /// Notes that entries up to here were committed, at this time or before.
    pub(super) fn raise(&mut self, last: Seq, time: Timestamp) {
        if self.known == self.emitted() {
            self.behind_since = time;
        }
        self.known = self.known.max(last);
    }

    /// Notes entries that were committed, and keeps them if they continue what is at hand and `room` allows. Answers
    /// the bytes that were kept.
    pub(super) fn commit(&mut self, epoch: Epoch, entries: Vec<Entry>, room: usize) -> usize {
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else { return 0 };
        self.raise(last.seq, first.time());
        let end = self
            .buffer
            .back()
            .map(|(_, entry)| entry.seq)
            .or(self.reading)
            .or(self.open.then_some(self.sent));
        if end.is_some_and(|end| end.next() != first.seq) {
            return 0;
        }
        let bytes = entries.iter().map(cost).sum();
        if bytes > room {
            return 0;
        }
        self.buffer.extend(entries.into_iter().map(|entry| (epoch, entry)));
        bytes
    }

    /// Takes entries that were read from the log, from `sent` on. Answers the bytes that were added, and removed.
    pub(super) fn fill(&mut self, epoch: Epoch, entries: Vec<Entry>) -> (usize, usize) {
        let Some(last) = entries.last().map(|entry| entry.seq) else { return (0, 0) };
        self.known = self.known.max(last);
        let removed = self.drop_up_to(last);
        let added = entries.iter().map(cost).sum();
        for entry in entries.into_iter().rev() {
            self.buffer.push_front((epoch, entry));
        }
        (added, removed)
    }

    /// Drops what was sent already from the buffer, if it is known what was; answers the bytes.
    pub(super) fn drop_sent(&mut self) -> usize {
        if self.open { self.drop_up_to(self.sent) } else { 0 }
    }

    /// Whether an answer of the store is awaited.
    pub(super) fn awaits(&self) -> bool {
        self.asked || self.reading.is_some()
    }

    fn drop_up_to(&mut self, seq: Seq) -> usize {
        let mut removed = 0;
        while let Some((_, entry)) = self.buffer.pop_front_if(|(_, entry)| entry.seq <= seq) {
            removed += cost(&entry);
        }
        removed
    }

    /// Drops the buffer: it will be read from the log. Answers the bytes.
    pub(super) fn drop_buffer(&mut self) -> usize {
        self.buffer.drain(..).map(|(_, entry)| cost(&entry)).sum()
    }

    /// The entry to be handed out next, and which copy of it.
    pub(super) fn next(&self) -> Option<(Epoch, &Entry, Topic)> {
        let (epoch, entry) =
            self.buffer.front().filter(|(_, entry)| self.open && entry.seq == self.sent.next())?;
        let both = entry.kind == EntryKind::Membership && self.half == Half::Not;
        Some((*epoch, entry, if both { Topic::Membership } else { Topic::Messages }))
    }

    /// Where to read the log, if the buffer has a gap at its beginning.
    pub(super) fn gap(&self) -> Option<(Seq, Seq)> {
        let first = self.sent.next();
        let last = self.buffer.front().map_or(self.known, |(_, entry)| Seq(entry.seq.0 - 1));
        (self.open && first <= last).then_some((first, last))
    }

    /// The producer has taken what [`next`](Self::next) said. Answers its position, and the bytes that left the buffer.
    pub(super) fn handed(&mut self, copy: Topic) -> (Seq, usize) {
        let seq = self.sent.next();
        if copy == Topic::Membership {
            self.half = Half::InFlight;
            return (seq, 0);
        }
        let Some((_, entry)) = self.buffer.pop_front() else { return (seq, 0) };
        let half = if self.half == Half::InFlight { Topic::Membership.bit() } else { 0 };
        self.flying.push_back(Flying { open: Topic::Messages.bit() | half, time: entry.time() });
        self.half = Half::Not;
        self.sent = seq;
        (seq, cost(&entry))
    }

    /// A copy of the entry at a position is in the broker.
    pub(super) fn acknowledge(&mut self, seq: Seq, copy: Topic) {
        if seq == self.sent.next() && copy == Topic::Membership {
            self.half = Half::Acknowledged;
            return;
        }
        let at = seq.0.checked_sub(self.emitted().next().0).and_then(|at| usize::try_from(at).ok());
        if let Some(flying) = at.and_then(|at| self.flying.get_mut(at)) {
            flying.open &= !copy.bit();
        }
        while let Some(done) = self.flying.pop_front_if(|flying| flying.open == 0) {
            self.behind_since = done.time;
        }
    }

    /// The producer is gone, with all that was in flight: begins again after what is acknowledged. Answers the bytes that
    /// left the buffer.
    pub(super) fn rewind(&mut self) -> usize {
        self.half = Half::Not;
        if self.flying.is_empty() {
            return 0;
        }
        self.behind_since = self.oldest();
        self.sent = self.emitted();
        self.flying.clear();
        // Entries between are not at hand any more.
        self.drop_buffer()
    }
}
