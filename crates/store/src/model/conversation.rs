//! Conversations and their members.

use causerie_protocol::frame::down::{ConversationKind, HistoryAccess, Role};
use causerie_protocol::{ConversationId, Seq, Timestamp, Title, UserId};
use serde::{Deserialize, Serialize};

use super::Cursor;

/// What a conversation is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConversationRow {
    /// Direct or group.
    pub kind: ConversationKind,
    /// Who began it.
    pub created_by: UserId,
    /// The other user of a direct conversation.
    pub with: Option<UserId>,
    /// When, in milliseconds since 1970-01-01 UTC.
    pub created: u64,
    /// A group's title.
    pub title: Option<Title>,
    /// What new members may read.
    pub history: HistoryAccess,
    /// How many members it has, so that a list need not count them.
    pub member_count: u32,
}

impl ConversationRow {
    /// The other user of a direct conversation, as this user sees it.
    pub fn peer(&self, user: &UserId) -> Option<&UserId> {
        let with = self.with.as_ref()?;
        Some(if *user == self.created_by { with } else { &self.created_by })
    }

    /// When it was begun.
    pub fn created_at(&self) -> Timestamp {
        Timestamp(self.created)
    }
}

/// A membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberRow {
    /// What the member may do.
    pub role: Role,
    /// The entry that let it in; 0 in a direct conversation.
    pub join_seq: Seq,
    /// The first position that it may read.
    pub first: Seq,
}

/// All that an owner loads to open a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConversationState {
    /// What it is.
    pub row: ConversationRow,
    /// Who is in it, by user id, with the user's cursor (the highest of its devices).
    pub members: Vec<(UserId, MemberRow, Cursor)>,
}

/// A conversation in a user's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserConversation {
    /// Which.
    pub conversation: ConversationId,
    /// What it is.
    pub row: ConversationRow,
    /// The user's membership; the last one, when the user is no member any more.
    pub member: MemberRow,
    /// Whether the user has left or was removed; then it is listed only for export and erasure.
    pub removed: bool,
    /// How far the user is (the highest of its devices).
    pub cursor: Cursor,
}
