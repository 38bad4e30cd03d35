//! What an emitter decides: which conversation, which entries next, what is in flight, when a cursor may be kept and when
//! a mark may be cleared. Nothing here waits, reads a clock or knows Kafka.
//!
//! Guaranteed, for whatever order of reports, errors and crashes, as long as a producer delivers what it was given of one
//! conversation in order or not at all from the first failure on:
//! - everything committed that the outbox knows of is handed to a producer until it is acknowledged;
//! - first occurrences are in the order of their positions: a producer is handed each conversation gaplessly, beginning
//!   at most one above what is acknowledged;
//! - a cursor never passes what is acknowledged, so a crash only makes events come twice.
//!
//! Bounded: buffered bytes, records and bytes in flight, reads under way, conversations that are followed. What does not
//! fit is known by number only, and is read from the log later; a conversation that cannot even be followed is found by
//! its mark, when there is room again.

mod conversations;
mod flights;
mod scan;
#[cfg(test)]
mod tests;
mod track;

use std::collections::VecDeque;
use std::time::Duration;

use causerie_protocol::{ConversationId, Seq, Timestamp};
use causerie_store::Epoch;
use causerie_store::model::{Cursor, Entry, Shard};
use hashbrown::HashMap;

use flights::Flights;
pub(crate) use flights::{Flight, Topic};
use scan::Scan;
use track::Track;
pub(super) use track::cost;

use super::latest::{Latest, Of};
use crate::record::Undelivered;

/// How much there may be at a time.
#[derive(Clone, Debug)]
pub(crate) struct Bounds {
    /// Bytes of entries that wait for the producer.
    pub(crate) buffered_bytes: usize,
    /// Records that the producer has.
    pub(crate) in_flight: usize,
    /// Their bytes.
    pub(crate) in_flight_bytes: usize,
    /// Questions to the store under way.
    pub(crate) asks: usize,
    /// Conversations that are followed.
    pub(crate) tracks: usize,
    /// Marks that are asked for at a time; at most half of `tracks`.
    pub(crate) page: usize,
    /// Receipts that wait, and undelivered ones.
    pub(crate) latest: usize,
    /// A conversation that was silent for so long may lose its mark.
    pub(crate) idle: Duration,
}

/// A question to the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// Marked conversations of a shard after this one.
    Marks(Shard, Option<ConversationId>),
    /// How far a conversation is.
    Extent(ConversationId),
    /// Entries of a conversation, from and to.
    Entries(ConversationId, Seq, Seq),
}

