//! Reading logs.

use std::ops::RangeInclusive;

use causerie_protocol::{ClientMessageId, ConversationId, Seq, UserId};

use super::shared::Shared;
use super::spaces::Space;
use super::view::{Row, View, unknown};
use super::{codec, keys, run};
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
    let entries = entries(rows(view, conversation, first, last), first..=last, false);
    let entries = take(entries, limit)?;
    dense(conversation, first, &entries)?;
    Ok(entries)
}

/// The last entries up to `last` that the limit allows, rising. A position that is missing between others is damage.
pub(super) fn read_back(
    view: &View,
    conversation: ConversationId,
    first: Seq,
    last: Seq,
    limit: ReadLimit,
) -> Result<Vec<Entry>, ReadError> {
    let first = first.max(Seq(1));
    let entries = entries(rows(view, conversation, first, last).rev(), first..=last, true);
    let mut entries = take(entries, limit)?;
    entries.reverse();
    let begin = entries.first().map_or(first, |entry| entry.seq);
    dense(conversation, begin, &entries)?;
    Ok(entries)
}

/// The rows in which a stretch of a log stands; none where no position can be in it.
fn rows(
    view: &View,
    conversation: ConversationId,
    first: Seq,
    last: Seq,
) -> impl DoubleEndedIterator<Item = Row> + use<> {
    let (from, to) = run::keys_of(conversation, first, last);
    let rows = (first <= last).then(|| view.range(Space::Messages, &from, &to));
    rows.into_iter().flatten()
}

/// The last entry.
pub(super) fn head(view: &View, conversation: ConversationId) -> Result<Option<Entry>, ReadError> {
    let last = view.range(
        Space::Messages,
        &keys::run(conversation, Seq::ZERO),
        &keys::run(conversation, Seq(u64::MAX)),
    );
    let entries = entries(last.rev(), Seq(1)..=Seq(u64::MAX), true);
    Ok(take(entries, ReadLimit { items: 1, bytes: 0 })?.pop())
}

/// The entry with an idempotency key.
pub(super) fn find(
    shared: &Shared,
    conversation: ConversationId,
    from: &UserId,
    id: ClientMessageId,
) -> Result<Option<Entry>, ReadError> {
    let key = keys::idempotency(conversation, id, from.as_str());
    // In this order: what leaves the index is in the view by then.
    let position = shared.keys.get(&key);
    let view = shared.view();
    let position = match position {
        Some(position) => Some(position),
        None => position_in_tables(&view, &key)?,
    };
    let Some(seq) = position else { return Ok(None) };
    let found = at(&view, conversation, seq)?;
    match found {
        Some(entry) if entry.client_message_id == id && entry.from == *from => Ok(Some(entry)),
        _ => Err(unknown(Space::Keys, &key)),
    }
}

/// The position under an idempotency key, if a table has it.
pub(super) fn position_in_tables(view: &View, key: &[u8]) -> Result<Option<Seq>, ReadError> {
    let bytes = view.get(Space::Keys, key)?;
    bytes.map(|bytes| Ok(Seq(codec::unseal(Space::Keys, key, &bytes)?))).transpose()
}

/// The highest client message id.
pub(super) fn highest_key(
    shared: &Shared,
    conversation: ConversationId,
) -> Result<Option<ClientMessageId>, ReadError> {
    let (first, last) = keys::idempotency_bounds(conversation);
    let in_index = shared.keys.highest(conversation);
    let row = shared.view().range(Space::Keys, &first, &last).next_back().transpose()?;
    let in_tables = row.map(|(key, _)| keys::id_of(&key).ok_or_else(|| unknown(Space::Keys, &key)));
    Ok(in_tables.transpose()?.max(in_index))
}

fn at(view: &View, conversation: ConversationId, seq: Seq) -> Result<Option<Entry>, ReadError> {
    let limit = ReadLimit { items: 1, bytes: 0 };
    Ok(read(view, conversation, seq, seq, limit)?.pop())
}

/// The wanted entries of rows, each with the size of its body.
fn entries(
    rows: impl Iterator<Item = Row>,
    wanted: RangeInclusive<Seq>,
    back: bool,
) -> impl Iterator<Item = Result<(Entry, usize), ReadError>> {
    rows.flat_map(move |row| {
        let mut entries = match row.and_then(|(key, bytes)| entries_of(&key, &bytes, &wanted)) {
            Ok(entries) => entries.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        };
        if back {
            entries.reverse();
        }
        entries
    })
}

fn entries_of(
    key: &[u8],
    bytes: &[u8],
    wanted: &RangeInclusive<Seq>,
) -> Result<Vec<(Entry, usize)>, ReadError> {
    let (first, records) = run::unseal(key, bytes)?;
    let records = (first.0..).map(Seq).zip(records).filter(|(seq, _)| wanted.contains(seq));
    let entries = records.map(|(seq, record)| {
        let size = record.body_bytes();
        record.into_entry(seq).map(|entry| (entry, size)).ok_or_else(|| unknown(Space::Messages, key))
    });
    entries.collect()
}

fn take(
    all: impl Iterator<Item = Result<(Entry, usize), ReadError>>,
    limit: ReadLimit,
) -> Result<Vec<Entry>, ReadError> {
    let (mut entries, mut bytes) = (Vec::new(), 0);
    for entry in all.take(limit.items) {
        let (entry, size) = entry?;
        bytes += size;
        if bytes > limit.bytes && !entries.is_empty() {
            break;
        }
        entries.push(entry);
    }
    Ok(entries)
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
