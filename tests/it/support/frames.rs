//! Frames that most tests say, and what they look at in those that they hear.

use serde_json::{Value, json};

/// A new client message id, or client id.
pub(crate) fn fresh_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// A body of this text.
pub(crate) fn text(text: &str) -> Value {
    json!({ "content_type": "text/plain", "text": text })
}

/// A message to a conversation, under a new id.
pub(crate) fn send(conversation: &str, words: &str) -> Value {
    send_as(conversation, &fresh_id(), words)
}

/// A message to a conversation, under this id.
pub(crate) fn send_as(conversation: &str, id: &str, words: &str) -> Value {
    json!({ "type": "send", "conversation": conversation, "client_message_id": id, "body": text(words) })
}

/// A message directly to a user, under a new id.
pub(crate) fn send_to(user: &str, words: &str) -> Value {
    json!({ "type": "send", "to": user, "client_message_id": fresh_id(), "body": text(words) })
}

/// A group under a new client id.
pub(crate) fn group(title: &str, members: &[&str]) -> Value {
    json!({ "type": "create", "kind": "group", "title": title, "members": members, "client_id": fresh_id() })
}

/// A direct conversation.
pub(crate) fn direct(user: &str) -> Value {
    json!({ "type": "create", "kind": "direct", "members": [user] })
}

/// A page of messages after a position.
pub(crate) fn sync(conversation: &str, after: u64, limit: u64) -> Value {
    json!({ "type": "sync", "conversation": conversation, "after": after, "limit": limit })
}

/// A request about a conversation, with more members.
pub(crate) fn of(kind: &str, conversation: &str, more: &Value) -> Value {
    let mut frame = json!({ "type": kind, "conversation": conversation });
    for (name, value) in more.as_object().into_iter().flatten() {
        frame[name] = value.clone();
    }
    frame
}

/// The positions of messages.
pub(crate) fn seqs(messages: &[Value]) -> Vec<u64> {
    messages.iter().map(seq).collect()
}

/// The position that a frame names.
pub(crate) fn seq(frame: &Value) -> u64 {
    frame["seq"].as_u64().unwrap_or_else(|| panic!("{frame} names no position"))
}

/// A text that a frame must have.
pub(crate) fn name<'a>(frame: &'a Value, member: &str) -> &'a str {
    frame[member].as_str().unwrap_or_else(|| panic!("{frame} has no text {member:?}"))
}

/// The texts of messages.
pub(crate) fn texts(messages: &[Value]) -> Vec<&str> {
    messages.iter().map(|message| message["body"]["text"].as_str().unwrap_or_default()).collect()
}
