//! What is kept, as a client sees it.

use causerie_protocol::frame::down;
use causerie_protocol::{Body, ConversationId, Seq, UserId};
use causerie_store::Entry;
use causerie_store::model::UserConversation;

/// A conversation as one member sees it.
pub(crate) fn describe(
    user: &UserId,
    listed: &UserConversation,
    head: Seq,
    last: Option<&Entry>,
) -> down::Conversation {
    let (row, member) = (&listed.row, &listed.member);
    let seen = listed.cursor.read.0.max(member.first.0.saturating_sub(1));
    down::Conversation {
        conversation: listed.conversation,
        kind: row.kind,
        title: row.title.clone(),
        peer: row.peer(user).cloned(),
        member_count: usize::try_from(row.member_count).unwrap_or(usize::MAX),
        role: member.role,
        history: row.history,
        head,
        first: member.first,
        delivered: listed.cursor.delivered,
        read: listed.cursor.read,
        unread: head.0.saturating_sub(seen),
        last: last
            .filter(|entry| entry.seq >= member.first)
            .map(|entry| Box::new(message(listed.conversation, entry))),
    }
}

/// What stands in the place of what was erased.
pub(crate) fn erased() -> Body {
    Body::json(&serde_json::json!({ "content_type": down::ERASED_CONTENT_TYPE, "text": "" }))
}

/// An entry as a frame's message.
pub(crate) fn message(conversation: ConversationId, entry: &Entry) -> down::Message {
    down::Message {
        conversation,
        seq: entry.seq,
        message_id: entry.message_id,
        kind: entry.kind,
        from: entry.from.clone(),
        device: entry.device.clone(),
        client_message_id: entry.client_message_id,
        time: entry.time(),
        body: entry.body.clone(),
    }
}
