//! An event as a CloudEvent 1.0 in its JSON form, one a line.
//!
//! `source` and `id` together name an event for ever: one that is told twice is told with the same. `position` is where it
//! stands in the log, as a text, since an integer attribute has 32 bits. `data` is the frame that clients get.

use causerie_protocol::frame::Down;
use causerie_protocol::frame::down::{EntryKind, Receipt};
use causerie_protocol::{ConversationId, Timestamp, wire};
use causerie_store::model::{Event, EventBody};
use serde::Serialize;
use serde_json::value::RawValue;

use super::lines::line;

/// Where all events come from, whichever node tells them.
const SOURCE: &str = "/causerie";

#[derive(Serialize)]
struct CloudEvent<'a, D> {
    specversion: &'static str,
    id: String,
    source: &'static str,
    r#type: &'static str,
    subject: ConversationId,
    /// When the entry was numbered; of a receipt it is not kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<Timestamp>,
    /// Events of one conversation belong in one partition.
    partitionkey: ConversationId,
    position: String,
    datacontenttype: &'static str,
    data: &'a D,
}

/// Appends an event as a line. `scratch` is room that is used again.
pub(super) fn write(out: &mut Vec<u8>, event: &Event, scratch: &mut Vec<u8>) {
    let conversation = event.conversation;
    match &event.body {
        EventBody::Entry(entry) => {
            scratch.clear();
            wire::message(scratch, &entry.parts(conversation));
            let frame = wire::payloads(scratch).next().unwrap_or_default();
            let data: &RawValue = serde_json::from_str(frame).expect("a frame is JSON");
            let r#type = match entry.kind {
                EntryKind::Message => "causerie.message",
                EntryKind::Membership => "causerie.membership",
            };
            let id = format!("{conversation}:{}", entry.seq);
            tell(out, event, (id, r#type, Some(entry.time())), &data);
        }
        EventBody::Receipt { user, cursor } => {
            let (delivered, read) = (cursor.delivered, cursor.read);
            let id = format!("{conversation}:{user}:{delivered}:{read}");
            let data = Down::Receipt(Receipt { conversation, user: user.clone(), delivered, read });
            tell(out, event, (id, "causerie.receipt", None), &data);
        }
    }
}

fn tell(
    out: &mut Vec<u8>,
    event: &Event,
    (id, r#type, time): (String, &'static str, Option<Timestamp>),
    data: &impl Serialize,
) {
    let event = CloudEvent {
        specversion: "1.0",
        id,
        source: SOURCE,
        r#type,
        subject: event.conversation,
        time,
        partitionkey: event.conversation,
        position: event.position.0.to_string(),
        datacontenttype: "application/json",
        data,
    };
    line(out, &event);
}
