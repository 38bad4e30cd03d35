//! Reading the event log. Its rows name entries; what they say is read from the logs.

use causerie_protocol::{Seq, UserId};

use super::records::{EventRecord, Value};
use super::spaces::Space;
use super::view::{Row, View, unknown};
use super::{codec, keys, read_messages};
use crate::model::{Cursor, Event, EventBody, EventPosition};
use crate::port::ReadError;
use crate::port::messages::ReadLimit;
use causerie_protocol::ConversationId;

/// Events after a position. A position that is missing is damage.
pub(super) fn read(view: &View, after: EventPosition, limit: usize) -> Result<Vec<Event>, ReadError> {
    let wanted = after.0.saturating_add(1);
    // The row that holds the wanted position begins at it or before.
    let holder = view.range(Space::Events, &keys::event(0), &keys::event(wanted)).next_back();
    let begin = match &holder {
        Some(row) => keys::position_of(&row.as_ref().map_err(Clone::clone)?.0).unwrap_or(wanted),
        None => wanted,
    };
    let mut events: Vec<Event> = Vec::new();
    let mut next = begin;
    for row in view.range(Space::Events, &keys::event(begin), &keys::event(u64::MAX)) {
        if events.len() >= limit {
            break;
        }
        let skip = wanted.saturating_sub(next);
        next = expand(view, row, next, skip, limit, &mut events)?;
    }
    Ok(events)
}

/// Appends the events of one row but the first `skip`; tells where the next row begins.
fn expand(
    view: &View,
    row: Row,
    expected: u64,
    mut skip: u64,
    limit: usize,
    events: &mut Vec<Event>,
) -> Result<u64, ReadError> {
    let (key, bytes) = row?;
    if keys::position_of(&key) != Some(expected) {
        return Err(ReadError::Corrupt(format!("events: there is no position {expected}")));
    }
    let records: Vec<EventRecord<'_>> = codec::unseal(Space::Events, &key, &bytes)?;
    let mut next = expected;
    for record in records {
        let positions = record.positions();
        if skip < positions && events.len() < limit {
            one(view, &key, record, next, skip, limit - events.len(), events)?;
        }
        skip = skip.saturating_sub(positions);
        next += positions;
    }
    Ok(next)
}

/// Appends what one record of a row says, but the first `skip`.
fn one(
    view: &View,
    key: &[u8],
    record: EventRecord<'_>,
    expected: u64,
    skip: u64,
    room: usize,
    events: &mut Vec<Event>,
) -> Result<(), ReadError> {
    let position = EventPosition(expected);
    match record {
        EventRecord::Receipt { conversation, user, cursor } => {
            let user = UserId::new(&user).map_err(|_| unknown(Space::Events, key))?;
            let cursor = Cursor::value(cursor).unwrap_or_default();
            let conversation = ConversationId::from_bytes(conversation);
            events.push(Event { position, conversation, body: EventBody::Receipt { user, cursor } });
        }
        EventRecord::Entries { conversation, first, count } => {
            let conversation = ConversationId::from_bytes(conversation);
            let (from, to) = (Seq(first + skip), Seq(first + count - 1));
            let items = usize::try_from(count - skip).unwrap_or(usize::MAX).min(room);
            let limit = ReadLimit { items, bytes: usize::MAX };
            let entries = read_messages::read(view, conversation, from, to, limit)?;
            if entries.len() < items {
                return Err(ReadError::Corrupt(format!(
                    "messages: {conversation} ends before position {to}"
                )));
            }
            events.extend(entries.into_iter().map(|entry| Event {
                position: EventPosition(expected + entry.seq.0 - first),
                conversation,
                body: EventBody::Entry(entry),
            }));
        }
    }
    Ok(())
}
