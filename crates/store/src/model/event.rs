//! What the event log tells.

use causerie_protocol::{ConversationId, UserId};

use super::{Cursor, Entry};

/// A place in the event log: rises by one from 1; reading on after one resumes exactly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventPosition(pub u64);

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Where it stands.
    pub position: EventPosition,
    /// Whose it is; within one conversation the events of entries rise by seq.
    pub conversation: ConversationId,
    /// What happened.
    pub body: EventBody,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventBody {
    /// An entry became durable.
    Entry(Entry),
    /// A user's cursor rose to this.
    Receipt {
        /// Whose.
        user: UserId,
        /// How far.
        cursor: Cursor,
    },
}
