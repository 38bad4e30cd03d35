//! What stands in the payload of each cell, and how it becomes a value of the model.
//!
//! A record holds nothing that its key holds. Enumerations are written as numbers that never change their meaning.

use bincode::{BorrowDecode, Encode};
use causerie_protocol::frame::down::{ConversationKind, EntryKind, HistoryAccess, Role};
use causerie_protocol::{Body, ClientMessageId, DeviceId, MessageId, Seq, Title, UserId};
use causerie_store::Entry;
use causerie_store::model::{ConversationRow, MemberRow, Projection};

/// What a conversation is.
#[derive(Encode, BorrowDecode)]
pub(crate) struct ConversationRecord<'a> {
    kind: u8,
    created_by: &'a str,
    with: Option<&'a str>,
    created: u64,
    title: Option<&'a str>,
    history: u8,
    member_count: u32,
}

impl<'a> ConversationRecord<'a> {
    pub(crate) fn of(row: &'a ConversationRow) -> Self {
        Self {
            kind: match row.kind {
                ConversationKind::Direct => 0,
                ConversationKind::Group => 1,
            },
            created_by: row.created_by.as_str(),
            with: row.with.as_ref().map(UserId::as_str),
            created: row.created,
            title: row.title.as_ref().map(Title::as_str),
            history: match row.history {
                HistoryAccess::SinceJoin => 0,
                HistoryAccess::Full => 1,
            },
            member_count: row.member_count,
        }
    }

    /// `None` when it is nothing that was ever written.
    pub(crate) fn value(self) -> Option<ConversationRow> {
        Some(ConversationRow {
            kind: match self.kind {
                0 => ConversationKind::Direct,
                1 => ConversationKind::Group,
                _ => return None,
            },
            created_by: UserId::new(self.created_by).ok()?,
            with: self.with.map(UserId::new).transpose().ok()?,
            created: self.created,
            title: self.title.map(Title::new).transpose().ok()?,
            history: match self.history {
                0 => HistoryAccess::SinceJoin,
                1 => HistoryAccess::Full,
                _ => return None,
            },
            member_count: self.member_count,
        })
    }
}

/// A membership.
#[derive(Encode, BorrowDecode)]
pub(crate) struct MemberRecord {
    role: u8,
    join_seq: u64,
    first: u64,
}

impl MemberRecord {
    pub(crate) fn of(row: &MemberRow) -> Self {
        let role = match row.role {
            Role::Member => 0,
            Role::Admin => 1,
            Role::Owner => 2,
        };
        Self { role, join_seq: row.join_seq.0, first: row.first.0 }
    }

    /// `None` when it is nothing that was ever written.
    pub(crate) fn value(&self) -> Option<MemberRow> {
        let role = match self.role {
            0 => Role::Member,
            1 => Role::Admin,
            2 => Role::Owner,
            _ => return None,
        };
        Some(MemberRow { role, join_seq: Seq(self.join_seq), first: Seq(self.first) })
    }
}

/// A change of what follows from the log, beside the entry that it follows from.
#[derive(Encode, BorrowDecode)]
pub(super) enum ProjectionRecord<'a> {
    Conversation(ConversationRecord<'a>),
    Member(&'a str, MemberRecord),
    Removed(&'a str),
}

impl<'a> ProjectionRecord<'a> {
    pub(super) fn of(projection: &'a Projection) -> Self {
        match projection {
            Projection::Conversation(row) => Self::Conversation(ConversationRecord::of(row)),
            Projection::Member(user, row) => Self::Member(user.as_str(), MemberRecord::of(row)),
            Projection::Removed(user) => Self::Removed(user.as_str()),
        }
    }

    pub(super) fn value(self) -> Option<Projection> {
        Some(match self {
            Self::Conversation(row) => Projection::Conversation(row.value()?),
            Self::Member(user, row) => Projection::Member(UserId::new(user).ok()?, row.value()?),
            Self::Removed(user) => Projection::Removed(UserId::new(user).ok()?),
        })
    }
}

/// A message or a membership change.
#[derive(Encode, BorrowDecode)]
pub(super) struct EntryRecord<'a> {
    message_id: u64,
    kind: u8,
    from: &'a str,
    device: &'a str,
    client_message_id: [u8; 16],
    body: &'a str,
}

impl<'a> EntryRecord<'a> {
    pub(super) fn of(entry: &'a Entry) -> Self {
        Self {
            message_id: entry.message_id.0,
            kind: match entry.kind {
                EntryKind::Message => 0,
                EntryKind::Membership => 1,
            },
            from: entry.from.as_str(),
            device: entry.device.as_str(),
            client_message_id: *entry.client_message_id.as_bytes(),
            body: entry.body.as_json(),
        }
    }

    /// `None` when it is nothing that was ever written.
    pub(super) fn value(self, seq: Seq) -> Option<Entry> {
        Some(Entry {
            seq,
            message_id: MessageId(self.message_id),
            kind: match self.kind {
                0 => EntryKind::Message,
                1 => EntryKind::Membership,
                _ => return None,
            },
            from: UserId::new(self.from).ok()?,
            device: DeviceId::new(self.device).ok()?,
            client_message_id: ClientMessageId::from_bytes(self.client_message_id),
            body: Body::stored(self.body),
        })
    }
}
