//! Opening a conversation: the owner learns where its log ends, so that nothing can change that any more.
//!
//! 1. The last rows are read at a majority, and the fence is asked at the same time. Where they were written in a term
//!    that began after the last crash, and no write is in doubt, that is all: every one of them is on a majority.
//! 2. Otherwise an earlier owner, or this one, may have written what is on a minority, or still on its way. The last
//!    [`Batch::MAX_ENTRIES`] entries of the page are written again, both rows of each, under a new timestamp, and
//!    whatever may stand above them is deleted under one that is lower by one: above all that is on its way, below all
//!    that will be written. If a batch can have begun the next page, it is deleted there too.
//! 3. The fence is asked again, after that.
//!
//! Recovers: after an error nothing is known, and the next one who asks opens it again.

use std::sync::Arc;

use causerie_protocol::{ConversationId, Seq};
use causerie_store::model::Projection;
use causerie_store::port::{ReadError, WriteError};
use causerie_store::{Batch, Epoch};
use scylla::serialize::row::SerializeRow;
use tokio::time::Instant;

use super::heads::open_head;
use super::rows::{PAGE, bigint, both_rows, bounds, page_of};
use super::slot::{Open, Slot};
use super::tail::{EntryRow, LastRows, Tail};
use super::{Log, unavailable};
use crate::owned::Term;

impl Log {
    /// Opens a conversation if it is not open, and tells its end: everything up to there is committed, and whatever was
    /// acknowledged before this was called is in it.
    pub(crate) async fn opening(&self, conversation: ConversationId) -> Result<Arc<Tail>, ReadError> {
        let asked = Instant::now();
        let slot = self.slots.get(conversation);
        let term = self.term(slot.shard)?;
        let open = match slot.open(term.epoch) {
            Some(open) => open,
            None => {
                let _writer = slot.writer.lock().await;
                self.opened(&slot, term).await?
            }
        };
        if open.gated < asked {
            self.gate().await?;
        }
        self.still(slot.shard, term.epoch)?;
        Ok(open.tail)
    }

    /// What follows from entries above `applied`, up to this end of the log: the position of each batch's last entry and
    /// its projections, rising.
    pub(crate) async fn unapplied(
        &self,
        conversation: ConversationId,
        tail: &Tail,
        applied: Seq,
    ) -> Result<Vec<(Seq, Vec<Projection>)>, ReadError> {
        let mut found = Vec::new();
        let mut next = tail.projected;
        while next > applied {
            let Some(stored) = self.fetch(conversation, next, next).await?.pop() else { break };
            if stored.projections.is_empty() || stored.projected_before >= next {
                let problem =
                    format!("entry {} of conversation {conversation} should change its tables", next.0);
                return Err(ReadError::Corrupt(problem));
            }
            found.push((next, stored.projections));
            next = stored.projected_before;
        }
        found.reverse();
        Ok(found)
    }

    /// Opens it if it is not open. The caller holds `writer`.
    pub(super) async fn opened(&self, slot: &Slot, term: Term) -> Result<Open, ReadError> {
        match slot.open(term.epoch) {
            Some(open) => Ok(open),
            None => Box::pin(self.open(slot, term)).await,
        }
    }

    async fn open(&self, slot: &Slot, term: Term) -> Result<Open, ReadError> {
        let mut gated = Instant::now();
        // After a crash most ends have to be written again.
        let few = if slot.doubtful() || term.epoch == term.crash_epoch { Batch::MAX_ENTRIES } else { 1 };
        let (gate, last) = tokio::join!(self.gate(), self.last_rows(slot.conversation, few));
        let (mut last, mut marked) = (last?, false);
        if slot.doubtful() || last.epoch < term.crash_epoch {
            if few == 1 {
                last = self.page_end(slot.conversation, last.page, Batch::MAX_ENTRIES).await?;
            }
            marked = self.settle(slot, term, &last).await?;
            gated = Instant::now();
            self.gate().await?;
        } else {
            gate?;
        }
        self.still(slot.shard, term.epoch)?;
        let open = Open { tail: Arc::new(last.tail()), epoch: term.epoch, gated, marked };
        slot.publish(open.clone());
        slot.resolved();
        Ok(open)
    }

