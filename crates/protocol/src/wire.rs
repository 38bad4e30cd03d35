//! Frames as bytes on a WebSocket: what the hot path writes without building a value first.
//!
//! A server's frames are not masked, so one encoded frame serves every recipient. A run of them is a *blob*.

use crate::frame::Down;
use crate::frame::down::EntryKind;
use crate::id::{ClientMessageId, ConversationId, MessageId, RequestId, Seq};
use crate::text::{DeviceId, UserId};
use crate::time::Timestamp;

/// FIN and the opcode of a text frame.
const TEXT: u8 = 0x81;
/// The longest header of a server's frame.
const HEADER_MAX: usize = 10;

/// Appends one text frame whose payload `write` produces.
pub fn frame(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    // The payload goes behind room for a header of four bytes, by far the most common, and is moved otherwise.
    let start = out.len();
    out.extend_from_slice(&[TEXT, 126, 0, 0]);
    write(out);
    let length = out.len() - start - 4;
    let (header, size) = header(length);
    if size == 4 {
        out[start..start + 4].copy_from_slice(&header[..4]);
    } else {
        out.splice(start..start + 4, header[..size].iter().copied());
    }
}

/// The header of a text frame with a payload of so many bytes, and its size.
fn header(length: usize) -> ([u8; HEADER_MAX], usize) {
    let mut header = [0; HEADER_MAX];
    header[0] = TEXT;
    if let Ok(short) = u8::try_from(length)
        && short < 126
    {
        header[1] = short;
        return (header, 2);
    }
    if let Ok(medium) = u16::try_from(length) {
        header[1] = 126;
        header[2..4].copy_from_slice(&medium.to_be_bytes());
        return (header, 4);
    }
    header[1] = 127;
    header[2..].copy_from_slice(&(length as u64).to_be_bytes());
    (header, HEADER_MAX)
}

/// Appends any frame.
pub fn down(out: &mut Vec<u8>, frame_value: &Down) {
    frame(out, |out| json(out, frame_value));
}

/// The payloads of a blob, in order: for transports that are not WebSockets.
pub fn payloads(blob: &[u8]) -> impl Iterator<Item = &str> {
    let mut rest = blob;
    std::iter::from_fn(move || {
        let (&[_, short], after) = rest.split_first_chunk::<2>()?;
        let (length, after) = match short {
            126 => after
                .split_first_chunk::<2>()
                .map(|(n, after)| (usize::from(u16::from_be_bytes(*n)), after))?,
            127 => {
                let (n, after) = after.split_first_chunk::<8>()?;
                (usize::try_from(u64::from_be_bytes(*n)).ok()?, after)
            }
            short => (usize::from(short), after),
        };
        let (payload, after) = after.split_at_checked(length)?;
        rest = after;
        std::str::from_utf8(payload).ok()
    })
}

/// What a `message` frame is made of, borrowed.
#[derive(Clone, Copy, Debug)]
pub struct MessageParts<'a> {
    /// The conversation.
    pub conversation: ConversationId,
    /// The position.
    pub seq: Seq,
    /// The id.
    pub message_id: MessageId,
    /// What it is.
    pub kind: EntryKind,
    /// Who wrote.
    pub from: &'a UserId,
    /// On which device.
    pub device: &'a DeviceId,
    /// The key.
    pub client_message_id: ClientMessageId,
    /// When it was numbered.
    pub time: Timestamp,
    /// The body's JSON text.
    pub body: &'a str,
}

/// Appends a `message` frame.
pub fn message(out: &mut Vec<u8>, parts: &MessageParts<'_>) {
    frame(out, |out| {
        out.extend_from_slice(b"{\"type\":\"message\",");
        message_fields(out, parts);
        out.push(b'}');
    });
}

/// Appends a message as an object without `type`, as it stands in pages.
pub fn message_item(out: &mut Vec<u8>, parts: &MessageParts<'_>) {
    out.push(b'{');
    message_fields(out, parts);
    out.push(b'}');
}

fn message_fields(out: &mut Vec<u8>, parts: &MessageParts<'_>) {
    out.extend_from_slice(b"\"conversation\":\"");
    uuid(out, parts.conversation.0);
    out.extend_from_slice(b"\",\"seq\":");
    number(out, parts.seq.0);
    out.extend_from_slice(b",\"message_id\":\"");
    number(out, parts.message_id.0);
    out.extend_from_slice(match parts.kind {
        EntryKind::Message => b"\",\"kind\":\"message\",\"from\":".as_slice(),
        EntryKind::Membership => b"\",\"kind\":\"membership\",\"from\":".as_slice(),
    });
    json(out, parts.from);
    out.extend_from_slice(b",\"device\":");
    json(out, parts.device);
    out.extend_from_slice(b",\"client_message_id\":\"");
    uuid(out, parts.client_message_id.0);
    out.extend_from_slice(b"\",\"time\":");
    json(out, &parts.time);
    out.extend_from_slice(b",\"body\":");
    out.extend_from_slice(parts.body.as_bytes());
}

/// What a `sent` frame is made of, borrowed.
#[derive(Clone, Copy, Debug)]
pub struct SentParts<'a> {
    /// The request.
    pub id: Option<&'a RequestId>,
    /// The conversation.
    pub conversation: ConversationId,
    /// The key.
    pub client_message_id: ClientMessageId,
    /// The position.
    pub seq: Seq,
    /// The id.
    pub message_id: MessageId,
    /// When it was numbered.
    pub time: Timestamp,
}

