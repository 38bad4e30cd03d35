//! Delivered and read: cumulative, coalesced, told again when a connection was lost before the server read them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use causerie_protocol::frame::up::Cursor;
use causerie_protocol::{ConversationId, Seq, Up};

use super::requests::Requests;

/// How long positions are gathered before they are told.
const GATHER: Duration = Duration::from_millis(50);

#[derive(Debug, Default)]
struct Mark {
    delivered: Seq,
    read: Seq,
    told_delivered: Seq,
    told_read: Seq,
    /// The number of the frame that told it last.
    told_at: u64,
}

#[derive(Debug, Default)]
pub(super) struct Marks {
    marks: BTreeMap<ConversationId, Mark>,
    due: BTreeSet<ConversationId>,
    due_at: Option<Duration>,
    /// Told on this connection, and not known to be read by the server.
    unconfirmed: BTreeSet<ConversationId>,
}

impl Marks {
    pub(super) fn delivered(&mut self, conversation: ConversationId, seq: Seq, now: Duration) {
        let mark = self.marks.entry(conversation).or_default();
        mark.delivered = mark.delivered.max(seq);
        if mark.delivered > mark.told_delivered {
            self.fall_due(conversation, now);
        }
    }

    pub(super) fn read(&mut self, conversation: ConversationId, seq: Seq, now: Duration) {
        let mark = self.marks.entry(conversation).or_default();
        mark.read = mark.read.max(seq);
        mark.delivered = mark.delivered.max(seq);
        if mark.read > mark.told_read {
            self.fall_due(conversation, now);
        }
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        self.due_at
    }

    /// The frames that are due.
    pub(super) fn take_due(&mut self, now: Duration, requests: &mut Requests) -> Vec<Up> {
        if self.due_at.is_none_or(|at| at > now) { Vec::new() } else { self.take_all(requests) }
    }

    /// The frames that are or will be due.
    pub(super) fn take_all(&mut self, requests: &mut Requests) -> Vec<Up> {
        self.due_at = None;
        let mut frames = Vec::new();
        for conversation in std::mem::take(&mut self.due) {
            let Some(mark) = self.marks.get_mut(&conversation) else { continue };
            if mark.read > mark.told_read {
                frames.push(Up::Read(Cursor { id: None, conversation, seq: mark.read }));
                mark.told_at = requests.tell();
            }
            // A `read` implies `delivered` up to the same place.
            if mark.delivered > mark.told_delivered.max(mark.read) {
                frames.push(Up::Delivered(Cursor { id: None, conversation, seq: mark.delivered }));
                mark.told_at = requests.tell();
            }
            mark.told_read = mark.read;
            mark.told_delivered = mark.delivered;
            self.unconfirmed.insert(conversation);
        }
        frames
    }

    /// The server answered something: forgets what is certain.
    pub(super) fn confirm(&mut self, requests: &Requests) {
        let marks = &self.marks;
        self.unconfirmed.retain(|conversation| {
            marks.get(conversation).is_some_and(|mark| !requests.confirmed(mark.told_at))
        });
    }

    /// The connection is lost: what is not certain is due again.
    pub(super) fn lost(&mut self, now: Duration) {
        for conversation in std::mem::take(&mut self.unconfirmed) {
            if let Some(mark) = self.marks.get_mut(&conversation) {
                mark.told_delivered = Seq::ZERO;
                mark.told_read = Seq::ZERO;
                self.fall_due(conversation, now);
            }
        }
    }

    fn fall_due(&mut self, conversation: ConversationId, now: Duration) {
        self.due.insert(conversation);
        self.due_at.get_or_insert(now + GATHER);
    }
}
