//! Where the idempotency keys are: those of the last messages in memory, the others in tables.
//!
//! A key is derived from its message, which is durable, so it needs no place in the journal. The committer adds the keys
//! of each group to a map in memory. When that is full it is frozen, and a thread of its own writes it to tables in bulk,
//! in order, which costs a fraction of writing each key through journal and memtable. How far the tables go is recorded
//! in the next group; what is behind that is read from the log when the store is opened.
//!
//! Guaranteed: every committed key is found, in memory or in a table, at every moment. A reader that looks here first and
//! then in a view that it takes *afterwards* misses none: a frozen map is forgotten only when a view with its tables is
//! published. Memory is bounded: the committer waits when two maps are full. When the tables cannot be written, the
//! store stops as it does when the journal cannot be.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use causerie_protocol::{ClientMessageId, ConversationId, Seq};
use parking_lot::{Condvar, Mutex, MutexGuard};

use super::hooks::{Hooks, Step};
use super::records::{EventRecord, Value};
use super::shared::Shared;
use super::spaces::{Space, Spaces};
use super::view::View;
use super::{codec, keys, run};
use crate::model::Batch;
use crate::port::ReadError;

type Keys = BTreeMap<Box<[u8]>, Seq>;

struct Frozen {
    keys: Arc<Keys>,
    /// The position of the last event whose keys are here.
    up_to: u64,
    written: bool,
}

#[derive(Default)]
struct State {
    active: Keys,
    frozen: Option<Frozen>,
    failed: Option<String>,
    closed: bool,
}

/// The keys that may not be in tables yet.
pub(super) struct KeyIndex {
    /// Keys at which a map is full.
    limit: usize,
    state: Mutex<State>,
    changed: Condvar,
}

impl KeyIndex {
    /// With the keys that [`load`] found.
    pub(super) fn new(limit: usize, active: Keys) -> Self {
        let state = Mutex::new(State { active, ..State::default() });
        Self { limit: limit.max(1), state, changed: Condvar::new() }
    }

    /// Adds the keys of a batch that is durable and published.
    pub(super) fn insert(&self, batch: &Batch) {
        let mut state = self.state.lock();
        for entry in &batch.entries {
            let key = keys::idempotency(batch.conversation, entry.client_message_id, entry.from.as_str());
            state.active.insert(key.into(), entry.seq);
        }
    }

    /// The position under a key, if it is here.
    pub(super) fn get(&self, key: &[u8]) -> Option<Seq> {
        let state = self.state.lock();
        let frozen = || state.frozen.as_ref()?.keys.get(key);
        state.active.get(key).or_else(frozen).copied()
    }

    /// The highest client message id of a conversation, of those here.
    pub(super) fn highest(&self, conversation: ConversationId) -> Option<ClientMessageId> {
        let (first, last) = keys::idempotency_bounds(conversation);
        let in_map = |keys: &Keys| {
            let bounds = (Bound::Included(first.as_slice()), Bound::Included(last.as_slice()));
            let (key, _) = keys.range::<[u8], _>(bounds).next_back()?;
            keys::id_of(key)
        };
        let state = self.state.lock();
        let frozen = state.frozen.as_ref().and_then(|frozen| in_map(&frozen.keys));
        in_map(&state.active).max(frozen)
    }

    /// Up to which event the keys are in tables, if that is to be recorded in the next group.
    ///
    /// # Errors
    /// Why the tables could not be written.
    pub(super) fn written(&self) -> Result<Option<u64>, String> {
        let state = self.state.lock();
        match &state.failed {
            Some(reason) => Err(reason.clone()),
            None => Ok(state.frozen.as_ref().filter(|frozen| frozen.written).map(|frozen| frozen.up_to)),
        }
    }

    /// That is recorded, and a view with the tables is published.
    pub(super) fn forget_written(&self) {
        self.state.lock().frozen.take_if(|frozen| frozen.written);
        self.changed.notify_all();
    }

    /// Has a full map written. Waits while another one is being written and this one is twice as large as it may be.
    pub(super) fn freeze_if_full(&self, last_event: u64) {
        let mut state = self.state.lock();
        let twice = 2 * self.limit;
        let in_progress = |state: &State| state.frozen.as_ref().is_some_and(|frozen| !frozen.written);
        self.changed.wait_while(&mut state, |state| {
            in_progress(state) && state.active.len() >= twice && state.failed.is_none() && !state.closed
        });
        if state.frozen.is_none() && state.active.len() >= self.limit {
            let keys = Arc::new(std::mem::take(&mut state.active));
            state.frozen = Some(Frozen { keys, up_to: last_event, written: false });
            self.changed.notify_all();
        }
    }

