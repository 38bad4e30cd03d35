//! The keys of every record. Integers are big endian, so that keys sort as what they stand for.
//!
//! | space | key |
//! |---|---|
//! | messages | conversation (16), seq of the last entry (8) |
//! | keys | conversation (16), client message id (16), sender |
//! | events | position of the first event (8) |
//! | state | a letter that says what it is, then as the functions here say |
//!
//! A text that is followed by more is preceded by its length in one byte, so that no key is a prefix of another's.

use causerie_protocol::{ClientMessageId, ConversationId, Seq, UserId};

/// The number of the last commit group: [`journal`](super::journal) looks for it.
pub(super) const GROUP: &[u8] = b"Zgroup";
/// The node number.
pub(super) const NODE: &[u8] = b"Znode";
/// The term; rises with every opening.
pub(super) const EPOCH: &[u8] = b"Zepoch";
/// Up to which event the idempotency keys are in tables.
pub(super) const KEYED: &[u8] = b"Zkeyed";
/// The ceiling of message ids.
pub(super) const CEILING: &[u8] = b"Zceiling";
/// The prefix of revoked tokens.
pub(super) const TOKENS: &[u8] = b"T";
/// The prefix of users whose tokens are revoked.
pub(super) const REVOKED_USERS: &[u8] = b"R";
/// The prefix of suspended users.
pub(super) const SUSPENDED_USERS: &[u8] = b"X";

/// A run of entries that ends at this position.
pub(super) fn run(conversation: ConversationId, seq: Seq) -> [u8; 24] {
    let mut key = [0; 24];
    key[..16].copy_from_slice(conversation.as_bytes());
    key[16..].copy_from_slice(&seq.0.to_be_bytes());
    key
}

/// The position in the key of a run.
pub(super) fn last_of(key: &[u8]) -> Option<Seq> {
    key.last_chunk::<8>().map(|seq| Seq(u64::from_be_bytes(*seq)))
}

/// Where the message with an idempotency key is.
pub(super) fn idempotency(conversation: ConversationId, id: ClientMessageId, from: &str) -> Vec<u8> {
    [conversation.as_bytes().as_slice(), id.as_bytes(), from.as_bytes()].concat()
}

/// The keys between which all idempotency keys of a conversation stand.
pub(super) fn idempotency_bounds(conversation: ConversationId) -> (Vec<u8>, Vec<u8>) {
    // No byte of a user id is as high as the last one.
    (conversation.as_bytes().to_vec(), [conversation.as_bytes().as_slice(), &[0xff; 17]].concat())
}

/// The client message id in an idempotency key.
pub(super) fn id_of(key: &[u8]) -> Option<ClientMessageId> {
    key.get(16..)?.first_chunk::<16>().map(|id| ClientMessageId::from_bytes(*id))
}

/// An event.
pub(super) fn event(position: u64) -> [u8; 8] {
    position.to_be_bytes()
}

/// The position in the key of an event.
pub(super) fn position_of(key: &[u8]) -> Option<u64> {
    key.first_chunk::<8>().map(|position| u64::from_be_bytes(*position))
}

/// A conversation.
pub(super) fn conversation(id: ConversationId) -> Vec<u8> {
    [b"C".as_slice(), id.as_bytes()].concat()
}

/// All members of a conversation; what follows in a key is the user.
pub(super) fn members(id: ConversationId) -> Vec<u8> {
    [b"M".as_slice(), id.as_bytes()].concat()
}

/// A member.
pub(super) fn member(id: ConversationId, user: &UserId) -> Vec<u8> {
    [&members(id), user.as_str().as_bytes()].concat()
}

/// All users' cursors in a conversation; what follows in a key is the user.
pub(super) fn user_cursors(id: ConversationId) -> Vec<u8> {
    [b"U".as_slice(), id.as_bytes()].concat()
}

/// A user's cursor, the highest of its devices.
pub(super) fn user_cursor(id: ConversationId, user: &UserId) -> Vec<u8> {
    [&user_cursors(id), user.as_str().as_bytes()].concat()
}

/// All conversations of a user; what follows in a key is the conversation.
pub(super) fn list(user: &UserId) -> Vec<u8> {
    with_length(b'L', user)
}

/// A conversation in a user's list.
pub(super) fn listed(user: &UserId, id: ConversationId) -> Vec<u8> {
    [&list(user), id.as_bytes().as_slice()].concat()
}

/// All device cursors of a user; what follows in a key is conversation and device.
pub(super) fn devices(user: &UserId) -> Vec<u8> {
    with_length(b'D', user)
}

/// All device cursors of a user in a conversation; what follows in a key is the device.
pub(super) fn devices_in(user: &UserId, id: ConversationId) -> Vec<u8> {
    [&devices(user), id.as_bytes().as_slice()].concat()
}

/// All whom a user blocks; what follows in a key is the other.
pub(super) fn blocks(user: &UserId) -> Vec<u8> {
    with_length(b'B', user)
}

/// A block.
pub(super) fn block(user: &UserId, other: &UserId) -> Vec<u8> {
    [&blocks(user), other.as_str().as_bytes()].concat()
}

/// A profile.
pub(super) fn profile(user: &UserId) -> Vec<u8> {
    [b"P", user.as_str().as_bytes()].concat()
}

/// A user's settings.
pub(super) fn settings(user: &UserId) -> Vec<u8> {
    [b"S", user.as_str().as_bytes()].concat()
}

/// When a user was last connected.
pub(super) fn last_seen(user: &UserId) -> Vec<u8> {
    [b"N", user.as_str().as_bytes()].concat()
}

/// A revoked token.
pub(super) fn revoked_token(id: &str) -> Vec<u8> {
    [TOKENS, id.as_bytes()].concat()
}

/// A user whose tokens are revoked.
pub(super) fn revoked_user(user: &UserId) -> Vec<u8> {
    [REVOKED_USERS, user.as_str().as_bytes()].concat()
}

/// A suspended user.
pub(super) fn suspended_user(user: &UserId) -> Vec<u8> {
    [SUSPENDED_USERS, user.as_str().as_bytes()].concat()
}

/// The conversation that a key has after `prefix`.
pub(super) fn conversation_after(prefix: &[u8], key: &[u8]) -> Option<ConversationId> {
    key.strip_prefix(prefix)?.first_chunk::<16>().map(|id| ConversationId::from_bytes(*id))
}

/// The text that a key has after `prefix`.
pub(super) fn text_after<'a>(prefix: &[u8], key: &'a [u8]) -> Option<&'a str> {
    std::str::from_utf8(key.strip_prefix(prefix)?).ok()
}

fn with_length(letter: u8, user: &UserId) -> Vec<u8> {
    let length = u8::try_from(user.as_str().len()).expect("a user id has at most 128 bytes");
    [&[letter, length], user.as_str().as_bytes()].concat()
}
