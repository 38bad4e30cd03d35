//! What a device keeps over its connections and crashes.

use std::collections::BTreeMap;

use causerie_protocol::{ConversationId, Seq, UserId};
use uuid::Uuid;

use crate::stage::Phase;

/// A message, kept before it is first sent.
#[derive(Clone, Debug)]
pub struct Message {
    /// Where it goes.
    pub conversation: ConversationId,
    /// The other user of a direct conversation.
    pub to: Option<UserId>,
    /// The client message id.
    pub key: Uuid,
    /// What it says, as JSON.
    pub body: Box<str>,
    /// The highest position that was known when it was made.
    pub after: u64,
    /// How often it was sent before.
    pub attempt: u32,
}

/// What a device keeps.
#[derive(Debug, Default)]
pub struct Memory {
    /// The highest position that has come, of each conversation.
    pub known: BTreeMap<ConversationId, u64>,
    /// How far each user has received and read, as was told last.
    pub receipts: BTreeMap<(ConversationId, UserId), (Seq, Seq)>,
    /// Messages without a known outcome, in the order in which they were made.
    pub open: Vec<Message>,
    /// One that was acknowledged not long ago.
    pub answered: Option<Message>,
    /// Its open session in the history. The world closes it when the device's host crashes.
    pub session: Option<u32>,
    /// The phase that it has finished.
    pub ready: Option<Phase>,
    /// What it is waiting for; for who wonders why it is not ready.
    pub waits_for: String,
}

impl Memory {
    /// The highest position that has come of a conversation.
    pub fn known(&self, conversation: ConversationId) -> u64 {
        self.known.get(&conversation).copied().unwrap_or_default()
    }

    /// A position has come.
    pub fn learn(&mut self, conversation: ConversationId, seq: u64) {
        let known = self.known.entry(conversation).or_default();
        *known = seq.max(*known);
    }
}
