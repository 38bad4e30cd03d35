//! Short words for the values of the model.

use causerie_protocol::frame::down::{ConversationKind, EntryKind, HistoryAccess, Role};
use causerie_protocol::{
    Body, ClientMessageId, ConversationId, DeviceId, MessageId, Seq, Timestamp, Title, UserId,
};

use crate::model::{Batch, ConversationRow, Cursor, CursorUpdate, Entry, Epoch, MemberRow, Projection};
use crate::port::messages::ReadLimit;

/// No limit.
pub const ALL: ReadLimit = ReadLimit { items: usize::MAX, bytes: usize::MAX };

/// The end of every log.
pub const END: Seq = Seq(u64::MAX);

/// A user.
///
/// # Panics
/// When the name is none that a user can have; so do the other words here.
pub fn user(name: &str) -> UserId {
    UserId::new(name).expect("a user id")
}

/// A device.
///
/// # Panics
/// When no device can be called so.
pub fn device(name: &str) -> DeviceId {
    DeviceId::new(name).expect("a device id")
}

/// One of many conversations.
pub fn conversation(number: u64) -> ConversationId {
    ConversationId(uuid::Uuid::from_u64_pair(number, 7))
}

/// The client id of the message at a position.
pub fn client_id(number: u64) -> ClientMessageId {
    ClientMessageId(uuid::Uuid::from_u64_pair(number, 8))
}

/// Alice's message at a position; its text is the position.
pub fn entry(seq: u64) -> Entry {
    Entry {
        seq: Seq(seq),
        message_id: MessageId((1 << 22) + seq),
        kind: EntryKind::Message,
        from: user("alice"),
        device: device("phone"),
        client_message_id: client_id(seq),
        body: Body::text(&seq.to_string()),
    }
}

/// Alice's messages at these positions.
pub fn batch(conversation: ConversationId, positions: std::ops::RangeInclusive<u64>) -> Batch {
    of(conversation, positions.map(entry).collect())
}

/// These entries.
pub fn of(conversation: ConversationId, entries: Vec<Entry>) -> Batch {
    Batch { conversation, epoch: Epoch(1), entries, projections: Vec::new(), check_keys: false }
}

/// All batches that make a log of so many entries.
pub fn batches(conversation: ConversationId, length: u64) -> impl Iterator<Item = Batch> {
    let most = Batch::MAX_ENTRIES as u64;
    (0..length.div_ceil(most))
        .map(move |at| batch(conversation, at * most + 1..=((at + 1) * most).min(length)))
}

/// Changes of members, with a membership entry at a position; 0 for none.
pub fn change(conversation: ConversationId, seq: u64, projections: Vec<Projection>) -> Batch {
    let entries =
        if seq == 0 { Vec::new() } else { vec![Entry { kind: EntryKind::Membership, ..entry(seq) }] };
    Batch { conversation, epoch: Epoch(1), entries, projections, check_keys: false }
}

/// A group of so many.
///
/// # Panics
/// Never.
pub fn group(member_count: u32) -> ConversationRow {
    ConversationRow {
        kind: ConversationKind::Group,
        created_by: user("alice"),
        with: None,
        created: 1_700_000_000_000,
        title: Some(Title::new("a title 🦀").expect("a title")),
        history: HistoryAccess::Full,
        member_count,
    }
}

/// Alice's conversation with Bob.
pub fn direct() -> ConversationRow {
    ConversationRow {
        kind: ConversationKind::Direct,
        with: Some(user("bob")),
        title: None,
        history: HistoryAccess::SinceJoin,
        ..group(2)
    }
}

/// A membership since a position.
pub fn member(role: Role, since: u64) -> MemberRow {
    MemberRow { role, join_seq: Seq(since), first: Seq(since.max(1)) }
}

/// A cursor.
pub fn cursor(delivered: u64, read: u64) -> Cursor {
    Cursor { delivered: Seq(delivered), read: Seq(read) }
}

/// A cursor of a device.
pub fn update(conversation: ConversationId, who: &str, on: &str, cursor: Cursor) -> CursorUpdate {
    CursorUpdate { conversation, user: user(who), device: device(on), cursor }
}

/// A time.
pub fn time(ms: u64) -> Timestamp {
    Timestamp(ms)
}
