//! Marks and emit cursors, in memory: a mark is made in one step with the batch.

use std::ops::Bound::{Excluded, Included, Unbounded};

use causerie_protocol::{ConversationId, Seq};
use tokio::sync::oneshot;

use super::MemoryStore;
use super::tables::Tables;
use crate::model::Shard;
use crate::port::outbox::Extent;
use crate::port::{Answer, Outbox, ReadError, WriteError};

impl Outbox for MemoryStore {
    fn marked(
        &self,
        shard: Shard,
        after: Option<ConversationId>,
        limit: usize,
    ) -> Answer<Result<Vec<ConversationId>, ReadError>> {
        self.look(|tables| {
            let first = ConversationId::from_bytes([0; 16]);
            let from = after.map_or(Included((shard, first)), |after| Excluded((shard, after)));
            let marks = tables.emit_marks.range((from, Unbounded));
            marks.take_while(|(of, _)| *of == shard).take(limit).map(|(_, id)| *id).collect()
        })
    }

    fn extent(&self, conversation: ConversationId) -> Answer<Result<Extent, ReadError>> {
        self.look(|tables| tables.extent(conversation))
    }

    fn put_emit_cursors(&self, cursors: Vec<(ConversationId, Seq)>) -> Answer<Result<(), WriteError>> {
        self.write(move |tables| {
            for (conversation, seq) in cursors {
                let kept = tables.emit_cursors.entry(conversation).or_default();
                *kept = seq.max(*kept);
            }
        })
    }

    fn clear_mark(&self, conversation: ConversationId, emitted: Seq) -> Answer<Result<bool, WriteError>> {
        let (tell, cleared) = oneshot::channel();
        let written = self.write(move |tables| {
            let mark = (Shard::of_conversation(conversation), conversation);
            // A batch that is held makes the mark anew when it passes.
            if tables.extent(conversation) == (Extent { emitted, last: emitted }) {
                tables.emit_marks.remove(&mark);
            }
            // Whoever asked may have gone.
            let _ = tell.send(!tables.emit_marks.contains(&mark));
        });
        Box::pin(async {
            written.await?;
            Ok(cleared.await.unwrap_or_default())
        })
    }
}

impl Tables {
    fn extent(&self, conversation: ConversationId) -> Extent {
        let last = self.logs.get(&conversation).and_then(|log| log.entries.keys().next_back());
        Extent {
            emitted: self.emit_cursors.get(&conversation).copied().unwrap_or_default(),
            last: last.copied().unwrap_or_default(),
        }
    }
}
