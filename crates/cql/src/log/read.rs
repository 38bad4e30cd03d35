//! Reading entries by position: which partitions hold them is arithmetic, and every one of them has to be there.
//!
//! Guaranteed: nothing above the committed end is returned; a position at or below it that has no row is
//! [`ReadError::Corrupt`], never taken for the end. Whoever asks for more than is known to be committed has the fence
//! asked for it; below that nothing can change.

use std::sync::Arc;

use causerie_protocol::{Body, ConversationId, Seq};
use causerie_store::Entry;
use causerie_store::model::Shard;
use causerie_store::port::messages::ReadLimit;
use causerie_store::port::{ReadError, WriteError};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::time::timeout_at;

use super::Log;
use super::opening::epoch_column;
use super::rows::{ENTRY, NO_KEY, bigint, page_of, stretches};
use super::tail::{EntryRow, LastRows, Tail};
use crate::codec::{Stored, seal_message};

/// Entries that are read at once: few enough that the longest bodies fit into memory many times over.
const STRETCH: u64 = 128;

/// Conversations whose ends are looked for at once, for one question.
const CONCURRENT: usize = 32;

impl Log {
    /// As [`Messages::read`](causerie_store::port::Messages::read).
    pub(crate) async fn read(
        &self,
        conversation: ConversationId,
        first: Seq,
        last: Seq,
        limit: ReadLimit,
    ) -> Result<Vec<Entry>, ReadError> {
        let last = last.min(self.committed(conversation, last).await?);
        let (mut taken, mut next) = (Taken::new(limit), first.max(Seq(1)));
        while next <= last && taken.wants() > 0 {
            let end = Seq(last.0.min(next.0.saturating_add(taken.wants().min(STRETCH) - 1)));
            for stored in self.fetch(conversation, next, end).await? {
                if !taken.take(stored.entry) {
                    return Ok(taken.entries);
                }
            }
            next = end.next();
        }
        Ok(taken.entries)
    }

