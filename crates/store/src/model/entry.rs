//! One entry of a conversation's log.

use causerie_protocol::frame::down::EntryKind;
use causerie_protocol::wire::MessageParts;
use causerie_protocol::{
    Body, ClientMessageId, ConversationId, DeviceId, MessageId, Seq, Timestamp, UserId, snowflake,
};

/// A message or a membership change, at its position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The position: dense from 1.
    pub seq: Seq,
    /// The Snowflake id, which also dates the entry.
    pub message_id: MessageId,
    /// What it is.
    pub kind: EntryKind,
    /// Who wrote or changed.
    pub from: UserId,
    /// On which device.
    pub device: DeviceId,
    /// With `from`, the idempotency key.
    pub client_message_id: ClientMessageId,
    /// What was written, byte for byte.
    pub body: Body,
}

impl Entry {
    /// When the entry was numbered.
    pub fn time(&self) -> Timestamp {
        snowflake::time_of(self.message_id)
    }

    /// The entry as the parts of a frame.
    pub fn parts(&self, conversation: ConversationId) -> MessageParts<'_> {
        MessageParts {
            conversation,
            seq: self.seq,
            message_id: self.message_id,
            kind: self.kind,
            from: &self.from,
            device: &self.device,
            client_message_id: self.client_message_id,
            time: self.time(),
            body: self.body.as_json(),
        }
    }
}
