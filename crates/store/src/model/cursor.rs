//! How far a user is.

use causerie_protocol::{ConversationId, DeviceId, Seq, UserId};
use serde::{Deserialize, Serialize};

/// Two cumulative positions; neither ever goes back, and what is read is delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Everything up to here was received.
    pub delivered: Seq,
    /// Everything up to here was read.
    pub read: Seq,
}

impl Cursor {
    /// The higher of each: the order of arrival does not matter.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        let read = self.read.max(other.read);
        Self { delivered: self.delivered.max(other.delivered).max(read), read }
    }
}

/// A device's cursor to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CursorUpdate {
    /// In which conversation.
    pub conversation: ConversationId,
    /// Whose.
    pub user: UserId,
    /// On which device.
    pub device: DeviceId,
    /// How far.
    pub cursor: Cursor,
}
