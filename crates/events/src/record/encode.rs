//! Records as bytes.

use std::io::Write as _;

use causerie_protocol::frame::Down;
use causerie_protocol::frame::down::{EntryKind, Receipt};
use causerie_protocol::{Body, ConversationId, UserId, wire};
use causerie_store::Epoch;
use causerie_store::model::{Cursor, Entry, Shard};
use rdkafka::message::{Header, OwnedHeaders};
use serde::Serialize;

use super::{OVERSIZE_CONTENT_TYPE, SOURCE, Undelivered};

/// What is told.
pub(crate) enum Told<'a> {
    /// A message or a membership change.
    Entry(&'a Entry),
    /// A user's cursor.
    Receipt(&'a UserId, Cursor),
    /// Somebody who is not connected.
    Undelivered(&'a Undelivered),
}

/// A record's value and headers; the key is the conversation's bytes.
pub(crate) struct Encoded<'a> {
    pub(crate) value: &'a [u8],
    pub(crate) headers: OwnedHeaders,
    /// The record's size, as far as the broker's limit counts it and a little above, uncompressed.
    pub(crate) size: usize,
}

/// Encodes one record after another into the same room.
#[derive(Default)]
pub(crate) struct Encoder {
    value: Vec<u8>,
    text: Vec<u8>,
}

/// What a batch of one record has beside key, value and headers (61 + at most 36 bytes), and the lengths of ten headers.
const OVERHEAD: usize = 200;

impl Encoder {
    /// Encodes what happened in a conversation, as the owner of this term tells it.
    pub(crate) fn encode(
        &mut self,
        conversation: ConversationId,
        epoch: Epoch,
        told: &Told<'_>,
    ) -> Encoded<'_> {
        self.encode_as(conversation, epoch, told, None)
    }

    /// Encodes what stands for an entry that would have this size.
    pub(crate) fn stand_in(
        &mut self,
        conversation: ConversationId,
        epoch: Epoch,
        (entry, size): (&Entry, usize),
    ) -> Encoded<'_> {
        let body = serde_json::json!({ "content_type": OVERSIZE_CONTENT_TYPE, "bytes": size });
        let small = Entry { body: Body::json(&body), ..entry.clone() };
        self.encode_as(conversation, epoch, &Told::Entry(&small), Some(size))
    }

    fn encode_as(
        &mut self,
        conversation: ConversationId,
        epoch: Epoch,
        told: &Told<'_>,
        oversize: Option<usize>,
    ) -> Encoded<'_> {
        self.value.clear();
        let mut headers =
            Headers { headers: Some(OwnedHeaders::new_with_capacity(11)), bytes: 0, text: &mut self.text };
        headers.put("ce_specversion", format_args!("1.0"));
        headers.put("ce_source", format_args!("{SOURCE}"));
        headers.put("ce_subject", format_args!("{conversation}"));
        headers.put("ce_partitionkey", format_args!("{conversation}"));
        headers.put("ce_epoch", format_args!("{}", epoch.0));
        headers.put("ce_shard", format_args!("{}", Shard::of_conversation(conversation).number()));
        headers.put("content-type", format_args!("application/json"));
        match told {
            Told::Entry(entry) => {
                headers.put("ce_id", format_args!("{conversation}:{}", entry.seq));
                headers.put("ce_type", format_args!("{}", type_of(entry.kind)));
                headers.put("ce_time", format_args!("{}", entry.time()));
                if let Some(size) = oversize {
                    headers.put("ce_oversize", format_args!("{size}"));
                }
                self.value.extend_from_slice(b"{\"type\":\"message\",");
                let start = self.value.len();
                wire::message_item(&mut self.value, &entry.parts(conversation));
                self.value.remove(start);
            }
            Told::Receipt(user, Cursor { delivered, read }) => {
                headers.put("ce_id", format_args!("{conversation}:{user}:{delivered}:{read}"));
                headers.put("ce_type", format_args!("causerie.receipt"));
                let (user, delivered, read) = ((*user).clone(), *delivered, *read);
                json(&mut self.value, &Down::Receipt(Receipt { conversation, user, delivered, read }));
            }
            Told::Undelivered(undelivered) => {
                headers.put("ce_id", format_args!("{conversation}:{}:{}", undelivered.user, undelivered.seq));
                headers.put("ce_type", format_args!("causerie.undelivered"));
                json(&mut self.value, &Tagged { r#type: "undelivered", undelivered });
            }
        }
        let Headers { headers, bytes, .. } = headers;
        let size = self.value.len() + bytes + conversation.as_bytes().len() + OVERHEAD;
        Encoded { value: &self.value, headers: headers.unwrap_or_default(), size }
    }
}

#[derive(Serialize)]
struct Tagged<'a> {
    r#type: &'static str,
    #[serde(flatten)]
    undelivered: &'a Undelivered,
}

/// The type of an entry's event.
pub(super) fn type_of(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::Message => "causerie.message",
        EntryKind::Membership => "causerie.membership",
    }
}

fn json(out: &mut Vec<u8>, value: &impl Serialize) {
    serde_json::to_writer(out, value).expect("writing text and numbers to memory does not fail");
}

/// Headers as they are put together.
struct Headers<'a> {
    /// Always there: each header is put into what was there before.
    headers: Option<OwnedHeaders>,
    bytes: usize,
    text: &'a mut Vec<u8>,
}

impl Headers<'_> {
    fn put(&mut self, key: &'static str, value: std::fmt::Arguments<'_>) {
        self.text.clear();
        self.text.write_fmt(value).expect("writing to memory does not fail");
        self.bytes += key.len() + self.text.len();
        let header = Header { key, value: Some(&*self.text) };
        self.headers = self.headers.take().map(|headers| headers.insert(header));
    }
}