/// A record to be handed to the producer.
pub(crate) enum Next<'a> {
    /// An entry, and to which topic.
    Entry(ConversationId, Epoch, &'a Entry, Topic),
    /// A receipt.
    Receipt(&'a Of, Cursor),
    /// Somebody who is not connected.
    Undelivered(&'a Undelivered),
}

/// What is to be written to the store now.
#[derive(Debug, Default)]
pub(crate) struct Due {
    /// Cursors that have moved.
    pub(crate) cursors: Vec<(ConversationId, Seq)>,
    /// Marks that may be cleared.
    pub(crate) marks: Vec<(ConversationId, Seq)>,
    /// How far it is behind.
    pub(crate) lag: Lag,
}

/// How far an emitter is behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lag {
    /// Entries that are committed and not acknowledged, of conversations that are followed.
    pub(crate) records: u64,
    /// The time of the oldest.
    pub(crate) oldest: Option<Timestamp>,
    /// Conversations that are followed.
    pub(crate) conversations: usize,
    /// Whether there may be others.
    pub(crate) unknown: bool,
}

/// The state of one emitter.
pub(crate) struct Core {
    bounds: Bounds,
    tracks: HashMap<ConversationId, Track>,
    for_extent: VecDeque<ConversationId>,
    for_entries: VecDeque<ConversationId>,
    for_producer: VecDeque<ConversationId>,
    for_later: Vec<ConversationId>,
    flights: Flights,
    receipts: Latest<Cursor>,
    undelivered: Latest<Undelivered>,
    scan: Scan,
    buffered: usize,
    asks: usize,
    /// How many records the front conversation has had in this turn, and all entries since the others' turn.
    turn: usize,
}

/// Records of one conversation, or of one kind, after which it is another's turn.
const TURN: usize = 64;

/// How long it waits before it asks the store again what was answered with an error.
const PAUSE: Duration = Duration::from_secs(1);

impl Core {
    /// Knows nothing, and will look at the marks of these shards.
    pub(crate) fn new(bounds: Bounds, shards: impl Iterator<Item = Shard>) -> Self {
        Self {
            tracks: HashMap::new(),
            for_extent: VecDeque::new(),
            for_entries: VecDeque::new(),
            for_producer: VecDeque::new(),
            for_later: Vec::new(),
            flights: Flights::default(),
            receipts: Latest::new(bounds.latest),
            undelivered: Latest::new(bounds.latest),
            scan: Scan::new(shards.collect()),
            buffered: 0,
            asks: 0,
            turn: 0,
            bounds,
        }
    }

    /// A user's cursor rose.
    pub(crate) fn receipt(&mut self, of: Of, cursor: Cursor) {
        self.receipts.put(of, cursor);
    }

    /// Somebody is not connected.
    pub(crate) fn undelivered(&mut self, undelivered: Undelivered) {
        self.undelivered.put((undelivered.conversation, undelivered.user.clone()), undelivered);
    }

    /// How many receipts and undelivered there was no room for, since it was asked last.
    pub(crate) fn take_dropped(&mut self) -> u64 {
        self.receipts.take_dropped() + self.undelivered.take_dropped()
    }

    /// What to hand to the producer, if it may take more. Say [`handed`](Self::handed) when it has, with the ticket.
    pub(crate) fn next(&self) -> Option<Next<'_>> {
        let full = self.flights.count() >= self.bounds.in_flight
            || self.flights.bytes() >= self.bounds.in_flight_bytes;
        if full {
            return None;
        }
        let others = || {
            let receipt = self.receipts.first().map(|(of, cursor)| Next::Receipt(of, *cursor));
            receipt.or_else(|| self.undelivered.first().map(|(_, value)| Next::Undelivered(value)))
        };
        // Both kinds get their turns: entries, then as many others.
        if self.turn >= TURN {
            others().or_else(|| self.next_entry())
        } else {
            self.next_entry().or_else(others)
        }
    }

    fn next_entry(&self) -> Option<Next<'_>> {
        let conversation = *self.for_producer.front()?;
        let (epoch, entry, copy) = self.tracks.get(&conversation)?.next()?;
        Some(Next::Entry(conversation, epoch, entry, copy))
    }

    /// The ticket under which the next record is handed over.
    pub(crate) fn ticket(&self) -> usize {
        self.flights.next()
    }

    /// The producer has taken what [`next`](Self::next) said, as a record of so many bytes.
    pub(crate) fn handed(&mut self, bytes: usize) {
        let flight = match self.next() {
            None => return,
            Some(Next::Entry(conversation, _, _, copy)) => self.handed_entry(conversation, copy),
            Some(Next::Receipt(..)) => {
                self.turn = (self.turn + 1) % (2 * TURN);
                self.receipts
                    .pop()
                    .map(|((conversation, user), cursor)| Flight::Receipt(conversation, user, cursor))
            }
            Some(Next::Undelivered(_)) => {
                self.turn = (self.turn + 1) % (2 * TURN);
                self.undelivered.pop().map(|(_, value)| Flight::Undelivered(value))
            }
        };
        if let Some(flight) = flight {
            self.flights.add(flight, bytes);
        }
    }

    fn handed_entry(&mut self, conversation: ConversationId, copy: Topic) -> Option<Flight> {
        let track = self.tracks.get_mut(&conversation)?;
        let (seq, freed) = track.handed(copy);
        self.buffered -= freed;
        self.turn = if self.turn >= TURN { TURN } else { self.turn + 1 };
        let more = track.next().is_some();
        if !more || (seq.0.is_multiple_of(TURN as u64) && copy == Topic::Messages) {
            self.for_producer.pop_front();
            track.waits = track::Waits::Nowhere;
            self.schedule(conversation);
        }
        Some(Flight::Entry(conversation, seq, copy))
    }

    /// The broker has a record. What was given up before means nothing.
    pub(crate) fn delivered(&mut self, ticket: usize) {
        if let Some(Flight::Entry(conversation, seq, copy)) = self.flights.take(ticket)
            && let Some(track) = self.tracks.get_mut(&conversation)
        {
            track.acknowledge(seq, copy);
        }
    }

    /// Whether a report of this ticket still means something.
    pub(crate) fn flies(&self, ticket: usize) -> bool {
        self.flights.knows(ticket)
    }

    /// The producer is gone, and whether the broker has what was in flight is not known: all of it is handed over again.
    pub(crate) fn restart(&mut self) {
        for flight in self.flights.clear() {
            match flight {
                Flight::Entry(..) => {}
                Flight::Receipt(conversation, user, cursor) => {
                    self.receipts.put((conversation, user), cursor);
                }
                Flight::Undelivered(value) => {
                    self.undelivered.put((value.conversation, value.user.clone()), value);
                }
            }
        }
        self.rewind_all();
    }

    /// Whether nothing waits for the producer or for an answer, and nothing is in flight.
    pub(crate) fn quiet(&self) -> bool {
        self.flights.count() == 0
            && self.asks == 0
            && self.for_extent.is_empty()
            && self.for_producer.is_empty()
            && self.receipts.is_empty()
            && self.undelivered.is_empty()
    }

    /// Bytes of entries that wait, and bytes and number of records in flight.
    pub(crate) fn held(&self) -> (usize, usize, usize) {
        (self.buffered, self.flights.bytes(), self.flights.count())
    }
}
