//! What stands in the payload of each record, and how it becomes a value of the model.
//!
//! A record holds nothing that its key holds. Enumerations are written as numbers that never change their meaning.

use std::borrow::Cow;

use bincode::{BorrowDecode, Encode};
use causerie_protocol::frame::down::{ConversationKind, EntryKind, HistoryAccess, Role};
use causerie_protocol::{Body, ClientMessageId, DeviceId, MessageId, Seq, Title, UserId};

use crate::model::{ConversationRow, Cursor, Entry, MemberRow, Profile};

/// A value that is one record of the state.
pub(super) trait Value: Sized {
    /// The record, which may borrow from the value or from the bytes that it was read from.
    type Record<'a>: Encode + BorrowDecode<'a, ()>
    where
        Self: 'a;

    /// The value as it is written.
    fn record(&self) -> Self::Record<'_>;

    /// The value that was read; `None` when it is nothing that was ever written.
    fn value(record: Self::Record<'_>) -> Option<Self>;
}

/// A number: a position, a time, a counter.
impl Value for u64 {
    type Record<'a> = Self;

    fn record(&self) -> Self {
        *self
    }

    fn value(record: Self) -> Option<Self> {
        Some(record)
    }
}

/// A text that only its reader understands.
impl Value for Box<str> {
    type Record<'a> = &'a str;

    fn record(&self) -> &str {
        self
    }

    fn value(record: &str) -> Option<Self> {
        Some(record.into())
    }
}

#[derive(Encode, BorrowDecode)]
pub(super) struct CursorRecord {
    delivered: u64,
    read: u64,
}

impl Value for Cursor {
    type Record<'a> = CursorRecord;

    fn record(&self) -> CursorRecord {
        CursorRecord { delivered: self.delivered.0, read: self.read.0 }
    }

    fn value(record: CursorRecord) -> Option<Self> {
        Some(Self { delivered: Seq(record.delivered), read: Seq(record.read) })
    }
}

#[derive(Encode, BorrowDecode)]
pub(super) struct ConversationRecord<'a> {
    kind: u8,
    created_by: &'a str,
    with: Option<&'a str>,
    created: u64,
    title: Option<&'a str>,
    history: u8,
    member_count: u32,
}

impl Value for ConversationRow {
    type Record<'a> = ConversationRecord<'a>;

    fn record(&self) -> ConversationRecord<'_> {
        ConversationRecord {
            kind: match self.kind {
                ConversationKind::Direct => 0,
                ConversationKind::Group => 1,
            },
            created_by: self.created_by.as_str(),
            with: self.with.as_ref().map(UserId::as_str),
            created: self.created,
            title: self.title.as_ref().map(Title::as_str),
            history: match self.history {
                HistoryAccess::SinceJoin => 0,
                HistoryAccess::Full => 1,
            },
            member_count: self.member_count,
        }
    }

    fn value(record: ConversationRecord<'_>) -> Option<Self> {
        Some(Self {
            kind: match record.kind {
                0 => ConversationKind::Direct,
                1 => ConversationKind::Group,
                _ => return None,
            },
            created_by: UserId::new(record.created_by).ok()?,
            with: record.with.map(UserId::new).transpose().ok()?,
            created: record.created,
            title: record.title.map(Title::new).transpose().ok()?,
            history: match record.history {
                0 => HistoryAccess::SinceJoin,
                1 => HistoryAccess::Full,
                _ => return None,
            },
            member_count: record.member_count,
        })
    }
}

/// A membership, both among a conversation's members and in a user's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Membership {
    /// What it is or was.
    pub(super) row: MemberRow,
    /// Only in a list: it has ended.
    pub(super) removed: bool,
}

#[derive(Encode, BorrowDecode)]
pub(super) struct MembershipRecord {
    role: u8,
    join_seq: u64,
    first: u64,
    removed: bool,
}

impl Value for Membership {
    type Record<'a> = MembershipRecord;

    fn record(&self) -> MembershipRecord {
        MembershipRecord {
            role: match self.row.role {
                Role::Member => 0,
                Role::Admin => 1,
                Role::Owner => 2,
            },
            join_seq: self.row.join_seq.0,
            first: self.row.first.0,
            removed: self.removed,
        }
    }

    fn value(record: MembershipRecord) -> Option<Self> {
        let role = match record.role {
            0 => Role::Member,
            1 => Role::Admin,
            2 => Role::Owner,
            _ => return None,
        };
        let row = MemberRow { role, join_seq: Seq(record.join_seq), first: Seq(record.first) };
        Some(Self { row, removed: record.removed })
    }
}

#[derive(Encode, BorrowDecode)]
pub(super) struct ProfileRecord<'a> {
    display_name: Option<&'a str>,
    picture: Option<&'a str>,
}

impl Value for Profile {
    type Record<'a> = ProfileRecord<'a>;

    fn record(&self) -> ProfileRecord<'_> {
        ProfileRecord { display_name: self.display_name.as_deref(), picture: self.picture.as_deref() }
    }

    fn value(record: ProfileRecord<'_>) -> Option<Self> {
        let picture = record.picture.map(Into::into);
        Some(Self { display_name: record.display_name.map(Into::into), picture })
    }
}

/// A message or a membership change, one of a [run](super::run).
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
    pub(super) fn into_entry(self, seq: Seq) -> Option<Entry> {
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

    /// The size of the body, in bytes of JSON.
    pub(super) fn body_bytes(&self) -> usize {
        self.body.len()
    }

    /// The client message id and the sender.
    pub(super) fn key(&self) -> (ClientMessageId, &'a str) {
        (ClientMessageId::from_bytes(self.client_message_id), self.from)
    }

    /// Replaces the body.
    pub(super) fn set_body(&mut self, body: &'a Body) {
        self.body = body.as_json();
    }
}

/// Something that happened. A row holds those of one group, from the position on that its key says.
#[derive(Encode, BorrowDecode)]
pub(super) enum EventRecord<'a> {
    /// The entries of one batch became durable; each has a position of its own.
    Entries { conversation: [u8; 16], first: u64, count: u64 },
    /// A cursor rose.
    Receipt { conversation: [u8; 16], user: Cow<'a, str>, cursor: CursorRecord },
}

impl EventRecord<'_> {
    /// How many positions it takes.
    pub(super) fn positions(&self) -> u64 {
        match self {
            Self::Entries { count, .. } => *count,
            Self::Receipt { .. } => 1,
        }
    }
}
