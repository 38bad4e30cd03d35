//! Reading logs.

use causerie_protocol::{ClientMessageId, ConversationId, Seq, UserId};

use super::records::EntryRecord;
use super::spaces::Space;
use super::view::{Row, View, unknown};
use super::{codec, keys};
use crate::model::Entry;
use crate::port::ReadError;
use crate::port::messages::ReadLimit;

/// Entries from `first` to `last`, rising. A position that is missing between others is damage.
pub(super) fn read(
    view: &View,
    conversation: ConversationId,
    first: Seq,
    last: Seq,
    limit: ReadLimit,
) -> Result<Vec<Entry>, ReadError> {
    let first = first.max(Seq(1));
    if first > last {
        return Ok(Vec::new());
    }
    let range = (keys::message(conversation, first), keys::message(conversation, last));
    let rows = view.range(Space::Messages, &range.0, &range.1);
    let entries = take(rows, limit)?;
    dense(conversation, first, &entries)?;
    Ok(entries)
}

/// The last entries up to `last` that the limit allows, rising.
pub(super) fn read_back(
    view: &View,
    conversation: ConversationId,
    first: Seq,
    last: Seq,
    limit: ReadLimit,
) -> Result<Vec<Entry>, ReadError> {
    let first = first.max(Seq(1));
    if first > last {
        return Ok(Vec::new());
    }
    let range = (keys::message(conversation, first), keys::message(conversation, last));
    let rows = view.range(Space::Messages, &range.0, &range.1).rev();
    let mut entries = take(rows, limit)?;
    entries.reverse();
    let begin = entries.first().map_or(first, |entry| entry.seq);
    dense(conversation, begin, &entries)?;
    Ok(entries)
}

/// The last entry.
pub(super) fn head(view: &View, conversation: ConversationId) -> Result<Option<Entry>, ReadError> {
    let range = (keys::message(conversation, Seq::ZERO), keys::message(conversation, Seq(u64::MAX)));
    view.range(Space::Messages, &range.0, &range.1)
        .next_back()
        .map(|row| entry(row).map(|(entry, _)| entry))
        .transpose()
}

/// The entry with an idempotency key.
pub(super) fn find(
    view: &View,
    conversation: ConversationId,
    from: &UserId,
    id: ClientMessageId,
) -> Result<Option<Entry>, ReadError> {
    let key = keys::idempotency(conversation, id, from);
    let Some(bytes) = view.get(Space::Keys, &key)? else { return Ok(None) };
    let seq = Seq(codec::unseal(Space::Keys, &key, &bytes)?);
    let found = at(view, conversation, seq)?;
    match found {
        Some(entry) if entry.client_message_id == id && entry.from == *from => Ok(Some(entry)),
        _ => Err(unknown(Space::Keys, &key)),
    }
}

fn at(view: &View, conversation: ConversationId, seq: Seq) -> Result<Option<Entry>, ReadError> {
    let limit = ReadLimit { items: 1, bytes: 0 };
    Ok(read(view, conversation, seq, seq, limit)?.pop())
}

fn take(rows: impl Iterator<Item = Row>, limit: ReadLimit) -> Result<Vec<Entry>, ReadError> {
    let (mut entries, mut bytes) = (Vec::new(), 0);
    for row in rows.take(limit.items) {
        let (entry, size) = entry(row)?;
        bytes += size;
        if bytes > limit.bytes && !entries.is_empty() {
            break;
        }
        entries.push(entry);
    }
    Ok(entries)
}

fn entry(row: Row) -> Result<(Entry, usize), ReadError> {
    let (key, bytes) = row?;
    let record: EntryRecord<'_> = codec::unseal(Space::Messages, &key, &bytes)?;
    let size = record.body_bytes();
    let entry = keys::seq_of(&key).and_then(|seq| record.into_entry(seq));
    entry.map(|entry| (entry, size)).ok_or_else(|| unknown(Space::Messages, &key))
}

fn dense(conversation: ConversationId, first: Seq, entries: &[Entry]) -> Result<(), ReadError> {
    let mut expected = first;
    for entry in entries {
        if entry.seq != expected {
            return Err(ReadError::Corrupt(format!("messages: {conversation} has no position {expected}")));
        }
        expected = expected.next();
    }
    Ok(())
}
