//! The logs of conversations in `messages`, as their owner writes and reads them.
//!
//! Guaranteed: what is answered as committed is on a majority of replicas, and the fence was open afterwards; a position
//! that was committed has that entry for ever; a head is told only after the fence was asked for it; what is acknowledged
//! has its mark in the outbox. Not guaranteed: that a write with an unknown outcome is not there, or does not come later.
//! Until that is resolved, the conversation is *doubtful*: it is opened again before anything is told of its end, which
//! either keeps what came, or deletes it under a higher timestamp, so that it is shadowed whenever it comes.
//!
//! Begin reading at `append.rs` and `opening.rs`; `rows.rs`, `tail.rs`, `slot.rs` and `limit.rs` decide and perform nothing.

mod append;
mod heads;
mod keys;
mod limit;
mod opening;
mod outbox;
mod read;
mod rows;
mod slot;
mod statements;
mod tail;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use causerie_protocol::ConversationId;
use causerie_store::PendingAppend;
use causerie_store::model::{Epoch, Shard};
use causerie_store::port::messages::AppendError;
use causerie_store::port::{ReadError, WriteError};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep, timeout_at};

use crate::base::Base;
use crate::error::OpenError;
use crate::owned::{NoTimestamp, Term};
use crate::projections::Projections;

use heads::Heads;
use limit::Limit;
use slot::Slots;
use statements::Statements;

/// Appends that may be under way or wait, of all conversations.
const APPENDS: usize = 16 * 1024;

/// Reads of logs under way at once.
const READS: usize = 256;

/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(20);

/// All logs.
#[derive(Debug)]
pub(crate) struct Log {
    base: Arc<Base>,
    projections: Arc<Projections>,
    statements: Statements,
    slots: Slots,
    limit: Limit,
    reads: Semaphore,
    heads: Heads,
    appends: AtomicUsize,
}

impl Log {
    /// Prepares its statements, and begins to write heads in the background until the base stops.
    pub(crate) async fn start(
        base: Arc<Base>,
        projections: Arc<Projections>,
    ) -> Result<Arc<Self>, OpenError> {
        let log = Arc::new(Self {
            statements: Box::pin(Statements::prepare(&base.cql)).await?,
            slots: Slots::new(base.cql.config.open_conversations),
            limit: Limit::new(base.cql.config.appends_in_flight),
            reads: Semaphore::new(READS),
            heads: Heads::default(),
            appends: AtomicUsize::new(0),
            projections,
            base,
        });
        log.base.tasks.spawn(Arc::clone(&log).keep_heads());
        Ok(log)
    }

    /// Appends; `pending` is answered when it is certain how it ended, or [`write_deadline`] is over.
    ///
    /// [`write_deadline`]: crate::CqlConfig::write_deadline
    pub(crate) fn append(self: &Arc<Self>, pending: PendingAppend) {
        let metrics = &self.base.cql.metrics;
        if let Err(error) = pending.batch().check() {
            metrics.refused.fetch_add(1, Ordering::Relaxed);
            return pending.failed(AppendError::Refused(error.to_string()));
        }
        let refused = if self.base.stop.is_cancelled() {
            Some("the store is closed")
        } else if self.appends.fetch_add(1, Ordering::Relaxed) >= APPENDS {
            self.appends.fetch_sub(1, Ordering::Relaxed);
            Some("too many appends wait")
        } else {
            None
        };
        if let Some(why) = refused {
            return self.answer(pending, Err(self.refusal_of(why)), Instant::now());
        }
        let log = Arc::clone(self);
        let appending = async move {
            let began = Instant::now();
            let batch = Arc::new(pending.batch().clone());
            let outcome = Box::pin(log.commit(&batch, began + log.base.cql.config.write_deadline)).await;
            log.answer(pending, outcome, began);
            log.appends.fetch_sub(1, Ordering::Relaxed);
        };
        self.base.tasks.spawn_on(appending, &self.base.runtime);
    }

    fn answer(&self, pending: PendingAppend, outcome: Result<(), AppendError>, began: Instant) {
        let metrics = &self.base.cql.metrics;
        match outcome {
            Ok(()) => {
                metrics.batches.fetch_add(1, Ordering::Relaxed);
                metrics.entries.fetch_add(pending.batch().entries.len() as u64, Ordering::Relaxed);
                metrics.appends.record(began.elapsed());
                pending.committed();
            }
            Err(error) => {
                let unknown = matches!(error, AppendError::Unknown(_));
                let counter = if unknown { &metrics.unknown } else { &metrics.refused };
                counter.fetch_add(1, Ordering::Relaxed);
                pending.failed(error);
            }
        }
    }

    fn refusal_of(&self, why: &str) -> AppendError {
        AppendError::Refused(why.to_owned())
    }

    /// The term in which this node owns a shard.
    fn term(&self, shard: Shard) -> Result<Term, ReadError> {
        self.base.owned.term(shard).ok_or_else(|| unavailable("this node does not own the conversation"))
    }

    /// Whether it is still the same term.
    fn still(&self, shard: Shard, epoch: Epoch) -> Result<(), ReadError> {
        match self.base.owned.term(shard) {
            Some(term) if term.epoch == epoch => Ok(()),
            _ => Err(unavailable("this node does not own the conversation any more")),
        }
    }

    /// Waits for a pass that begins now.
    async fn gate(&self) -> Result<(), ReadError> {
        self.base.gate.pass().await.map_err(|shut| unavailable(&shut.to_string()))
    }

    /// The next write timestamp of a shard; waits while the ceiling is being raised.
    async fn timestamp(&self, shard: Shard, deadline: Instant) -> Result<i64, NoTimestamp> {
        loop {
            match self.base.owned.timestamp(shard) {
                Err(NoTimestamp::Exhausted) if Instant::now() + PAUSE < deadline => sleep(PAUSE).await,
                given => return given,
            }
        }
    }

    /// Until when something that begins now is repeated.
    fn deadline(&self) -> Instant {
        Instant::now() + self.base.cql.config.write_deadline
    }

    async fn reading(&self) -> Result<SemaphorePermit<'_>, ReadError> {
        match timeout_at(self.deadline(), self.reads.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(unavailable("too many reads wait")),
        }
    }

    /// Writes the mark of the outbox.
    async fn mark(&self, conversation: ConversationId, deadline: Instant) -> Result<(), WriteError> {
        let shard = Shard::of_conversation(conversation);
        let timestamp = self.timestamp(shard, deadline).await;
        let timestamp = timestamp.map_err(|none| WriteError::Refused(none.to_string()))?;
        let values = (i32::from(shard.number()), conversation.0, timestamp);
        self.base.cql.write(&self.statements.mark, values).await
    }
}

fn unavailable(why: &str) -> ReadError {
    ReadError::Unavailable(why.to_owned())
}
