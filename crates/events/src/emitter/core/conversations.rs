//! Following conversations: what is known of them, and what the store is asked.

use std::time::Duration;

use causerie_protocol::{ConversationId, Seq, Timestamp};
use causerie_store::Epoch;
use causerie_store::model::{Entry, Shard};
use causerie_store::port::outbox::Extent;

use super::track::{Track, Waits};
use super::{Ask, Core, Due, Lag, PAUSE};

/// Entries that are read at a time, at most.
const RUN: u64 = 512;

/// Cursors that are due at a time, and marks.
const DUE: usize = 8192;

impl Core {
    /// Entries were committed: in an order that rises for each conversation, though some may never be told of.
    pub(crate) fn committed(
        &mut self,
        (now, wall): (Duration, Timestamp),
        conversation: ConversationId,
        (epoch, entries): (Epoch, Vec<Entry>),
    ) {
        let Some(first) = entries.first() else { return };
        // Before the first there is nothing to be asked for.
        let Some(track) = self.follow(conversation, first.seq == Seq(1), (now, wall)) else { return };
        track.touched = now;
        let room = self.bounds.buffered_bytes.saturating_sub(self.buffered);
        let kept = self.tracks.get_mut(&conversation).map_or(0, |track| track.commit(epoch, entries, room));
        self.buffered += kept;
        self.schedule(conversation);
    }

    /// Entries up to this one were committed and are not at hand.
    pub(crate) fn known(&mut self, times: (Duration, Timestamp), conversation: ConversationId, last: Seq) {
        if let Some(track) = self.follow(conversation, false, times) {
            track.touched = times.0;
            track.raise(last, times.1);
            self.schedule(conversation);
        }
    }

    /// Something could not even be noted: the marks tell what.
    pub(crate) fn lost(&mut self) {
        self.scan.again();
    }

    /// This node owns a shard from now on.
    pub(crate) fn acquired(&mut self, shard: Shard) {
        self.scan.add(shard);
    }

    fn follow(
        &mut self,
        conversation: ConversationId,
        open: bool,
        (now, wall): (Duration, Timestamp),
    ) -> Option<&mut Track> {
        if self.tracks.len() >= self.bounds.tracks && !self.tracks.contains_key(&conversation) {
            self.scan.again();
            return None;
        }
        Some(self.tracks.entry(conversation).or_insert_with(|| Track::new(open, now, wall)))
    }

    /// Puts a conversation into the queue that it belongs to, unless it waits already or something is under way.
    pub(super) fn schedule(&mut self, conversation: ConversationId) {
        let Some(track) = self.tracks.get_mut(&conversation) else { return };
        self.buffered -= track.drop_sent();
        if track.waits != Waits::Nowhere || track.awaits() {
            return;
        }
        let (waits, queue) = if !track.open {
            (Waits::ForExtent, &mut self.for_extent)
        } else if track.next().is_some() {
            (Waits::ForProducer, &mut self.for_producer)
        } else if track.gap().is_some() {
            (Waits::ForEntries, &mut self.for_entries)
        } else if track.doubted {
            (Waits::ForExtent, &mut self.for_extent)
        } else {
            return;
        };
        track.waits = waits;
        queue.push_back(conversation);
    }

    /// What to ask the store, if there may be one more question. Each is to be answered. At the end only what lets go what
    /// is at hand.
    pub(crate) fn ask(&mut self, closing: bool) -> Option<Ask> {
        if self.asks >= self.bounds.asks {
            return None;
        }
        if closing {
            let ask = self.ask_extent()?;
            self.asks += 1;
            return Some(ask);
        }
        let ask = self.ask_entries().or_else(|| self.ask_extent()).or_else(|| {
            let room = self.bounds.tracks.saturating_sub(self.tracks.len());
            self.scan.next(self.bounds.page, room).map(|(shard, after)| Ask::Marks(shard, after))
        })?;
        self.asks += 1;
        Some(ask)
    }

    fn ask_extent(&mut self) -> Option<Ask> {
        while let Some(conversation) = self.for_extent.pop_front() {
            if let Some(track) = self.tracks.get_mut(&conversation)
                && track.waits == Waits::ForExtent
            {
                track.waits = Waits::Nowhere;
                (track.asked, track.doubted) = (true, false);
                return Some(Ask::Extent(conversation));
            }
        }
        None
    }

    fn ask_entries(&mut self) -> Option<Ask> {
        while let Some(conversation) = self.for_entries.front().copied() {
            let waiting = self.tracks.get_mut(&conversation).filter(|track| track.waits == Waits::ForEntries);
            let Some(track) = waiting else {
                self.for_entries.pop_front();
                continue;
            };
            if self.buffered >= self.bounds.buffered_bytes {
                // What waits behind a gap must not keep the gap from being read.
                self.buffered -= track.drop_buffer();
                if self.buffered >= self.bounds.buffered_bytes {
                    return None;
                }
            }
            self.for_entries.pop_front();
            track.waits = Waits::Nowhere;
            if let Some((first, last)) = track.gap() {
                let last = last.min(Seq(first.0 + RUN - 1));
                track.reading = Some(last);
                return Some(Ask::Entries(conversation, first, last));
            }
        }
        None
    }

    /// Marked conversations; `None`: they could not be read, or the shard is not this node's.
    pub(crate) fn marks(
        &mut self,
        times: (Duration, Timestamp),
        (shard, after): (Shard, Option<ConversationId>),
        marked: Option<Vec<ConversationId>>,
    ) {
        self.asks -= 1;
        let Some(marked) = marked else { return self.scan.failed(shard, after) };
        let more = marked.len() >= self.bounds.page;
        self.scan.answered(shard, marked.last().copied().filter(|_| more));
        for conversation in marked {
            if let Some(track) = self.follow(conversation, false, times) {
                track.doubted = track.open;
                self.schedule(conversation);
            }
        }
    }