    /// Makes the end of a log the end, whatever is on its way. It may hold what nobody was told of yet, so the outbox has
    /// to look at it; answers whether the mark is there.
    async fn settle(&self, slot: &Slot, term: Term, last: &LastRows) -> Result<bool, ReadError> {
        let deadline = self.deadline();
        let lost = |error: WriteError| unavailable(&format!("the end of the log cannot be settled: {error}"));
        let timestamp = self.timestamp(slot.shard, deadline).await;
        let timestamp = timestamp.map_err(|none| unavailable(&none.to_string()))?;
        let tail = last.tail();
        let marking = async {
            if tail.last == Seq::ZERO {
                Ok(false)
            } else {
                self.mark(slot.conversation, deadline).await.map(|()| true)
            }
        };
        let ((), (), marked) = tokio::try_join!(
            self.rewrite(slot, term, last, timestamp),
            self.cut_next(slot, tail.last, timestamp - 1),
            marking
        )
        .map_err(lost)?;
        Ok(marked)
    }

    /// The page of the end: its last entries again, and nothing above them. One mutation.
    async fn rewrite(
        &self,
        slot: &Slot,
        term: Term,
        last: &LastRows,
        timestamp: i64,
    ) -> Result<(), WriteError> {
        let (conversation, page, epoch) = (slot.conversation, last.page, epoch_column(term.epoch));
        let mut statements = vec![&self.statements.cut];
        let cut = (timestamp - 1, conversation.0, page, bigint(last.tail().last));
        let mut values: Vec<Box<dyn SerializeRow + Send + Sync>> = vec![Box::new(cut)];
        for (stored, cell) in last.entries.iter().take(Batch::MAX_ENTRIES) {
            let rows = both_rows(conversation, &stored.entry, cell.clone());
            for row in rows.map_err(|error| WriteError::Refused(error.to_string()))? {
                statements.push(&self.statements.insert);
                let values_of = (conversation.0, page, row.kind, bigint(row.seq), row.cmid, epoch, row.body);
                values.push(Box::new(values_of));
            }
        }
        self.base.cql.batch(&statements, &values[..], Some(timestamp)).await
    }

    /// The page after, if a batch that is on its way can have reached it.
    async fn cut_next(&self, slot: &Slot, last: Seq, timestamp: i64) -> Result<(), WriteError> {
        let reached = Seq(last.0.saturating_add(Batch::MAX_ENTRIES as u64));
        let page = page_of(last);
        if page_of(reached) == page {
            return Ok(());
        }
        let values = (timestamp, slot.conversation.0, page + 1, bigint(last));
        self.base.cql.write(&self.statements.cut, values).await
    }

    /// The last rows of a log. The page where it ends is remembered behind; where that is lost, it is searched for.
    async fn last_rows(&self, conversation: ConversationId, limit: usize) -> Result<LastRows, ReadError> {
        let _reading = self.reading().await?;
        let hint = self.base.cql.one::<(Option<Vec<u8>>,)>(&self.statements.head, (conversation.0,));
        let (hint, first) = tokio::try_join!(hint, self.page_end(conversation, 0, limit))?;
        let hint = hint.and_then(|(head,)| open_head(conversation, &head?)).unwrap_or_default();
        let mut last = first;
        if page_of(hint) > 0 {
            last = self.page_end(conversation, page_of(hint), limit).await?;
            if last.tail().last < hint {
                let problem = format!("conversation {conversation} was longer: entry {} is gone", hint.0);
                return Err(ReadError::Corrupt(problem));
            }
        }
        // Pages are filled one after the other: one that holds anything has only full ones below.
        let (mut step, mut empty) = (1_i32, None::<i32>);
        while last.tail().last == bounds(last.page).1 && empty != Some(last.page + 1) {
            let most = empty.map_or(i32::MAX, |empty| empty - last.page - 1);
            let page = last.page.saturating_add(step.min(most).max(1));
            let end = self.page_end(conversation, page, limit).await?;
            if end.entries.is_empty() {
                (empty, step) = (Some(page), (step / 2).max(1));
            } else {
                (last, step) =
                    (end, if empty.is_some() { (step / 2).max(1) } else { step.saturating_mul(2) });
            }
        }
        Ok(last)
    }

    async fn page_end(
        &self,
        conversation: ConversationId,
        page: i32,
        limit: usize,
    ) -> Result<LastRows, ReadError> {
        let limit = i32::try_from(limit).unwrap_or(i32::MAX);
        let rows: Vec<EntryRow> =
            self.base.cql.rows(&self.statements.last, (conversation.0, page, limit)).await?;
        LastRows::of(conversation, page, rows)
    }
}

/// A term as the database has it.
pub(super) fn epoch_column(epoch: Epoch) -> i64 {
    i64::try_from(epoch.0).unwrap_or(i64::MAX)
}

const _: () = assert!(PAGE > Batch::MAX_ENTRIES as u64, "a batch touches two pages at most");
