//! The handle, and how writes pass.

use std::collections::VecDeque;
use std::fmt;
use std::future::ready;
use std::sync::Arc;

use causerie_protocol::Timestamp;
use causerie_protocol::snowflake::NodeNumber;
use parking_lot::Mutex;
use tokio::sync::{oneshot, watch};

use super::tables::Tables;
use crate::committed::PendingAppend;
use crate::model::{Epoch, Shard};
use crate::port::messages::AppendError;
use crate::port::ownership::Grant;
use crate::port::{Answer, Ownership, ReadError, WriteError};

/// A store in memory. Clones are the same store.
#[derive(Clone)]
pub struct MemoryStore {
    inner: Arc<Inner>,
}

struct Inner {
    grant: Grant,
    epoch: Epoch,
    state: Mutex<State>,
    pub(super) last_event: watch::Sender<u64>,
}

struct State {
    tables: Tables,
    /// What is on its way, in order.
    queue: VecDeque<Work>,
    held: bool,
    /// Somebody takes from the queue already: it may be further up on the same stack.
    draining: bool,
    next_failure: Option<(AppendError, bool)>,
    gate_open: bool,
    crashed: bool,
}

enum Work {
    Append(PendingAppend),
    Write(Box<dyn FnOnce(&mut Tables) + Send>, oneshot::Sender<Result<(), WriteError>>),
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::over(Tables::default(), Epoch(1))
    }
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn over(tables: Tables, epoch: Epoch) -> Self {
        let node = NodeNumber::new(1).expect("1 is a node number");
        let grant = Grant { node, id_floor: tables.ceiling };
        let (last_event, _) = watch::channel(tables.events.len() as u64);
        let state = State {
            tables,
            queue: VecDeque::new(),
            held: false,
            draining: false,
            next_failure: None,
            gate_open: true,
            crashed: false,
        };
        Self { inner: Arc::new(Inner { grant, epoch, state: Mutex::new(state), last_event }) }
    }

    /// From now on, nothing is committed or answered until it is released.
    pub fn hold(&self) {
        self.inner.state.lock().held = true;
    }

    /// Commits and answers everything that was held, in order, and holds no more.
    pub fn release(&self) {
        self.inner.state.lock().held = false;
        self.drain();
    }

    /// Commits and answers the first of what is held. `false`: nothing is.
    pub fn release_one(&self) -> bool {
        let work = self.inner.state.lock().queue.pop_front();
        work.map(|work| self.pass(work)).is_some()
    }

    /// How many appends and writes are held.
    pub fn held(&self) -> usize {
        self.inner.state.lock().queue.len()
    }

    /// The next append is answered with this error, and is not written.
    pub fn fail_next(&self, error: AppendError) {
        self.inner.state.lock().next_failure = Some((error, false));
    }

    /// The next append is written, but is answered as [`AppendError::Unknown`].
    pub fn lose_next_answer(&self) {
        let error = AppendError::Unknown("the answer was lost".to_owned());
        self.inner.state.lock().next_failure = Some((error, true));
    }

    /// Closes or opens the fence gate. While it is closed, what is committed is answered as unknown.
    pub fn set_gate(&self, open: bool) {
        self.inner.state.lock().gate_open = open;
    }

    /// Ends this store as a crash would, and opens another one on what it has committed, in a new term.
    /// What is held is answered as unknown and is not there.
    #[must_use]
    pub fn crash(&self) -> Self {
        let (lost, next) = {
            let mut state = self.inner.state.lock();
            (state.crashed, state.gate_open) = (true, false);
            let next = Self::over(state.tables.clone(), Epoch(self.inner.epoch.0 + 1));
            (std::mem::take(&mut state.queue), next)
        };
        drop(lost);
        next
    }

    pub(super) fn append_now_or_later(&self, append: PendingAppend) {
        self.submit(Work::Append(append));
    }

    pub(super) fn write(
        &self,
        change: impl FnOnce(&mut Tables) + Send + 'static,
    ) -> Answer<Result<(), WriteError>> {
        let (reply, answer) = oneshot::channel();
        self.submit(Work::Write(Box::new(change), reply));
        Box::pin(async {
            answer.await.unwrap_or_else(|_| Err(WriteError::Unknown("the store has crashed".to_owned())))
        })
    }

    pub(super) fn look<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Tables) -> T,
    ) -> Answer<Result<T, ReadError>> {
        let state = self.inner.state.lock();
        Box::pin(ready(if state.crashed {
            Err(ReadError::Unavailable("the store has crashed".to_owned()))
        } else {
            Ok(read(&state.tables))
        }))
    }

    pub(super) fn last_event_sender(&self) -> &watch::Sender<u64> {
        &self.inner.last_event
    }

    fn submit(&self, work: Work) {
        let refused = {
            let mut state = self.inner.state.lock();
            if state.crashed {
                Some(work)
            } else {
                state.queue.push_back(work);
                None
            }
        };
        match refused {
            Some(work) => work.refuse("the store has crashed"),
            None => self.drain(),
        }
    }

    /// Passes what waits, unless it is held. Replies may call this store again: what they add is passed here, too.
    fn drain(&self) {
        if std::mem::replace(&mut self.inner.state.lock().draining, true) {
            return;
        }
        loop {
            let work = {
                let mut state = self.inner.state.lock();
                let work = if state.held { None } else { state.queue.pop_front() };
                state.draining = work.is_some();
                work
            };
            match work {
                Some(work) => self.pass(work),
                None => return,
            }
        }
    }

    fn pass(&self, work: Work) {
        match work {
            Work::Write(change, reply) => {
                change(&mut self.inner.state.lock().tables);
                self.publish();
                drop(reply.send(Ok(())));
            }
            Work::Append(append) => match self.commit(&append) {
                Ok(()) => {
                    self.publish();
                    append.committed();
                }
                Err(error) => append.failed(error),
            },
        }
    }

    fn commit(&self, append: &PendingAppend) -> Result<(), AppendError> {
        let mut state = self.inner.state.lock();
        append.batch().check().map_err(|error| AppendError::Refused(error.to_string()))?;
        let existing = state.tables.existing_keys(append.batch());
        if !existing.is_empty() {
            return Err(AppendError::Exists(existing));
        }
        let failure = state.next_failure.take();
        if let Some((error, false)) = failure {
            return Err(error);
        }
        state.tables.append(append.batch());
        if let Some((error, _)) = failure {
            return Err(error);
        }
        if state.gate_open { Ok(()) } else { Err(AppendError::Unknown("the gate is closed".to_owned())) }
    }

    fn publish(&self) {
        let events = self.inner.state.lock().tables.events.len() as u64;
        self.inner.last_event.send_if_modified(|last| std::mem::replace(last, events) != events);
    }
}

impl Work {
    fn refuse(self, reason: &str) {
        match self {
            Self::Append(append) => append.failed(AppendError::Refused(reason.to_owned())),
            Self::Write(_, reply) => drop(reply.send(Err(WriteError::Refused(reason.to_owned())))),
        }
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("grant", &self.inner.grant).finish_non_exhaustive()
    }
}

impl Ownership for MemoryStore {
    fn grant(&self) -> Grant {
        self.inner.grant
    }

    fn epoch(&self, _: Shard) -> Option<Epoch> {
        self.gate_open().then_some(self.inner.epoch)
    }

    fn gate_open(&self) -> bool {
        self.inner.state.lock().gate_open
    }

    fn raise_id_ceiling(&self, ceiling: Timestamp) -> Answer<Result<(), WriteError>> {
        self.write(move |tables| tables.ceiling = tables.ceiling.max(ceiling))
    }
}
