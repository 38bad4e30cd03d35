//! The store as the node has it: reads take time, and what becomes of appends is counted.
//!
//! A read sees everything that was acknowledged before it began; whether it also sees what was acknowledged while it was
//! under way, is left to chance, as on a real disk.

use std::sync::Arc;
use std::time::Duration;

use causerie_checker::history::Nanos;
use causerie_protocol::{Body, ClientMessageId, ConversationId, DeviceId, Seq, Timestamp, UserId};
use causerie_store::committed::AppendResult;
use causerie_store::memory::MemoryStore;
use causerie_store::model::{
    ConversationState, Cursor, CursorUpdate, Epoch, Event, EventPosition, Profile, Revocation, Shard,
    UserConversation,
};
use causerie_store::port::messages::{AppendError, ReadLimit};
use causerie_store::port::ownership::Grant;
use causerie_store::port::{
    Answer, Conversations, Events, Messages, Ownership, ReadError, Store, Users, WriteError,
};
use causerie_store::{Batch, Entry, PendingAppend};
use futures_util::FutureExt as _;
use parking_lot::Mutex;
use rand::Rng as _;
use rand::rngs::StdRng;

use crate::time::SimTime;

type Read<T> = Answer<Result<T, ReadError>>;
type Written = Answer<Result<(), WriteError>>;

/// A batch that the store committed and said so.
#[derive(Clone, Copy, Debug)]
pub struct Commit {
    /// When it said so.
    pub at: Nanos,
    /// Whose log.
    pub conversation: ConversationId,
    /// In which life of the node.
    pub epoch: u64,
    /// The first position.
    pub first: Seq,
    /// The last one.
    pub last: Seq,
}

/// What became of appends, over all lives of the node.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Those that were committed, in order.
    pub commits: Vec<Commit>,
    /// How many were refused.
    pub refused: u64,
    /// How many ended without it being known.
    pub unknown: u64,
    /// How many were turned back because the log had a key of theirs already.
    pub existing: u64,
    /// Appends that would put something else where an entry is already.
    pub overwrites: Vec<String>,
}

/// The store of one life of the node.
#[derive(Clone)]
pub struct SimStore {
    inner: MemoryStore,
    ledger: Arc<Mutex<Ledger>>,
    time: Arc<SimTime>,
    rng: Arc<Mutex<StdRng>>,
}

impl SimStore {
    /// Around what is durable.
    pub fn new(
        inner: MemoryStore,
        ledger: Arc<Mutex<Ledger>>,
        time: Arc<SimTime>,
        rng: Arc<Mutex<StdRng>>,
    ) -> Self {
        Self { inner, ledger, time, rng }
    }

    /// Half of all reads are instant; the others look before or after a pause.
    fn look<T: Send + 'static>(
        &self,
        read: impl FnOnce(&MemoryStore) -> Read<T> + Send + 'static,
    ) -> Read<T> {
        let (kind, ms) = {
            let mut rng = self.rng.lock();
            (rng.random_range(0..4u8), rng.random_range(1..30))
        };
        let pause = move || tokio::time::sleep(Duration::from_millis(ms));
        match kind {
            0 => {
                let inner = self.inner.clone();
                Box::pin(async move {
                    pause().await;
                    read(&inner).await
                })
            }
            1 => {
                let answer = read(&self.inner);
                Box::pin(async move {
                    let answer = answer.await;
                    pause().await;
                    answer
                })
            }
            _ => read(&self.inner),
        }
    }
}

impl SimStore {
    /// Whether a batch would put something else where an entry is already. Tried again, it may be there itself.
    fn overwrite(&self, batch: &Batch) -> Option<String> {
        let (first, last) = (batch.entries.first()?.seq, batch.entries.last()?.seq);
        let limit = ReadLimit { items: Batch::MAX_ENTRIES, bytes: usize::MAX };
        let there = self.inner.read(batch.conversation, first, last, limit).now_or_never()?.ok()?;
        let other = there.iter().zip(&batch.entries).find(|(old, new)| old != new)?;
        Some(format!("{} at {} was to be written over by another entry", batch.conversation, other.0.seq))
    }
}

impl Ledger {
    fn note(&mut self, at: Nanos, result: &AppendResult) {
        match result {
            Ok(committed) => {
                let batch = committed.batch();
                if let (Some(first), Some(last)) = (batch.entries.first(), batch.entries.last()) {
                    let (conversation, epoch) = (batch.conversation, batch.epoch.0);
                    self.commits.push(Commit { at, conversation, epoch, first: first.seq, last: last.seq });
                }
            }
            Err((_, AppendError::Refused(_))) => self.refused += 1,
            Err((_, AppendError::Unknown(_))) => self.unknown += 1,
            Err((_, AppendError::Exists(_))) => self.existing += 1,
        }
    }
}

