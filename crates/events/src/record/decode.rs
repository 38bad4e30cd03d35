//! Records, read again: for consumers written in Rust.

use std::str::FromStr;

use causerie_protocol::frame::down::{EntryKind, Message, Receipt};
use causerie_protocol::{ConversationId, Seq, Timestamp, UserId};
use rdkafka::message::Headers as _;
use serde::Deserialize;

use super::encode::type_of;
use super::{Event, EventBody, Undelivered};

/// Why a record is none of ours, or is damaged. Reading changes nothing; the same record gives the same error each time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// An attribute that every event has is not there.
    #[error("the header {0} is missing")]
    Missing(&'static str),
    /// A part is not what it should be.
    #[error("{part} is malformed: {why}")]
    Malformed {
        /// `key`, `value`, or the name of a header.
        part: &'static str,
        /// What the parser says.
        why: String,
    },
    /// A version of CloudEvents that came later.
    #[error("CloudEvents {0} is not known")]
    Version(String),
    /// A type of event that came later, or is somebody else's.
    #[error("the event type {0} is not known")]
    Type(String),
    /// Two parts of the record say different things.
    #[error("the record contradicts itself: {0}")]
    Contradiction(&'static str),
}

/// Reads a record as a consumer gets it.
///
/// # Errors
/// [`DecodeError`]; such a record will never be readable and is to be set aside.
pub fn decode(record: &impl rdkafka::Message) -> Result<Event, DecodeError> {
    decode_parts(record.key(), record.payload(), |name| {
        // The last one of a name counts, as for every reader of Kafka's headers.
        let headers = record.headers()?;
        (0..headers.count()).rev().map(|at| headers.get(at)).find(|header| header.key == name)?.value
    })
}

/// Reads a record from its key, its value and its headers by name.
///
/// # Errors
/// As [`decode`].
pub fn decode_parts<'a>(
    key: Option<&'a [u8]>,
    value: Option<&'a [u8]>,
    header: impl Fn(&'static str) -> Option<&'a [u8]>,
) -> Result<Event, DecodeError> {
    let version: String = attribute("ce_specversion", &header)?;
    if version != "1.0" {
        return Err(DecodeError::Version(version));
    }
    let kind: String = attribute("ce_type", &header)?;
    let key = key.ok_or_else(|| malformed("key", "there is none"))?;
    let key = key.try_into().map_err(|_| malformed("key", "it has not sixteen bytes"))?;
    let conversation = ConversationId::from_bytes(key);
    let value = value.ok_or_else(|| malformed("value", "there is none"))?;
    let (body, of) = match &*kind {
        "causerie.message" => entry(value, EntryKind::Message, &header)?,
        "causerie.membership" => entry(value, EntryKind::Membership, &header)?,
        "causerie.receipt" => {
            let Tagged { r#type, rest }: Tagged<Receipt> = json(value)?;
            expect(r#type == "receipt", "its type and that of its value")?;
            let of = rest.conversation;
            (EventBody::Receipt(rest), of)
        }
        "causerie.undelivered" => {
            let Tagged { r#type, rest }: Tagged<Undelivered> = json(value)?;
            expect(r#type == "undelivered", "its type and that of its value")?;
            let of = rest.conversation;
            (EventBody::Undelivered(rest), of)
        }
        _ => return Err(DecodeError::Type(kind)),
    };
    expect(of == conversation, "its key and the conversation in its value")?;
    let id: String = attribute("ce_id", &header)?;
    if let EventBody::Entry { message, .. } = &body {
        expect(id == format!("{conversation}:{}", message.seq), "its id and its value")?;
    }
    let (epoch, shard) = (attribute("ce_epoch", &header)?, attribute("ce_shard", &header)?);
    Ok(Event { conversation, id: id.into(), epoch, shard, body })
}

fn entry<'a>(
    value: &[u8],
    kind: EntryKind,
    header: &impl Fn(&'static str) -> Option<&'a [u8]>,
) -> Result<(EventBody, ConversationId), DecodeError> {
    let Tagged { r#type, rest }: Tagged<Box<Message>> = json(value)?;
    expect(r#type == "message", "its type and that of its value")?;
    expect(rest.kind == kind, type_of(kind))?;
    let oversize = header("ce_oversize").map(|_| attribute("ce_oversize", header)).transpose()?;
    let of = rest.conversation;
    Ok((EventBody::Entry { message: rest, oversize }, of))
}

/// A frame: what it is, and its fields.
struct Tagged<T> {
    r#type: String,
    rest: T,
}

#[derive(Deserialize)]
struct Tag {
    r#type: String,
}

fn json<T: for<'de> Deserialize<'de>>(value: &[u8]) -> Result<Tagged<T>, DecodeError> {
    let wrong = |error: serde_json::Error| malformed("value", &error.to_string());
    // Read twice rather than flattened: a body is kept as the text that it is.
    let Tag { r#type } = serde_json::from_slice(value).map_err(wrong)?;
    Ok(Tagged { r#type, rest: serde_json::from_slice(value).map_err(wrong)? })
}

fn attribute<'a, T: FromStr<Err: std::fmt::Display>>(
    name: &'static str,
    header: &impl Fn(&'static str) -> Option<&'a [u8]>,
) -> Result<T, DecodeError> {
    let value = header(name).ok_or(DecodeError::Missing(name))?;
    let text = std::str::from_utf8(value).map_err(|error| malformed(name, &error.to_string()))?;
    text.parse().map_err(|error: T::Err| malformed(name, &error.to_string()))
}

fn malformed(part: &'static str, why: &str) -> DecodeError {
    DecodeError::Malformed { part, why: why.to_owned() }
}

fn expect(holds: bool, what: &'static str) -> Result<(), DecodeError> {
    if holds { Ok(()) } else { Err(DecodeError::Contradiction(what)) }
}

impl Event {
    /// The position in the conversation's log, if it is an entry's event: with the conversation, what to drop
    /// repetitions by.
    pub fn seq(&self) -> Option<Seq> {
        match &self.body {
            EventBody::Entry { message, .. } => Some(message.seq),
            _ => None,
        }
    }

    /// When the entry was numbered.
    pub fn time(&self) -> Option<Timestamp> {
        match &self.body {
            EventBody::Entry { message, .. } => Some(message.time),
            _ => None,
        }
    }

    /// Whom it is about: who wrote or changed, whose cursor rose, who is not connected.
    pub fn user(&self) -> &UserId {
        match &self.body {
            EventBody::Entry { message, .. } => &message.from,
            EventBody::Receipt(receipt) => &receipt.user,
            EventBody::Undelivered(undelivered) => &undelivered.user,
        }
    }
}
