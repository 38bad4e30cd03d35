//! One conversation, put in order for the application.
//!
//! Live frames are taken when they follow the position; what runs ahead is kept, up to a bound, and the hole is
//! filled by `sync`. Only a page may step over positions: there they are not the reader's.

use std::collections::BTreeMap;

use causerie_protocol::Seq;
use causerie_protocol::frame::down::Message;

/// Messages of one conversation that are kept while a hole before them is filled. Above, they are fetched again.
const AHEAD_MAX: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Stream {
    /// The last position that the application was given.
    position: Seq,
    /// The highest position that is known to exist.
    known: Seq,
    /// What came before its turn.
    ahead: BTreeMap<Seq, Message>,
    /// Whether a `sync` is unanswered.
    pub(super) syncing: bool,
}

impl Stream {
    /// A conversation that the application has up to `position`.
    pub(super) fn new(position: Seq) -> Self {
        Self { position, known: position, ..Self::default() }
    }

    pub(super) fn position(&self) -> Seq {
        self.position
    }

    pub(super) fn known(&self) -> Seq {
        self.known
    }

    /// Whether there is something that the application was not given.
    pub(super) fn behind(&self) -> bool {
        self.known > self.position
    }

    /// There is something up to here.
    pub(super) fn announce(&mut self, seq: Seq) {
        self.known = self.known.max(seq);
    }

    /// The application wants nothing of this conversation up to here.
    pub(super) fn skip_to(&mut self, seq: Seq) {
        self.announce(seq);
        self.position = self.position.max(seq);
    }

    /// A single message, in any order, any number of times.
    pub(super) fn take(&mut self, message: Message, room: &mut usize, given: &mut Vec<Message>) {
        if message.seq <= self.position {
            return;
        }
        self.announce(message.seq);
        if self.ahead.len() < AHEAD_MAX || message.seq == self.position.next() {
            self.ahead.insert(message.seq, message);
        }
        self.drain(room, given);
    }

    /// Gives what is next, as far as it is there and there is room.
    pub(super) fn drain(&mut self, room: &mut usize, given: &mut Vec<Message>) {
        while *room > 0
            && let Some(message) = self.ahead.remove(&self.position.next())
        {
            self.give(message, room, given);
        }
    }

    /// The answer to a `sync`: all that this reader may read after a position that was reached by then. `asked` is
    /// what was known to exist when it was asked.
    pub(super) fn page(
        &mut self,
        items: Vec<Message>,
        (asked, more): (Seq, bool),
        room: &mut usize,
        given: &mut Vec<Message>,
    ) {
        let mut whole = !more || items.is_empty();
        for message in items {
            self.announce(message.seq);
            if message.seq <= self.position {
                continue;
            }
            if *room == 0 {
                whole = false;
                break;
            }
            self.give(message, room, given);
        }
        self.ahead = self.ahead.split_off(&self.position.next());
        self.drain(room, given);
        if whole && self.known <= asked {
            // What was announced and is not in a whole page is not this reader's.
            self.position = self.known;
            self.ahead.clear();
        }
    }

    fn give(&mut self, message: Message, room: &mut usize, given: &mut Vec<Message>) {
        self.position = message.seq;
        *room = room.saturating_sub(1);
        given.push(message);
    }
}