impl Messages for SimStore {
    fn append(&self, append: PendingAppend) {
        let (ledger, time) = (Arc::clone(&self.ledger), Arc::clone(&self.time));
        if let Some(overwrite) = self.overwrite(append.batch()) {
            ledger.lock().overwrites.push(overwrite);
        }
        self.inner.append(PendingAppend::new(append.batch().clone(), move |result| {
            ledger.lock().note(time.stamp(), &result);
            match result {
                Ok(_) => append.committed(),
                Err((_, error)) => append.failed(error),
            }
        }));
    }

    fn read(&self, id: ConversationId, first: Seq, last: Seq, limit: ReadLimit) -> Read<Vec<Entry>> {
        self.look(move |store| store.read(id, first, last, limit))
    }

    fn read_back(&self, id: ConversationId, first: Seq, last: Seq, limit: ReadLimit) -> Read<Vec<Entry>> {
        self.look(move |store| store.read_back(id, first, last, limit))
    }

    fn heads(&self, conversations: Vec<ConversationId>) -> Read<Vec<Option<Entry>>> {
        self.look(move |store| store.heads(conversations))
    }

    fn find(&self, id: ConversationId, keys: Vec<(UserId, ClientMessageId)>) -> Read<Vec<Option<Entry>>> {
        self.look(move |store| store.find(id, keys))
    }

    fn highest_key(&self, id: ConversationId) -> Read<Option<ClientMessageId>> {
        self.look(move |store| store.highest_key(id))
    }

    fn replace_bodies(&self, id: ConversationId, bodies: Vec<(Seq, Body)>) -> Written {
        self.inner.replace_bodies(id, bodies)
    }
}

impl Conversations for SimStore {
    fn load(&self, id: ConversationId) -> Read<Option<ConversationState>> {
        self.look(move |store| store.load(id))
    }

    fn conversations_of(&self, user: UserId) -> Read<Vec<UserConversation>> {
        self.look(move |store| store.conversations_of(user))
    }

    fn conversation_of(&self, user: UserId, id: ConversationId) -> Read<Option<UserConversation>> {
        self.look(move |store| store.conversation_of(user, id))
    }

    fn share_conversation(&self, a: UserId, b: UserId) -> Read<bool> {
        self.look(move |store| store.share_conversation(a, b))
    }

    fn put_cursors(&self, updates: Vec<CursorUpdate>) -> Written {
        self.inner.put_cursors(updates)
    }

    fn device_cursors(&self, user: UserId, id: ConversationId) -> Read<Vec<(DeviceId, Cursor)>> {
        self.look(move |store| store.device_cursors(user, id))
    }
}

impl Users for SimStore {
    fn profiles(&self, users: Vec<UserId>) -> Read<Vec<Profile>> {
        self.look(move |store| store.profiles(users))
    }

    fn put_profile(&self, user: UserId, profile: Profile) -> Written {
        self.inner.put_profile(user, profile)
    }

    fn settings(&self, user: UserId) -> Read<Box<str>> {
        self.look(move |store| store.settings(user))
    }

    fn put_settings(&self, user: UserId, settings: Box<str>) -> Written {
        self.inner.put_settings(user, settings)
    }

    fn blocks(&self, user: UserId) -> Read<Vec<UserId>> {
        self.look(move |store| store.blocks(user))
    }

    fn put_block(&self, user: UserId, other: UserId, blocked: bool) -> Written {
        self.inner.put_block(user, other, blocked)
    }

    fn last_seen(&self, users: Vec<UserId>) -> Read<Vec<Option<Timestamp>>> {
        self.look(move |store| store.last_seen(users))
    }

    fn put_last_seen(&self, seen: Vec<(UserId, Timestamp)>) -> Written {
        self.inner.put_last_seen(seen)
    }

    fn revocations(&self) -> Read<Vec<Revocation>> {
        self.inner.revocations()
    }

    fn put_revocation(&self, revocation: Revocation, now: Timestamp) -> Written {
        self.inner.put_revocation(revocation, now)
    }

    fn suspended(&self) -> Read<Vec<UserId>> {
        self.inner.suspended()
    }

    fn put_suspended(&self, user: UserId, suspended: bool) -> Written {
        self.inner.put_suspended(user, suspended)
    }

    fn erase_user(&self, user: UserId) -> Written {
        self.inner.erase_user(user)
    }
}

impl Ownership for SimStore {
    fn grant(&self) -> Grant {
        self.inner.grant()
    }

    fn epoch(&self, shard: Shard) -> Option<Epoch> {
        self.inner.epoch(shard)
    }

    fn gate_open(&self) -> bool {
        self.inner.gate_open()
    }

    fn raise_id_ceiling(&self, ceiling: Timestamp) -> Written {
        self.inner.raise_id_ceiling(ceiling)
    }
}

impl Store for SimStore {
    fn event_log(&self) -> Option<&dyn Events> {
        Some(self)
    }
}

impl Events for SimStore {
    fn events(&self, after: EventPosition, limit: usize) -> Read<Vec<Event>> {
        self.look(move |store| store.events(after, limit))
    }

    fn last_event(&self) -> EventPosition {
        self.inner.last_event()
    }

    fn event_after(&self, position: EventPosition) -> Answer<()> {
        self.inner.event_after(position)
    }
}
