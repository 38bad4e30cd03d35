//! The port of messages, and the log as an outbox: each call is one of the [`Log`](crate::log::Log).

use std::sync::Arc;

use causerie_protocol::{Body, ClientMessageId, ConversationId, Seq, UserId};
use causerie_store::model::Shard;
use causerie_store::port::messages::ReadLimit;
use causerie_store::port::outbox::Extent;
use causerie_store::port::{Answer, Messages, Outbox, ReadError, WriteError};
use causerie_store::{Entry, PendingAppend};

use crate::store::CqlStore;

type Read<T> = Answer<Result<T, ReadError>>;
type Written<T> = Answer<Result<T, WriteError>>;

impl Messages for CqlStore {
    fn append(&self, append: PendingAppend) {
        self.log.append(append);
    }

    fn read(
        &self,
        conversation: ConversationId,
        first: Seq,
        last: Seq,
        limit: ReadLimit,
    ) -> Read<Vec<Entry>> {
        let log = Arc::clone(&self.log);
        Box::pin(async move { log.read(conversation, first, last, limit).await })
    }

    fn read_back(
        &self,
        conversation: ConversationId,
        first: Seq,
        last: Seq,
        limit: ReadLimit,
    ) -> Read<Vec<Entry>> {
        let log = Arc::clone(&self.log);
        Box::pin(async move { log.read_back(conversation, first, last, limit).await })
    }

    fn heads(&self, conversations: Vec<ConversationId>) -> Read<Vec<Option<Entry>>> {
        let log = Arc::clone(&self.log);
        Box::pin(async move { log.heads(conversations).await })
    }

    fn find(
        &self,
        conversation: ConversationId,
        keys: Vec<(UserId, ClientMessageId)>,
    ) -> Read<Vec<Option<Entry>>> {
        let log = Arc::clone(&self.log);
        Box::pin(async move { log.find(conversation, keys).await })
    }

    fn highest_key(&self, conversation: ConversationId) -> Read<Option<ClientMessageId>> {
        let log = Arc::clone(&self.log);
        Box::pin(async move { Ok(log.opening(conversation).await?.highest) })
    }

    fn replace_bodies(&self, conversation: ConversationId, bodies: Vec<(Seq, Body)>) -> Written<()> {
        let log = Arc::clone(&self.log);
        Box::pin(async move { log.replace_bodies(conversation, bodies).await })
    }
}

impl Outbox for CqlStore {
    fn marked(&self, shard: Shard, after: Option<ConversationId>, limit: usize) -> Read<Vec<ConversationId>> {
        let log = Arc::clone(&self.log);
        Box::pin(async move { log.marked(shard, after, limit).await })
    }

    fn extent(&self, conversation: ConversationId) -> Read<Extent> {
        let log = Arc::clone(&self.log);
        Box::pin(async move { log.extent(conversation).await })
    }

    fn put_emit_cursors(&self, cursors: Vec<(ConversationId, Seq)>) -> Written<()> {
        let log = Arc::clone(&self.log);
        Box::pin(async move { log.put_emit_cursors(cursors).await })
    }

    fn clear_mark(&self, conversation: ConversationId, emitted: Seq) -> Written<bool> {
        let log = Arc::clone(&self.log);
        Box::pin(async move { log.clear_mark(conversation, emitted).await })
    }
}
