//! The embedded store as its ports.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};

use causerie_planted::{Bug, planted};
use causerie_protocol::{Body, ClientMessageId, ConversationId, DeviceId, Seq, Timestamp, UserId};
use tokio::sync::oneshot;

use super::committer::Committer;
use super::config::FjallConfig;
use super::metrics::StoreMetrics;
use super::open::{self, OpenError, Opened};
use super::readers::Readers;
use super::shared::Shared;
use super::work::Work;
use super::write::Write;
use super::{key_index, read_conversations, read_events, read_messages, read_users};
use crate::committed::PendingAppend;
use crate::model::{
    ConversationState, Cursor, CursorUpdate, Entry, Epoch, Event, EventPosition, Profile, Revocation, Shard,
    UserConversation,
};
use crate::port::messages::ReadLimit;
use crate::port::ownership::Grant;
use crate::port::{Answer, Conversations, Events, Messages, Ownership, ReadError, Store, Users, WriteError};

type Read<T> = Answer<Result<T, ReadError>>;
type Written = Answer<Result<(), WriteError>>;

/// A store in a directory of this machine.
///
/// Dropping it writes and answers what waits already, and waits for that; then the directory is free.
pub struct FjallStore {
    grant: Grant,
    epoch: Epoch,
    queue: Option<SyncSender<Work>>,
    committer: Option<JoinHandle<()>>,
    /// The threads that help it.
    helpers: Vec<JoinHandle<()>>,
    pub(super) readers: Readers,
    pub(super) shared: Arc<Shared>,
}

impl FjallStore {
    /// Opens the store in a directory, or makes a new one. Blocks until it is ready: a start after a crash reads the
    /// journals.
    ///
    /// # Errors
    /// [`OpenError`] says what is in the way, and whether it needs an operator.
    pub fn open(config: FjallConfig) -> Result<Self, OpenError> {
        let Opened { log, grant, epoch } = open::open(&config)?;
        let shared = Arc::clone(&log.shared);
        let started = |error| OpenError::Io { what: "cannot start a thread".to_owned(), error };
        let readers = Readers::start(&shared, config.readers, config.read_queue).map_err(started)?;
        let (queue, receiver) = sync_channel(config.commit_queue);
        let committer = Committer {
            log,
            receiver,
            dir: config.dir,
            reserve_bytes: config.reserve_bytes,
            on_fatal: config.on_fatal,
        };
        let thread = thread::Builder::new().name("store-committer".to_owned());
        let committer = thread.spawn(move || committer.run()).map_err(started)?;
        let (indexed, hooks) = (Arc::clone(&shared), config.hooks);
        let ahead = Arc::clone(&shared);
        let helpers = vec![
            thread::Builder::new()
                .name("store-indexer".to_owned())
                .spawn(move || key_index::write_tables(&indexed, &*hooks))
                .map_err(started)?,
            thread::Builder::new()
                .name("store-ahead".to_owned())
                .spawn(move || ahead.ahead.run())
                .map_err(started)?,
        ];
        Ok(Self { grant, epoch, queue: Some(queue), committer: Some(committer), helpers, readers, shared })
    }

    /// What it has counted since it was opened.
    pub fn metrics(&self) -> &StoreMetrics {
        &self.shared.metrics
    }

    /// Hands work to the committer, or refuses it at once: whoever calls must not be made to wait.
    fn submit(&self, work: Work) {
        // Counted first: the committer may be done with it before this thread goes on.
        self.shared.metrics.queue_depth.fetch_add(1, Relaxed);
        let sent = self
            .queue
            .as_ref()
            .map_or_else(|| unreachable!("taken by drop only"), |queue| queue.try_send(work));
        let (work, reason) = match sent {
            Ok(()) => return,
            Err(TrySendError::Full(work)) => (work, "too many writes are waiting"),
            Err(TrySendError::Disconnected(work)) => (work, "the store has stopped"),
        };
        self.shared.metrics.queue_depth.fetch_sub(1, Relaxed);
        self.shared.metrics.refused.fetch_add(1, Relaxed);
        work.refuse(reason.to_owned());
    }

    fn write(&self, write: Write) -> Written {
        let (reply, answer) = oneshot::channel();
        self.submit(Work::Write(write, reply));
        Box::pin(async {
            answer.await.unwrap_or_else(|_| Err(WriteError::Unknown("the store went away".to_owned())))
        })
    }
}

/// What `Bug::AckBeforeSync` does: answers an append, and leaves one to be written of which nobody hears.
fn told_too_early(append: PendingAppend) -> PendingAppend {
    let silent = PendingAppend::new(append.batch().clone(), |_| {});
    append.committed();
    silent
}

impl fmt::Debug for FjallStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FjallStore").field("grant", &self.grant).finish_non_exhaustive()
    }
}

impl Drop for FjallStore {
    fn drop(&mut self) {
        self.queue = None;
        // The last owner may be a reply, on the committer's own thread.
        if let Some(committer) = self.committer.take().filter(|it| it.thread().id() != thread::current().id())
        {
            drop(committer.join());
        }
        self.shared.keys.close();
        self.shared.ahead.close();
        self.helpers.drain(..).for_each(|helper| drop(helper.join()));
    }
}

impl Messages for FjallStore {
    fn append(&self, append: PendingAppend) {
        let append = if planted(Bug::AckBeforeSync) { told_too_early(append) } else { append };
        self.submit(Work::Append(append));
    }

    fn read(
        &self,
        conversation: ConversationId,
        first: Seq,
        last: Seq,
        limit: ReadLimit,
    ) -> Read<Vec<Entry>> {
        self.readers.read(move |view| read_messages::read(view, conversation, first, last, limit))
    }