    /// How far a conversation is; `None`: it could not be read.
    pub(crate) fn extent(&mut self, now: Duration, conversation: ConversationId, extent: Option<Extent>) {
        self.asks -= 1;
        let Some(track) = self.tracks.get_mut(&conversation) else { return };
        if !std::mem::take(&mut track.asked) {
            return;
        }
        let Some(Extent { emitted, last }) = extent else {
            track.doubted = track.open;
            return self.later(now, conversation);
        };
        // What is open already knows better how far it is.
        if !std::mem::replace(&mut track.open, true) {
            (track.sent, track.persisted) = (emitted, emitted);
        }
        track.known = track.known.max(last).max(emitted);
        self.schedule(conversation);
    }

    /// Entries of a conversation from a position on; `None`: they could not be read.
    pub(crate) fn entries(
        &mut self,
        now: Duration,
        (conversation, first): (ConversationId, Seq),
        entries: Option<(Epoch, Vec<Entry>)>,
    ) {
        self.asks -= 1;
        let Some(track) = self.tracks.get_mut(&conversation) else { return };
        track.reading = None;
        // After a restart it begins elsewhere, and asks again.
        if track.sent.next() != first {
            return self.schedule(conversation);
        }
        let dense = |entries: &[Entry]| {
            !entries.is_empty() && entries.iter().zip(first.0..).all(|(entry, seq)| entry.seq.0 == seq)
        };
        match entries {
            Some((epoch, entries)) if dense(&entries) => {
                let (added, removed) = track.fill(epoch, entries);
                self.buffered = self.buffered + added - removed;
                self.schedule(conversation);
            }
            // What is committed is there: then something is wrong with the store.
            _ => self.later(now, conversation),
        }
    }

    /// This node does not own a conversation any more: whoever does emits it.
    pub(crate) fn forget(&mut self, conversation: ConversationId) {
        self.asks -= 1;
        if let Some(mut track) = self.tracks.remove(&conversation) {
            self.buffered -= track.drop_buffer();
            self.for_producer.retain(|id| *id != conversation);
        }
    }

    fn later(&mut self, now: Duration, conversation: ConversationId) {
        if let Some(track) = self.tracks.get_mut(&conversation) {
            track.waits = Waits::ForLater(now + PAUSE);
            self.for_later.push(conversation);
        }
    }

    /// Once a second or so: what is due, and how far it is behind.
    pub(crate) fn due(&mut self, now: Duration, closing: bool) -> Due {
        self.scan.resume();
        for conversation in std::mem::take(&mut self.for_later) {
            match self.tracks.get_mut(&conversation) {
                Some(Track { waits: Waits::ForLater(until), .. }) if *until > now => {
                    self.for_later.push(conversation);
                }
                Some(track) => {
                    track.waits = Waits::Nowhere;
                    self.schedule(conversation);
                }
                None => {}
            }
        }
        let crowded = self.tracks.len() > self.bounds.tracks / 2;
        let idle = if crowded || closing { Duration::ZERO } else { self.bounds.idle };
        let mut due = Due::default();
        let mut lag = Lag { conversations: self.tracks.len(), unknown: !self.scan.done(), ..Lag::default() };
        for (conversation, track) in &mut self.tracks {
            let behind = track.lag();
            if behind > 0 {
                lag.records += behind;
                let oldest = track.oldest();
                lag.oldest = Some(lag.oldest.map_or(oldest, |time| time.min(oldest)));
            }
            let emitted = track.emitted();
            if emitted > track.persisted && due.cursors.len() < DUE {
                due.cursors.push((*conversation, emitted));
            } else if track.idle() && !track.clearing && track.touched + idle <= now && due.marks.len() < DUE
            {
                track.clearing = true;
                due.marks.push((*conversation, emitted));
            }
        }
        due.lag = lag;
        due
    }

    /// These cursors are durable.
    pub(crate) fn persisted(&mut self, cursors: &[(ConversationId, Seq)]) {
        for (conversation, seq) in cursors {
            if let Some(track) = self.tracks.get_mut(conversation) {
                track.persisted = track.persisted.max(*seq);
            }
        }
    }

    /// A mark is cleared, or not.
    pub(crate) fn cleared(
        &mut self,
        now: Duration,
        (conversation, emitted): (ConversationId, Seq),
        cleared: bool,
    ) {
        let Some(track) = self.tracks.get_mut(&conversation) else { return };
        track.clearing = false;
        if !cleared {
            // Either something is written behind, or the log has gone on without telling.
            (track.touched, track.doubted) = (now, true);
            self.schedule(conversation);
        } else if track.idle() && track.known == emitted {
            self.tracks.remove(&conversation);
        }
    }

    pub(super) fn rewind_all(&mut self) {
        let mut moved = Vec::new();
        for (conversation, track) in &mut self.tracks {
            self.buffered -= track.rewind();
            if track.waits == Waits::ForProducer && track.next().is_none() {
                track.waits = Waits::Nowhere;
            }
            if track.waits == Waits::Nowhere {
                moved.push(*conversation);
            }
        }
        let tracks = &self.tracks;
        self.for_producer.retain(|id| tracks.get(id).is_some_and(|track| track.waits == Waits::ForProducer));
        moved.into_iter().for_each(|conversation| self.schedule(conversation));
    }
}