/// Appends a `sent` frame.
pub fn sent(out: &mut Vec<u8>, parts: &SentParts<'_>) {
    frame(out, |out| {
        out.extend_from_slice(b"{\"type\":\"sent\",");
        if let Some(id) = parts.id {
            out.extend_from_slice(b"\"id\":");
            json(out, id);
            out.push(b',');
        }
        out.extend_from_slice(b"\"conversation\":\"");
        uuid(out, parts.conversation.0);
        out.extend_from_slice(b"\",\"client_message_id\":\"");
        uuid(out, parts.client_message_id.0);
        out.extend_from_slice(b"\",\"seq\":");
        number(out, parts.seq.0);
        out.extend_from_slice(b",\"message_id\":\"");
        number(out, parts.message_id.0);
        out.extend_from_slice(b"\",\"time\":");
        json(out, &parts.time);
        out.push(b'}');
    });
}

/// Appends a page of messages whose items `write_items` produces, separated by commas.
pub fn messages_page(
    out: &mut Vec<u8>,
    id: Option<&RequestId>,
    conversation: ConversationId,
    (head, more): (Seq, bool),
    write_items: impl FnOnce(&mut Vec<u8>),
) {
    frame(out, |out| {
        out.extend_from_slice(b"{\"type\":\"page\",\"of\":\"messages\",");
        if let Some(id) = id {
            out.extend_from_slice(b"\"id\":");
            json(out, id);
            out.push(b',');
        }
        out.extend_from_slice(b"\"conversation\":\"");
        uuid(out, conversation.0);
        out.extend_from_slice(b"\",\"items\":[");
        write_items(out);
        out.extend_from_slice(b"],\"head\":");
        number(out, head.0);
        out.extend_from_slice(if more {
            b",\"more\":true}".as_slice()
        } else {
            b",\"more\":false}".as_slice()
        });
    });
}

fn json<T: serde::Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    serde_json::to_writer(out, value).expect("writing text, numbers and frames to memory does not fail");
}

fn uuid(out: &mut Vec<u8>, id: uuid::Uuid) {
    let mut buffer = [0; uuid::fmt::Hyphenated::LENGTH];
    out.extend_from_slice(id.hyphenated().encode_lower(&mut buffer).as_bytes());
}

fn number(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::Body;
    use crate::frame::down::{Message, Page, Sent};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_by_hand_is_what_serde_reads(
            user in "[^\\p{Cc}\\s]{1,20}", text in ".{0,300}", numbers in any::<(u64, u64, u128, u32)>(), id in any::<Option<i64>>(),
        ) {
            let message = Message {
                conversation: ConversationId(uuid::Uuid::from_u128(numbers.2)),
                seq: Seq(numbers.0 >> 11),
                message_id: MessageId(numbers.1),
                kind: EntryKind::Message,
                from: UserId::new(&user).unwrap(),
                device: DeviceId::new("d\"1").unwrap(),
                client_message_id: ClientMessageId(uuid::Uuid::from_u128(!numbers.2)),
                time: Timestamp(u64::from(numbers.3) * 1000 + 7),
                body: Body::text(&text),
            };
            let parts = MessageParts {
                conversation: message.conversation, seq: message.seq, message_id: message.message_id, kind: message.kind,
                from: &message.from, device: &message.device, client_message_id: message.client_message_id,
                time: message.time, body: message.body.as_json(),
            };
            let id = id.map(RequestId::Number);
            let sent_value = Sent {
                id: id.clone(), conversation: message.conversation, client_message_id: message.client_message_id,
                seq: message.seq, message_id: message.message_id, time: message.time,
            };
            let mut blob = Vec::new();
            super::message(&mut blob, &parts);
            sent(&mut blob, &SentParts {
                id: id.as_ref(), conversation: sent_value.conversation, client_message_id: sent_value.client_message_id,
                seq: sent_value.seq, message_id: sent_value.message_id, time: sent_value.time,
            });
            messages_page(&mut blob, id.as_ref(), message.conversation, (message.seq, true), |out| message_item(out, &parts));
            let page = Page::Messages {
                id, conversation: message.conversation, items: vec![message.clone()], head: message.seq, more: true,
            };
            let expected = [Down::Message(Box::new(message)), Down::Sent(sent_value), Down::Page(page)];
            let mut by_serde = Vec::new();
            for frame in &expected {
                down(&mut by_serde, frame);
            }
            let values = |blob: &[u8]| payloads(blob).map(|json| serde_json::from_str::<serde_json::Value>(json).unwrap()).collect::<Vec<_>>();
            prop_assert_eq!(values(&blob), values(&by_serde));
            prop_assert_eq!(values(&blob).len(), 3);
        }

        #[test]
        fn every_length_has_a_header_that_reads_back(length in prop_oneof![0usize..300, 65_500usize..65_600]) {
            let mut blob = Vec::new();
            frame(&mut blob, |out| out.resize(out.len() + length, b'x'));
            frame(&mut blob, |out| out.push(b'y'));
            let read: Vec<_> = payloads(&blob).collect();
            prop_assert_eq!(read.len(), 2);
            prop_assert_eq!(read[0].len(), length);
            prop_assert_eq!(read[1], "y");
        }
    }
}
