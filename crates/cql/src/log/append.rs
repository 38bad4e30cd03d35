//! One append, from its batch to its answer.
//!
//! 1. The conversation is opened where it is not, or a write before is in doubt.
//! 2. The batch has to follow the end of the log. What of it is there already has to be the same; only the rest is written.
//! 3. Its keys are looked up, where the batch asks for it.
//! 4. Both rows of each entry are written, one mutation for each page it touches (one, or two at a border), the second
//!    after the first; with it the mark of the outbox, where it is not there. An answer that does not come is repeated:
//!    the same rows, the same timestamp.
//! 5. The fence is asked. Nobody is told of the batch before that.
//! 6. What follows from it is applied to the other tables.
//!
//! Refused is only what certainly was not written by this call nor by one before whose outcome is unknown; everything
//! else that fails is unknown, and leaves the conversation doubtful.

use std::sync::Arc;

use causerie_protocol::Seq;
use causerie_store::Batch;
use causerie_store::model::Epoch;
use causerie_store::port::WriteError;
use causerie_store::port::messages::AppendError;
use tokio::time::{Instant, sleep, timeout_at};

use super::keys::Key;
use super::opening::epoch_column;
use super::rows::{Part, bigint, rows_of};
use super::slot::{Open, Slot};
use super::{Log, PAUSE};
use crate::gate::GateShut;
use crate::hooks::Step;
use crate::owned::Term;

impl Log {
    /// Appends a batch that was [checked](Batch::check).
    pub(super) async fn commit(&self, batch: &Batch, deadline: Instant) -> Result<(), AppendError> {
        let slot = self.slots.get(batch.conversation);
        let term = self.term(slot.shard).map_err(|error| refusal(&slot, &error))?;
        let Ok(_writer) = timeout_at(deadline, slot.writer.lock()).await else {
            return Err(refusal(&slot, &"the append before it is still under way"));
        };
        let open = match timeout_at(deadline, self.opened(&slot, term)).await {
            Ok(open) => open.map_err(|error| refusal(&slot, &error))?,
            Err(_) => return Err(refusal(&slot, &"the conversation could not be opened in time")),
        };
        let Some(first) = batch.entries.first().map(|entry| entry.seq) else {
            return self.begin(batch, deadline).await;
        };
        if first == Seq::ZERO || first > open.tail.last.next() {
            let end = open.tail.last.0;
            return Err(AppendError::Refused(format!("position {} does not follow {end}", first.0)));
        }
        let there = self.already_there(batch, open.tail.last).await?;
        if batch.check_keys && there == 0 {
            let existing = self.existing(batch, open.tail.last).await?;
            if !existing.is_empty() {
                return Err(AppendError::Exists(existing));
            }
        }
        self.write_and_tell(batch, there, &slot, open, term, deadline).await
    }

    /// How many entries of the batch, from its first on, the log has.
    async fn already_there(&self, batch: &Batch, last: Seq) -> Result<usize, AppendError> {
        let there = batch.entries.iter().take_while(|entry| entry.seq <= last).count();
        let Some(end) = there.checked_sub(1).map(|at| batch.entries[at].seq) else { return Ok(0) };
        let stored = self.fetch(batch.conversation, batch.entries[0].seq, end).await;
        let stored = stored.map_err(|error| AppendError::Unknown(error.to_string()))?;
        if stored.iter().map(|stored| &stored.entry).eq(&batch.entries[..there]) {
            Ok(there)
        } else {
            Err(AppendError::Refused("other entries stand at these positions".to_owned()))
        }
    }

    /// Which entries of the batch have a key that the log has.
    async fn existing(&self, batch: &Batch, last: Seq) -> Result<Vec<usize>, AppendError> {
        let keys = batch.entries.iter().map(|entry| (entry.from.clone(), entry.client_message_id));
        let keys: Vec<Key> = keys.collect();
        let mut found = vec![None; keys.len()];
        let looked = self.find_some(batch.conversation, last, &keys, &mut found).await;
        looked.map_err(|error| AppendError::Refused(error.to_string()))?;
        Ok((0..keys.len()).filter(|at| found[*at].is_some()).collect())
    }