    /// No more is frozen.
    pub(super) fn close(&self) {
        self.state.lock().closed = true;
        self.changed.notify_all();
    }

    /// The next map that is to be written; `None` when none will come.
    fn next(&self) -> Option<Arc<Keys>> {
        let mut state = self.state.lock();
        let waiting =
            |state: &State| state.frozen.as_ref().filter(|it| !it.written).map(|it| Arc::clone(&it.keys));
        self.changed.wait_while(&mut state, |state| waiting(state).is_none() && !state.closed);
        if state.closed || state.failed.is_some() { None } else { waiting(&state) }
    }

    /// How writing it ended. Returns when it is forgotten here, so that giving back its memory holds up nobody.
    fn settle(&self, result: Result<(), String>) {
        let mut state: MutexGuard<'_, State> = self.state.lock();
        match (result, &mut state.frozen) {
            (Ok(()), Some(frozen)) => frozen.written = true,
            (Ok(()), None) => {}
            (Err(reason), _) => state.failed = Some(reason),
        }
        self.changed.notify_all();
        // Not until there is none: the next one may be frozen before this thread looks.
        let kept = |state: &State| state.frozen.as_ref().is_some_and(|frozen| frozen.written);
        self.changed.wait_while(&mut state, |state| kept(state) && !state.closed);
    }

    /// Waits until nothing is being written.
    #[cfg(test)]
    pub(super) fn wait_written(&self) {
        let mut state = self.state.lock();
        self.changed.wait_while(&mut state, |state| state.frozen.as_ref().is_some_and(|it| !it.written));
    }
}

/// Writes frozen maps until the store closes.
pub(super) fn write_tables(shared: &Shared, hooks: &dyn Hooks) {
    while let Some(keys) = shared.keys.next() {
        let written = catch_unwind(AssertUnwindSafe(|| {
            hooks.at(Step::WriteKeys)?;
            ingest(&shared.spaces, &keys)
        }));
        let result = match written {
            Ok(result) => result.map_err(|error| format!("the keys could not be written: {error}")),
            Err(_) => Err("writing the keys panicked".to_owned()),
        };
        shared.keys.settle(result);
    }
}

fn ingest(spaces: &Spaces, keys: &Keys) -> fjall::Result<()> {
    let mut ingestion = spaces.of(Space::Keys).start_ingestion()?;
    let mut record = Vec::new();
    for (key, seq) in keys {
        codec::seal(Space::Keys, key, &seq.0.record(), &mut record).expect("a number is not too large");
        ingestion.write(&**key, record.as_slice())?;
    }
    ingestion.finish()
}

/// The keys of what happened after an event, from the log.
pub(super) fn load(view: &View, after: u64) -> Result<Keys, ReadError> {
    let mut loaded = Keys::new();
    for row in view.range(Space::Events, &keys::event(after.saturating_add(1)), &keys::event(u64::MAX)) {
        let (key, bytes) = row?;
        for event in codec::unseal::<Vec<EventRecord<'_>>>(Space::Events, &key, &bytes)? {
            if let EventRecord::Entries { conversation, first, count } = event {
                let conversation = ConversationId::from_bytes(conversation);
                let (first, last) = (Seq(first), Seq(first + count - 1));
                load_entries(view, conversation, first, last, &mut loaded)?;
            }
        }
    }
    Ok(loaded)
}

fn load_entries(
    view: &View,
    conversation: ConversationId,
    first: Seq,
    last: Seq,
    loaded: &mut Keys,
) -> Result<(), ReadError> {
    let (from, to) = run::keys_of(conversation, first, last);
    let mut next = first;
    for row in view.range(Space::Messages, &from, &to) {
        if next > last {
            break;
        }
        let (key, bytes) = row?;
        let (begin, entries) = run::unseal(&key, &bytes)?;
        for (seq, entry) in (begin.0..).map(Seq).zip(&entries).filter(|(seq, _)| (first..=last).contains(seq))
        {
            let (id, from) = entry.key();
            loaded.insert(keys::idempotency(conversation, id, from).into(), seq);
            next = seq.next();
        }
    }
    if next > last {
        return Ok(());
    }
    Err(ReadError::Corrupt(format!("messages: {conversation} ends before position {last}")))
}
