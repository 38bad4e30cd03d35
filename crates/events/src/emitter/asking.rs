//! What is under way beside an ordered emitter, and the questions to the store.

use std::pin::Pin;

use causerie_protocol::{ConversationId, Seq};
use causerie_store::Epoch;
use causerie_store::model::{Entry, Shard};
use causerie_store::port::messages::ReadLimit;
use causerie_store::port::outbox::Extent;

use super::core::Ask;
use super::producer::Producer;
use super::source::Source;
use crate::topics::TopicError;

/// Something that was under way has ended. What could not be read is `None`, what could not be written `false`.
pub(super) enum Done {
    Marks(Shard, Option<ConversationId>, Option<Vec<ConversationId>>),
    Extent(ConversationId, Option<Extent>),
    Entries(ConversationId, Seq, Option<(Epoch, Vec<Entry>)>),
    /// Another node owns this conversation.
    NotOurs(ConversationId),
    Persisted(Vec<(ConversationId, Seq)>, bool),
    Cleared(ConversationId, Seq, bool),
    Producer(Result<Producer, TopicError>),
    Probed(bool),
    Gone,
}

/// Something that is under way.
pub(super) type Doing = Pin<Box<dyn Future<Output = Done> + Send>>;

/// Entries that are read at a time.
const READ: ReadLimit = ReadLimit { items: 512, bytes: 256 * 1024 };
/// Marks that are read at a time.
pub(super) const MARKS: usize = 256;

/// Asks the store. What is not this node's is not asked for: whoever owns it emits it.
pub(super) fn question(source: &dyn Source, ask: Ask) -> Doing {
    match ask {
        Ask::Marks(shard, after) => {
            if source.epoch(shard).is_none() {
                return Box::pin(async move { Done::Marks(shard, after, Some(Vec::new())) });
            }
            let answer = source.marked(shard, after, MARKS);
            Box::pin(async move { Done::Marks(shard, after, answer.await.map_err(log).ok()) })
        }
        Ask::Extent(conversation) => {
            if source.epoch(Shard::of_conversation(conversation)).is_none() {
                return Box::pin(async move { Done::NotOurs(conversation) });
            }
            let answer = source.extent(conversation);
            Box::pin(async move { Done::Extent(conversation, answer.await.map_err(log).ok()) })
        }
        Ask::Entries(conversation, first, last) => {
            let Some(epoch) = source.epoch(Shard::of_conversation(conversation)) else {
                return Box::pin(async move { Done::NotOurs(conversation) });
            };
            let answer = source.read(conversation, first, last, READ);
            Box::pin(async move {
                let entries = answer.await.map_err(log).ok().map(|entries| (epoch, entries));
                Done::Entries(conversation, first, entries)
            })
        }
    }
}

/// Notes an error of the store; what met it is tried again.
pub(super) fn log<E: std::fmt::Display>(error: E) -> E {
    tracing::warn!(%error, "the emitter asks the store again");
    error
}