    async fn write_and_tell(
        &self,
        batch: &Batch,
        there: usize,
        slot: &Slot,
        open: Open,
        term: Term,
        deadline: Instant,
    ) -> Result<(), AppendError> {
        // What is there already is not refused any more.
        let refused = |why: String| match there {
            0 => AppendError::Refused(why),
            _ => AppendError::Unknown(why),
        };
        let rows = rows_of(batch, there, &open.tail);
        let (parts, tail) = rows.map_err(|error| refused(error.to_string()))?;
        let Ok(mut place) = timeout_at(deadline, self.limit.enter()).await else {
            return Err(refused("the database does not keep up".to_owned()));
        };
        let timestamp = self.timestamp(slot.shard, deadline).await;
        let timestamp = timestamp.map_err(|none| refused(none.to_string()))?;
        let doubt = slot.doubt(&self.base.owned);
        let marking =
            async { if open.marked { Ok(()) } else { self.mark(batch.conversation, deadline).await } };
        let writing = self.write_parts(batch, &parts, term.epoch, timestamp, deadline);
        let (written, marked) = tokio::join!(writing, timeout_at(deadline, marking));
        if let Err(error) = written {
            place.failed();
            return Err(match error {
                WriteError::Refused(why) => {
                    doubt.settled();
                    refused(why)
                }
                WriteError::Unknown(why) => AppendError::Unknown(why),
            });
        }
        drop(place);
        match marked {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(AppendError::Unknown(format!("its mark: {error}"))),
            Err(_) => return Err(AppendError::Unknown("its mark was not written in time".to_owned())),
        }
        let gated = self.told(batch, deadline).await?;
        let tail = if parts.is_empty() { open.tail } else { Arc::new(tail) };
        self.heads.rose(batch.conversation, tail.last);
        slot.publish(Open { tail, epoch: term.epoch, gated, marked: true });
        doubt.settled();
        Ok(())
    }

    /// One mutation after the other. `Refused`: none of them was written.
    async fn write_parts(
        &self,
        batch: &Batch,
        parts: &[Part],
        epoch: Epoch,
        timestamp: i64,
        deadline: Instant,
    ) -> Result<(), WriteError> {
        for (at, part) in parts.iter().enumerate() {
            match self.write_part(batch, part, epoch, timestamp, deadline).await {
                Err(WriteError::Refused(why)) if at > 0 => return Err(WriteError::Unknown(why)),
                written => written?,
            }
        }
        Ok(())
    }

    /// The same rows with the same timestamp, until an answer comes or time is over.
    async fn write_part(
        &self,
        batch: &Batch,
        part: &Part,
        epoch: Epoch,
        timestamp: i64,
        deadline: Instant,
    ) -> Result<(), WriteError> {
        let statements = vec![&self.statements.insert; part.rows.len()];
        let conversation = batch.conversation.0;
        let epoch = epoch_column(epoch);
        let values: Vec<_> = part
            .rows
            .iter()
            .map(|row| (conversation, part.page, row.kind, bigint(row.seq), row.cmid, epoch, &row.body[..]))
            .collect();
        let mut unknown = None;
        loop {
            let sent = self.base.cql.batch_once(&statements, &values[..], Some(timestamp));
            let why = match timeout_at(deadline, sent).await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(WriteError::Refused(why))) if unknown.is_none() => {
                    return Err(WriteError::Refused(why));
                }
                Ok(Err(WriteError::Refused(_))) => None,
                Ok(Err(WriteError::Unknown(why))) => Some(why),
                Err(_) => Some("no answer in time".to_owned()),
            };
            unknown = why.or(unknown);
            if Instant::now() + PAUSE >= deadline || self.base.life.over().is_some() {
                return Err(WriteError::Unknown(unknown.unwrap_or_default()));
            }
            self.base.cql.metrics.repeated();
            sleep(PAUSE).await;
        }
    }

    /// The fence, and then what follows. Answers when the fence was asked.
    async fn told(&self, batch: &Batch, deadline: Instant) -> Result<Instant, AppendError> {
        self.at(Step::Written).await;
        let gated = loop {
            let asked = Instant::now();
            match timeout_at(deadline, self.base.gate.pass()).await {
                Ok(Ok(())) => break asked,
                Ok(Err(GateShut::Unreadable(_))) if asked + PAUSE < deadline => sleep(PAUSE).await,
                Ok(Err(shut)) => return Err(AppendError::Unknown(shut.to_string())),
                Err(_) => return Err(AppendError::Unknown("the fence does not answer".to_owned())),
            }
        };
        let seq = batch.entries.last().map_or(Seq::ZERO, |entry| entry.seq);
        self.at(Step::Gated).await;
        // No deadline for all of it: each of its writes has one, and a large group that is cut short only begins anew.
        let applied = self.projections.apply(batch.conversation, seq, &batch.projections).await;
        applied.map_err(|error| AppendError::Unknown(format!("what follows from it: {error}")))?;
        self.at(Step::Applied).await;
        Ok(gated)
    }

    /// Waits as long as a test wants.
    async fn at(&self, step: Step) {
        if let Some(wait) = self.base.cql.config.hooks.at(step) {
            wait.await;
        }
    }

    /// A conversation that begins without an entry: only tables, the same whoever writes them.
    async fn begin(&self, batch: &Batch, deadline: Instant) -> Result<(), AppendError> {
        self.told(batch, deadline).await.map(drop)
    }
}

/// Nothing of the batch was written by this call. By one before, if its outcome is unknown.
fn refusal(slot: &Slot, why: &dyn std::fmt::Display) -> AppendError {
    if slot.doubtful() {
        AppendError::Unknown(why.to_string())
    } else {
        AppendError::Refused(why.to_string())
    }
}