    /// As [`Messages::read_back`](causerie_store::port::Messages::read_back).
    pub(crate) async fn read_back(
        &self,
        conversation: ConversationId,
        first: Seq,
        last: Seq,
        limit: ReadLimit,
    ) -> Result<Vec<Entry>, ReadError> {
        let first = first.max(Seq(1));
        let (mut taken, mut end) = (Taken::new(limit), last.min(self.committed(conversation, last).await?));
        'all: while end >= first && taken.wants() > 0 {
            let begin = Seq(first.0.max((end.0 + 1).saturating_sub(taken.wants().min(STRETCH))));
            for stored in self.fetch(conversation, begin, end).await?.into_iter().rev() {
                if !taken.take(stored.entry) {
                    break 'all;
                }
            }
            end = Seq(begin.0 - 1);
        }
        taken.entries.reverse();
        Ok(taken.entries)
    }

    /// As [`Messages::heads`](causerie_store::port::Messages::heads).
    pub(crate) async fn heads(
        &self,
        conversations: Vec<ConversationId>,
    ) -> Result<Vec<Option<Entry>>, ReadError> {
        let heads: Vec<_> = conversations.into_iter().map(|conversation| self.head(conversation)).collect();
        stream::iter(heads).buffered(CONCURRENT).try_collect().await
    }

    async fn head(&self, conversation: ConversationId) -> Result<Option<Entry>, ReadError> {
        let tail = self.opening(conversation).await?;
        match &tail.head {
            Some(entry) => Ok(Some(entry.clone())),
            None if tail.last == Seq::ZERO => Ok(None),
            None => {
                Ok(self.fetch(conversation, tail.last, tail.last).await?.pop().map(|stored| stored.entry))
            }
        }
    }

    /// A position up to which everything is committed: at least `wanted`, or the end of the log as it is now.
    pub(super) async fn committed(
        &self,
        conversation: ConversationId,
        wanted: Seq,
    ) -> Result<Seq, ReadError> {
        let shard = Shard::of_conversation(conversation);
        let known = self.slots.get(conversation).open(self.term(shard)?.epoch);
        match known.filter(|open| open.tail.last >= wanted) {
            Some(open) => Ok(open.tail.last),
            None => Ok(self.opening(conversation).await?.last),
        }
    }

    /// Entries at committed positions, rising: all of them.
    pub(super) async fn fetch(
        &self,
        conversation: ConversationId,
        first: Seq,
        last: Seq,
    ) -> Result<Vec<Stored>, ReadError> {
        let _reading = self.reading().await?;
        let mut fetched: Vec<Stored> = Vec::new();
        for (page, begin, end) in stretches(first, last) {
            let values = (conversation.0, page, bigint(begin), bigint(end));
            let rows: Vec<EntryRow> = self.base.cql.rows(&self.statements.range, values).await?;
            let found = LastRows::of(conversation, page, rows)?.entries;
            let whole = found.len() as u64 == end.0 - begin.0 + 1;
            if !whole || found.first().is_none_or(|(stored, _)| stored.entry.seq != end) {
                let problem =
                    format!("conversation {conversation} lacks entries between {} and {}", begin.0, end.0);
                return Err(ReadError::Corrupt(problem));
            }
            fetched.extend(found.into_iter().rev().map(|(stored, _)| stored));
        }
        Ok(fetched)
    }

    /// As [`Messages::replace_bodies`](causerie_store::port::Messages::replace_bodies).
    pub(crate) async fn replace_bodies(
        &self,
        conversation: ConversationId,
        bodies: Vec<(Seq, Body)>,
    ) -> Result<(), WriteError> {
        let refused = |error: ReadError| WriteError::Refused(error.to_string());
        let slot = self.slots.get(conversation);
        let term = self.term(slot.shard).map_err(refused)?;
        // Opening writes entries again as it read them: not while they change.
        let writer = timeout_at(self.deadline(), slot.writer.lock()).await;
        let _writer = writer.map_err(|_| WriteError::Refused("an append is under way".to_owned()))?;
        let mut open = self.opened(&slot, term).await.map_err(refused)?;
        let last = open.tail.last;
        // The last of several bodies for one position.
        let bodies: std::collections::BTreeMap<_, _> = bodies.into_iter().collect();
        let mut begun = false;
        for (seq, body) in bodies.into_iter().filter(|(seq, _)| (Seq(1)..=last).contains(seq)) {
            // What was written before stays; the same again is safe.
            let failed =
                |why: String| if begun { WriteError::Unknown(why) } else { WriteError::Refused(why) };
            let stored =
                self.fetch(conversation, seq, seq).await.map_err(|error| failed(error.to_string()))?.pop();
            let Some(mut stored) = stored else { continue };
            stored.entry.body = body;
            let cell = seal_message(conversation, &stored).map_err(|error| failed(error.to_string()))?;
            let timestamp = self.timestamp(slot.shard, self.deadline()).await;
            let timestamp = timestamp.map_err(|none| failed(none.to_string()))?;
            let epoch = epoch_column(term.epoch);
            let values = (conversation.0, page_of(seq), ENTRY, bigint(seq), NO_KEY, epoch, cell);
            self.base
                .cql
                .batch(&[&self.statements.insert], (values,), Some(timestamp))
                .await
                .map_err(|error| if begun { WriteError::Unknown(error.to_string()) } else { error })?;
            begun = true;
            if seq == last {
                open.tail = Arc::new(Tail::after(&stored));
            }
        }
        self.gate().await.map_err(|error| WriteError::Unknown(error.to_string()))?;
        slot.publish(open);
        Ok(())
    }
}

/// What a limit lets through.
struct Taken {
    entries: Vec<Entry>,
    limit: ReadLimit,
    bytes: usize,
}

impl Taken {
    fn new(limit: ReadLimit) -> Self {
        Self { entries: Vec::new(), limit, bytes: 0 }
    }

    /// How many more at most.
    fn wants(&self) -> u64 {
        (self.limit.items - self.entries.len()) as u64
    }

    /// Takes one more; `false`: it does not fit any more.
    fn take(&mut self, entry: Entry) -> bool {
        self.bytes = self.bytes.saturating_add(entry.body.as_json().len());
        if self.bytes > self.limit.bytes && !self.entries.is_empty() {
            return false;
        }
        self.entries.push(entry);
        true
    }
}
