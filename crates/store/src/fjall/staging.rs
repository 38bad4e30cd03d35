//! A commit group while it is put together.
//!
//! What a group changes in the state is kept aside by key until the group is whole: so that later changes of the group
//! see earlier ones, and no key is twice in one write batch, whose order among equal keys fjall leaves open.

use std::collections::BTreeMap;
use std::ops::Bound;

use bincode::Encode;
use causerie_protocol::{ConversationId, Seq};
use fjall::OwnedWriteBatch;

use super::codec::{self, TooLarge};
use super::journal::Group;
use super::records::{EventRecord, Value};
use super::spaces::{Space, Spaces};
use super::view::{View, value_of};
use super::{keys, run};
use crate::port::ReadError;

/// Why something cannot be part of a group. Nothing of it was written.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum StageError {
    /// It could not be read again.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// What it changes cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// The most events of one row.
const EVENTS: usize = 1024;

/// The changes of one group.
pub(super) struct Staging<'a> {
    spaces: &'a Spaces,
    view: &'a View,
    batch: OwnedWriteBatch,
    /// Records that may change more than once; `None` deletes.
    changed: BTreeMap<(Space, Vec<u8>), Option<Vec<u8>>>,
    last_event: u64,
    /// What happened after that.
    events: Vec<EventRecord<'static>>,
    bytes: u64,
    scratch: Vec<u8>,
}

impl<'a> Staging<'a> {
    /// An empty group on top of what is durable.
    pub(super) fn new(spaces: &'a Spaces, view: &'a View, last_event: u64, rows: usize) -> Self {
        let batch = OwnedWriteBatch::with_capacity(spaces.database.clone(), rows);
        let (changed, events, scratch) = (BTreeMap::new(), Vec::new(), Vec::new());
        Self { spaces, view, batch, changed, last_event, events, bytes: 0, scratch }
    }

    /// Writes a record of which there is only one in this group.
    pub(super) fn insert(
        &mut self,
        space: Space,
        key: &[u8],
        record: &impl Encode,
    ) -> Result<(), StageError> {
        codec::seal(space, key, record, &mut self.scratch)?;
        self.bytes += (key.len() + self.scratch.len()) as u64;
        self.batch.insert(self.spaces.of(space), key, self.scratch.as_slice());
        Ok(())
    }

    /// Writes an event at the next position.
    pub(super) fn event(&mut self, event: EventRecord<'static>) {
        self.events.push(event);
    }

    /// Writes a value of the state.
    pub(super) fn put<V: Value>(&mut self, key: Vec<u8>, value: &V) -> Result<(), StageError> {
        self.replace(Space::State, key, &value.record())
    }

    /// Writes a record that this group may write again.
    pub(super) fn replace(
        &mut self,
        space: Space,
        key: Vec<u8>,
        record: &impl Encode,
    ) -> Result<(), StageError> {
        let mut bytes = Vec::new();
        codec::seal(space, &key, record, &mut bytes)?;
        self.changed.insert((space, key), Some(bytes));
        Ok(())
    }

    /// Deletes a value of the state.
    pub(super) fn delete(&mut self, key: Vec<u8>) {
        self.changed.insert((Space::State, key), None);
    }

    /// A value of the state, as the group has left it so far.
    pub(super) fn value<V: Value>(&self, key: &[u8]) -> Result<Option<V>, ReadError> {
        self.bytes(Space::State, key)?.map(|bytes| value_of(key, &bytes)).transpose()
    }

    /// The bytes of a record, as the group has left it so far.
    pub(super) fn bytes(&self, space: Space, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError> {
        match self.changed.get(&(space, key.to_vec())) {
            Some(changed) => Ok(changed.clone()),
            None => Ok(self.view.get(space, key)?.map(|bytes| bytes.to_vec())),
        }
    }

    /// The key of the run that holds a durable position.
    pub(super) fn key_of_run(
        &self,
        conversation: ConversationId,
        seq: Seq,
    ) -> Result<Option<Vec<u8>>, ReadError> {
        run::key_of(self.view, conversation, seq)
    }

    /// The keys of the state that begin with `prefix`, as the group has left them so far.
    pub(super) fn keys(&self, prefix: &[u8]) -> Result<Vec<Vec<u8>>, ReadError> {
        let mut keys: BTreeMap<Vec<u8>, bool> = BTreeMap::new();
        for row in self.view.prefix(prefix) {
            keys.insert(row?.0.to_vec(), true);
        }
        let from = (Space::State, prefix.to_vec());
        for ((space, key), change) in self.changed.range((Bound::Included(from), Bound::Unbounded)) {
            if *space != Space::State || !key.starts_with(prefix) {
                break;
            }
            keys.insert(key.clone(), change.is_some());
        }
        Ok(keys.into_iter().filter_map(|(key, there)| there.then_some(key)).collect())
    }

    /// Whether there is nothing to write.
    pub(super) fn is_empty(&self) -> bool {
        self.batch.is_empty() && self.changed.is_empty()
    }

    /// The position of the last event, with those of this group.
    pub(super) fn last_event(&self) -> u64 {
        self.last_event + self.events.iter().map(EventRecord::positions).sum::<u64>()
    }

    /// The write batch of the group with this number, and its size in bytes.
    pub(super) fn finish(mut self, number: u64) -> (OwnedWriteBatch, u64) {
        let events = std::mem::take(&mut self.events);
        for events in events.chunks(EVENTS) {
            let key = keys::event(self.last_event + 1);
            self.insert(Space::Events, &key, &events).expect("so many events are not too large");
            self.last_event += events.iter().map(EventRecord::positions).sum::<u64>();
        }
        for ((space, key), change) in std::mem::take(&mut self.changed) {
            self.bytes += (key.len() + change.as_ref().map_or(0, Vec::len)) as u64;
            match change {
                Some(bytes) => self.batch.insert(self.spaces.of(space), key, bytes),
                None => self.batch.remove(self.spaces.of(space), key),
            }
        }
        let group = Group { number, seqno: self.spaces.database.seqno() };
        self.batch.insert(self.spaces.of(Space::State), keys::GROUP, group.seal());
        (self.batch, self.bytes)
    }
}
