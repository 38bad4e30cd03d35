//! The log as an outbox: marks, and how far each conversation is emitted.
//!
//! A mark is written with the first batch of a conversation that has none here, before that batch is acknowledged; what an
//! opening finds after a crash or a doubt is marked by the opening. So what anybody was told of is marked, or emitted.
//! Marks have the shard's write timestamps, so that one that was cleared earlier never hides one that was written later.

use causerie_protocol::{ConversationId, Seq};
use causerie_store::model::Shard;
use causerie_store::port::outbox::Extent;
use causerie_store::port::{ReadError, WriteError};
use futures_util::{StreamExt as _, stream};
use uuid::Uuid;

use super::Log;
use super::rows::{bigint, seq};

/// Emit cursors that are being written at once.
const CONCURRENT: usize = 32;

impl Log {
    /// As [`Outbox::marked`](causerie_store::port::Outbox::marked). The database orders ids in its own way, so the whole
    /// shard is read: what is marked is what was busy a moment ago, a few thousandths of all of it.
    pub(crate) async fn marked(
        &self,
        shard: Shard,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Result<Vec<ConversationId>, ReadError> {
        let values = (i32::from(shard.number()),);
        let rows: Vec<(Uuid,)> = self.base.cql.rows(&self.statements.marked, values).await?;
        let mut marked: Vec<_> = rows.into_iter().map(|(id,)| ConversationId(id)).collect();
        marked.retain(|id| after.is_none_or(|after| id.as_bytes() > after.as_bytes()));
        marked.sort_unstable_by_key(|id| *id.as_bytes());
        marked.truncate(limit);
        Ok(marked)
    }

    /// As [`Outbox::extent`](causerie_store::port::Outbox::extent).
    pub(crate) async fn extent(&self, conversation: ConversationId) -> Result<Extent, ReadError> {
        let (emitted, tail) = tokio::try_join!(self.emitted(conversation), self.opening(conversation))?;
        Ok(Extent { emitted, last: tail.last })
    }

    async fn emitted(&self, conversation: ConversationId) -> Result<Seq, ReadError> {
        let row = self.base.cql.one::<(Option<i64>,)>(&self.statements.emitted, (conversation.0,)).await?;
        Ok(row.and_then(|(emitted,)| emitted).map(seq).unwrap_or_default())
    }

    /// As [`Outbox::put_emit_cursors`](causerie_store::port::Outbox::put_emit_cursors).
    pub(crate) async fn put_emit_cursors(
        &self,
        cursors: Vec<(ConversationId, Seq)>,
    ) -> Result<(), WriteError> {
        let writes = cursors.into_iter().map(|(conversation, emitted)| {
            let values = (conversation.0, bigint(emitted), bigint(emitted));
            self.base.cql.write(&self.statements.put_emitted, values)
        });
        let done: Vec<_> = stream::iter(writes).buffer_unordered(CONCURRENT).collect().await;
        done.into_iter().collect()
    }

    /// As [`Outbox::clear_mark`](causerie_store::port::Outbox::clear_mark).
    pub(crate) async fn clear_mark(
        &self,
        conversation: ConversationId,
        emitted: Seq,
    ) -> Result<bool, WriteError> {
        let refused = |error: ReadError| WriteError::Refused(error.to_string());
        let slot = self.slots.get(conversation);
        // An append that comes while this is held waits, and marks again.
        let Ok(_writer) = slot.writer.try_lock() else { return Ok(false) };
        let term = self.term(slot.shard).map_err(refused)?;
        let last = self.opened(&slot, term).await.map_err(refused)?.tail.last;
        if last != emitted || self.emitted(conversation).await.map_err(refused)? < last {
            return Ok(false);
        }
        if self.head_waits(conversation) {
            self.write_head(conversation, last).await?;
            self.head_written(conversation, last);
        }
        // Whoever has taken over meanwhile may have marked it for entries that are not seen here.
        self.gate().await.map_err(refused)?;
        let timestamp = self.timestamp(slot.shard, self.deadline()).await;
        let timestamp = timestamp.map_err(|none| WriteError::Refused(none.to_string()))?;
        slot.set_marked(false);
        let values = (timestamp, i32::from(slot.shard.number()), conversation.0);
        self.base.cql.write(&self.statements.unmark, values).await.map(|()| true)
    }
}
