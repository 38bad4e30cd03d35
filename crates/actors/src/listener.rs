//! Hearing what is committed, as it happens: for an emitter of events, where the store keeps no log of them.

use causerie_protocol::{ConversationId, Seq, UserId};
use causerie_store::Committed;
use causerie_store::model::Cursor;

/// Hears of every committed batch of this node.
///
/// Called by the conversation that committed, for one conversation in the order of its log, before anybody is told. It
/// must not wait. What it did not hear, because the node died, it finds in the store's marks.
pub trait CommitListener: Send + Sync + 'static {
    /// A batch is durable.
    fn committed(&self, committed: &Committed);

    /// A user's cursor rose to this, and is durable.
    fn receipt(&self, conversation: ConversationId, user: &UserId, cursor: Cursor);

    /// A member has no connected device and has not got this position. Told once for a burst of messages.
    fn undelivered(&self, conversation: ConversationId, user: &UserId, seq: Seq, from: &UserId);
}
