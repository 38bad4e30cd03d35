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

#[cfg(test)]
mod tests {
    use causerie_protocol::frame::down::EntryKind;
    use causerie_protocol::{Body, ClientMessageId, ConversationId, MessageId, Timestamp};

    use super::*;

    fn message(seq: u64) -> Message {
        Message {
            conversation: ConversationId::from_bytes([0; 16]),
            seq: Seq(seq),
            message_id: MessageId(seq),
            kind: EntryKind::Message,
            from: "bob".parse().unwrap(),
            device: "d".parse().unwrap(),
            client_message_id: ClientMessageId::from_bytes([0; 16]),
            time: Timestamp(0),
            body: Body::text("hi"),
        }
    }

    fn given(act: impl FnOnce(&mut usize, &mut Vec<Message>)) -> Vec<u64> {
        let (mut room, mut given) = (100, Vec::new());
        act(&mut room, &mut given);
        given.iter().map(|message| message.seq.0).collect()
    }

    #[test]
    fn only_a_page_steps_over_positions() {
        // Removed at 3, let in again at 7: what is between is not this reader's.
        let mut stream = Stream::new(Seq(3));
        assert!(given(|room, out| stream.take(message(7), room, out)).is_empty());
        assert!(stream.behind());
        let page = vec![message(7), message(8)];
        assert_eq!(given(|room, out| stream.page(page, (Seq(7), false), room, out)), [7, 8]);
        assert!(!stream.behind());
    }

    #[test]
    fn what_a_whole_page_leaves_out_is_not_waited_for() {
        let mut stream = Stream::new(Seq(3));
        stream.announce(Seq(5));
        assert!(given(|room, out| stream.page(Vec::new(), (Seq(5), false), room, out)).is_empty());
        assert!(!stream.behind());
        // What was announced after the question is still to come.
        stream.announce(Seq(8));
        assert_eq!(given(|room, out| stream.page(vec![message(6)], (Seq(6), false), room, out)), [6]);
        assert!(stream.behind());
    }

    #[test]
    fn what_finds_no_room_comes_later() {
        let mut stream = Stream::new(Seq(0));
        let (mut room, mut out) = (1, Vec::new());
        stream.page(vec![message(1), message(2)], (Seq(2), false), &mut room, &mut out);
        assert_eq!((out.len(), stream.position(), stream.behind()), (1, Seq(1), true));
    }
}
