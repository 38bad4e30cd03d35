//! The keys of the database, all in one key space: what is committed together is in one tree.
//!
//! `f` → the format; `p|topic|0|partition` → position; `s|conversation` → last seq and where the conversation is;
//! `c|conversation|day` → count; `d|day|topic|0|partition` → count. Numbers are big-endian, so that days are in order.

use causerie_protocol::ConversationId;

use crate::worker::Partition;

pub(super) const FORMAT: &[u8] = b"f";

fn join(first: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut key = vec![first];
    parts.iter().for_each(|part| key.extend_from_slice(part));
    key
}

/// A partition as the end of a key, or as a value.
pub(super) fn partition(partition: &Partition) -> Vec<u8> {
    [partition.topic.as_bytes(), &[0], &partition.number.to_be_bytes()].concat()
}

pub(super) fn partition_of(bytes: &[u8]) -> Option<Partition> {
    let (rest, number) = bytes.split_last_chunk()?;
    let topic = str::from_utf8(rest.strip_suffix(&[0])?).ok()?.to_owned();
    Some(Partition { topic, number: i32::from_be_bytes(*number) })
}

pub(super) fn position(of: &Partition) -> Vec<u8> {
    join(b'p', &[&partition(of)])
}

pub(super) fn last(conversation: ConversationId) -> Vec<u8> {
    join(b's', &[conversation.as_bytes()])
}

/// What all days of a conversation begin with.
pub(super) fn conversation(conversation: ConversationId) -> Vec<u8> {
    join(b'c', &[conversation.as_bytes()])
}

pub(super) fn conversation_day(conversation: ConversationId, day: u32) -> Vec<u8> {
    join(b'c', &[conversation.as_bytes(), &day.to_be_bytes()])
}

/// What all partitions of a day begin with.
pub(super) fn day(day: u32) -> Vec<u8> {
    join(b'd', &[&day.to_be_bytes()])
}

pub(super) fn day_partition(day: u32, of: &Partition) -> Vec<u8> {
    join(b'd', &[&day.to_be_bytes(), &partition(of)])
}

/// The day at the end of the key of a conversation's day.
pub(super) fn day_of(key: &[u8]) -> Option<u32> {
    key.last_chunk().map(|day| u32::from_be_bytes(*day))
}