    fn read_back(
        &self,
        conversation: ConversationId,
        first: Seq,
        last: Seq,
        limit: ReadLimit,
    ) -> Read<Vec<Entry>> {
        self.readers.read(move |view| read_messages::read_back(view, conversation, first, last, limit))
    }

    fn heads(&self, conversations: Vec<ConversationId>) -> Read<Vec<Option<Entry>>> {
        self.readers.read(move |view| conversations.iter().map(|id| read_messages::head(view, *id)).collect())
    }

    fn find(
        &self,
        conversation: ConversationId,
        keys: Vec<(UserId, ClientMessageId)>,
    ) -> Read<Vec<Option<Entry>>> {
        let shared = Arc::clone(&self.shared);
        self.readers.read(move |_| {
            keys.iter().map(|(from, id)| read_messages::find(&shared, conversation, from, *id)).collect()
        })
    }

    fn highest_key(&self, conversation: ConversationId) -> Read<Option<ClientMessageId>> {
        let shared = Arc::clone(&self.shared);
        self.readers.read(move |_| read_messages::highest_key(&shared, conversation))
    }

    fn replace_bodies(&self, conversation: ConversationId, bodies: Vec<(Seq, Body)>) -> Written {
        self.write(Write::Bodies(conversation, bodies))
    }
}

impl Conversations for FjallStore {
    fn load(&self, conversation: ConversationId) -> Read<Option<ConversationState>> {
        self.readers.read(move |view| read_conversations::load(view, conversation))
    }

    fn conversations_of(&self, user: UserId) -> Read<Vec<UserConversation>> {
        self.readers.read(move |view| read_conversations::list(view, &user))
    }

    fn conversation_of(&self, user: UserId, conversation: ConversationId) -> Read<Option<UserConversation>> {
        self.readers.read(move |view| read_conversations::listed(view, &user, conversation))
    }

    fn share_conversation(&self, a: UserId, b: UserId) -> Read<bool> {
        self.readers.read(move |view| read_conversations::shared(view, &a, &b))
    }

    fn put_cursors(&self, updates: Vec<CursorUpdate>) -> Written {
        self.write(Write::Cursors(updates))
    }

    fn device_cursors(&self, user: UserId, conversation: ConversationId) -> Read<Vec<(DeviceId, Cursor)>> {
        self.readers.read(move |view| read_conversations::device_cursors(view, &user, conversation))
    }
}

impl Users for FjallStore {
    fn profiles(&self, users: Vec<UserId>) -> Read<Vec<Profile>> {
        self.readers.read(move |view| read_users::profiles(view, &users))
    }

    fn put_profile(&self, user: UserId, profile: Profile) -> Written {
        self.write(Write::Profile(user, profile))
    }

    fn settings(&self, user: UserId) -> Read<Box<str>> {
        self.readers.read(move |view| read_users::settings(view, &user))
    }

    fn put_settings(&self, user: UserId, settings: Box<str>) -> Written {
        self.write(Write::Settings(user, settings))
    }

    fn blocks(&self, user: UserId) -> Read<Vec<UserId>> {
        self.readers.read(move |view| read_users::blocks(view, &user))
    }

    fn put_block(&self, user: UserId, other: UserId, blocked: bool) -> Written {
        self.write(Write::Block(user, other, blocked))
    }

    fn last_seen(&self, users: Vec<UserId>) -> Read<Vec<Option<Timestamp>>> {
        self.readers.read(move |view| read_users::last_seen(view, &users))
    }

    fn put_last_seen(&self, seen: Vec<(UserId, Timestamp)>) -> Written {
        self.write(Write::LastSeen(seen))
    }

    fn revocations(&self) -> Read<Vec<Revocation>> {
        self.readers.read(read_users::revocations)
    }

    fn put_revocation(&self, revocation: Revocation, now: Timestamp) -> Written {
        self.write(Write::Revocation(revocation, now))
    }

    fn suspended(&self) -> Read<Vec<UserId>> {
        self.readers.read(read_users::suspended)
    }

    fn put_suspended(&self, user: UserId, suspended: bool) -> Written {
        self.write(Write::Suspended(user, suspended))
    }

    fn erase_user(&self, user: UserId) -> Written {
        self.write(Write::Erase(user))
    }
}

impl Ownership for FjallStore {
    fn grant(&self) -> Grant {
        self.grant
    }

    fn epoch(&self, _: Shard) -> Option<Epoch> {
        self.gate_open().then_some(self.epoch)
    }

    /// Open until the disk fails: the lock on the directory keeps everybody else out for as long as the process lives.
    fn gate_open(&self) -> bool {
        self.shared.fatal().is_none()
    }

    fn raise_id_ceiling(&self, ceiling: Timestamp) -> Written {
        self.write(Write::Ceiling(ceiling))
    }
}

impl Store for FjallStore {
    fn event_log(&self) -> Option<&dyn Events> {
        Some(self)
    }
}

impl Events for FjallStore {
    fn events(&self, after: EventPosition, limit: usize) -> Read<Vec<Event>> {
        self.readers.read(move |view| read_events::read(view, after, limit))
    }

    fn last_event(&self) -> EventPosition {
        EventPosition(*self.shared.last_event.borrow())
    }

    fn event_after(&self, position: EventPosition) -> Answer<()> {
        let mut last = self.shared.last_event.subscribe();
        Box::pin(async move { drop(last.wait_for(|last| *last > position.0).await) })
    }
}
