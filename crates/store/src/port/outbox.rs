//! The log as an outbox: what an emitter needs of a store whose events go to a broker.
//!
//! Nothing is written twice for it. Beside the logs a store keeps, for each conversation, an *emit cursor* (every entry
//! up to there is in the broker) and, while entries above it may exist, a *mark* under the conversation's shard.
//! After a crash, the marks tell which logs to look at and the cursors where to begin.
//!
//! What holds at any moment, also after a crash: a conversation without a mark has no committed entry above its
//! emit cursor. To that end [`append`](super::Messages::append) makes the mark durable before the first batch that follows
//! a cleared mark (or in one step with it), and [`clear_mark`](Outbox::clear_mark) refuses where a batch is under way.
//! A mark too many is harmless; a missing one would be an event that is never told. A store that clears marks of its
//! own accord, or writes a cursor that nobody put, breaks this.

use causerie_protocol::{ConversationId, Seq};

use super::{Answer, ReadError, WriteError};
use crate::model::Shard;

/// How far a conversation is emitted, and how far it can be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// The emit cursor: everything up to here is in the broker. 0 when none was ever put.
    pub emitted: Seq,
    /// The last committed entry; 0 for an empty log.
    pub last: Seq,
}

/// Which entries are not emitted yet, as far as is known for certain. Entries themselves come through
/// [`Messages::read`](super::Messages::read).
///
/// Only the node that owns a shard emits it, and calls these for it.
pub trait Outbox: Send + Sync + 'static {
    /// Marked conversations of a shard that come after this one, rising by id as bytes compare, at most so many.
    /// Fewer than `limit` means that there are no more.
    fn marked(
        &self,
        shard: Shard,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Answer<Result<Vec<ConversationId>, ReadError>>;

    /// How far a conversation is. `last` is committed: where a tail of an earlier owner may still be undone, the store
    /// opens the conversation first, as for its owner.
    fn extent(&self, conversation: ConversationId) -> Answer<Result<Extent, ReadError>>;

    /// Keeps emit cursors, in any order: the highest wins. Durable when answered. After an error some of them may be kept,
    /// and others not; putting them again, or never, is safe: a cursor that is too low only makes events come twice.
    fn put_emit_cursors(&self, cursors: Vec<(ConversationId, Seq)>) -> Answer<Result<(), WriteError>>;

    /// Clears the mark of a conversation if its log ends at `emitted`, its durable emit cursor is there too, whatever else
    /// the mark keeps from being forgotten (a head that is written behind) has got there, and no batch is under way.
    /// Answers whether there is no mark any more; `false` means that it stays, and may be tried later.
    /// After an error the mark may be there or not, and one that is needed is there.
    fn clear_mark(&self, conversation: ConversationId, emitted: Seq) -> Answer<Result<bool, WriteError>>;
}
