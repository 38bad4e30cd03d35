//! What stands in Kafka: CloudEvents 1.0 in binary mode.
//!
//! The key is the sixteen bytes of the conversation's id, so that a conversation is in one partition and in order. Headers
//! carry the attributes, each as text under `ce_NAME`:
//!
//! | header | an entry of a log | receipt | undelivered |
//! |---|---|---|---|
//! | `ce_specversion` | `1.0` | same | same |
//! | `ce_type` | `causerie.message`, `causerie.membership` | `causerie.receipt` | `causerie.undelivered` |
//! | `ce_source` | `/causerie` | same | same |
//! | `ce_id` | `CONVERSATION:SEQ` | `CONVERSATION:USER:DELIVERED:READ` | `CONVERSATION:USER:SEQ` |
//! | `ce_subject`, `ce_partitionkey` | the conversation | same | same |
//! | `ce_time` | when it was numbered, RFC 3339 | none | none |
//! | `ce_epoch` | the term of the owner that emitted it | same | same |
//! | `ce_shard` | 0 to 4,095 | same | same |
//! | `ce_oversize` | only if the entry was too large for the topic: its size in bytes | none | none |
//! | `content-type` | `application/json` | same | same |
//!
//! The value is the frame that clients get (`{"type":"message",…}`, `{"type":"receipt",…}`), and for undelivered
//! `{"type":"undelivered",…}`, see [`Undelivered`]. Records come at least once: an entry's `ce_id` is the same each time, and
//! is what to drop repetitions by; `ce_epoch` and everything of Kafka's own may differ between repetitions, and so may the
//! body, if its author was erased in between.
//!
//! An entry that is too large for the topic stands there without its body, so that the log has no gap: the body's
//! `content_type` is [`OVERSIZE_CONTENT_TYPE`], and the message itself is on the server, as ever.

mod decode;
mod encode;

use causerie_protocol::frame::down::{Message, Receipt};
use causerie_protocol::{ConversationId, Seq, UserId};
use serde::{Deserialize, Serialize};

pub use decode::{DecodeError, decode, decode_parts};
pub(crate) use encode::{Encoder, Told};

/// Where all events come from, whichever node tells them.
pub const SOURCE: &str = "/causerie";

/// The media type of the body that stands for one that was too large for its topic.
pub const OVERSIZE_CONTENT_TYPE: &str = "application/vnd.causerie.oversize+json";

/// A record, read.
#[derive(Clone, Debug)]
pub struct Event {
    /// Whose.
    pub conversation: ConversationId,
    /// `ce_id`.
    pub id: Box<str>,
    /// The term of the owner that emitted it.
    pub epoch: u64,
    /// The shard of the conversation, 0 to 4,095.
    pub shard: u16,
    /// What happened.
    pub body: EventBody,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum EventBody {
    /// A message or a membership change (see its `kind`) became durable.
    Entry {
        /// What it is, as clients get it.
        message: Box<Message>,
        /// If the body was left out because it was too large: the bytes of the record that would have been.
        oversize: Option<u64>,
    },
    /// A user's cursor rose to this. Cumulative: those in between may never be told.
    Receipt(Receipt),
    /// A user with no connected device has something new.
    Undelivered(Undelivered),
}

/// A recipient who is not connected: what a push service needs. Cumulative as receipts are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undelivered {
    /// In which conversation.
    pub conversation: ConversationId,
    /// Who has no connected device.
    pub user: UserId,
    /// The newest position that did not reach it.
    pub seq: Seq,
    /// Who wrote that.
    pub from: UserId,
}

#[cfg(test)]
mod tests;
