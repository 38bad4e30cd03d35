//! A store around another one, with a bug in it.

use std::sync::Arc;

use causerie_protocol::{Body, ClientMessageId, ConversationId, DeviceId, Seq, Timestamp, UserId};
use causerie_store::model::{
    Batch, ConversationState, Cursor, CursorUpdate, Epoch, Event, EventBody, EventPosition, Profile,
    Revocation, Shard, UserConversation,
};
use causerie_store::port::messages::{AppendError, ReadLimit};
use causerie_store::port::ownership::Grant;
use causerie_store::port::{
    Answer, Conversations, Events, Messages, Ownership, ReadError, Users, WriteError,
};
use causerie_store::{Entry, PendingAppend, Store};

type Read<T> = Answer<Result<T, ReadError>>;
type Written = Answer<Result<(), WriteError>>;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    /// It says that a batch is durable before it is.
    CommitsEarly,
    /// It does not find keys, and does not look for them.
    ForgetsKeys,
    /// It says that nothing was written when it does not know.
    RefusesWhatIsUnknown,
    /// Pages lack the entry before their last one.
    Holes,
    /// It says of any two users that they share no conversation.
    NoSharedConversations,
    /// The event log skips entries.
    LosesEvents,
}

/// A store with a bug.
pub(crate) struct BrokenStore {
    inner: Arc<dyn Store>,
    bug: Bug,
}

impl BrokenStore {
    pub(crate) fn new(inner: Arc<dyn Store>, bug: Bug) -> Self {
        Self { inner, bug }
    }

    fn log(&self) -> &dyn Events {
        self.inner.event_log().expect("the store of the simulation keeps one")
    }
}

impl Messages for BrokenStore {
    fn append(&self, append: PendingAppend) {
        let batch = append.batch().clone();
        match self.bug {
            Bug::CommitsEarly => {
                append.committed();
                self.inner.append(PendingAppend::new(batch, |_| {}));
            }
            Bug::ForgetsKeys => {
                let batch = Batch { check_keys: false, ..batch };
                self.inner.append(PendingAppend::new(batch, move |result| match result {
                    Ok(_) => append.committed(),
                    Err((_, error)) => append.failed(error),
                }));
            }
            Bug::RefusesWhatIsUnknown => {
                self.inner.append(PendingAppend::new(batch, move |result| match result {
                    Ok(_) => append.committed(),
                    Err((_, AppendError::Unknown(why))) => append.failed(AppendError::Refused(why)),
                    Err((_, error)) => append.failed(error),
                }));
            }
            _ => self.inner.append(append),
        }
    }

    fn read(&self, id: ConversationId, first: Seq, last: Seq, limit: ReadLimit) -> Read<Vec<Entry>> {
        let (read, short) = (self.inner.read(id, first, last, limit), self.bug == Bug::Holes);
        Box::pin(async move {
            let mut entries = read.await?;
            if short && entries.len() > 1 {
                entries.remove(entries.len() - 2);
            }
            Ok(entries)
        })
    }

    fn read_back(&self, id: ConversationId, first: Seq, last: Seq, limit: ReadLimit) -> Read<Vec<Entry>> {
        self.inner.read_back(id, first, last, limit)
    }

    fn heads(&self, conversations: Vec<ConversationId>) -> Read<Vec<Option<Entry>>> {
        self.inner.heads(conversations)
    }

    fn find(&self, id: ConversationId, keys: Vec<(UserId, ClientMessageId)>) -> Read<Vec<Option<Entry>>> {
        if self.bug == Bug::ForgetsKeys {
            let none = keys.iter().map(|_| None).collect();
            return Box::pin(async { Ok(none) });
        }
        self.inner.find(id, keys)
    }

    fn highest_key(&self, id: ConversationId) -> Read<Option<ClientMessageId>> {
        self.inner.highest_key(id)
    }

    fn replace_bodies(&self, id: ConversationId, bodies: Vec<(Seq, Body)>) -> Written {
        self.inner.replace_bodies(id, bodies)
    }
}

impl Conversations for BrokenStore {
    fn load(&self, id: ConversationId) -> Read<Option<ConversationState>> {
        self.inner.load(id)
    }

    fn conversations_of(&self, user: UserId) -> Read<Vec<UserConversation>> {
        self.inner.conversations_of(user)
    }

    fn conversation_of(&self, user: UserId, id: ConversationId) -> Read<Option<UserConversation>> {
        self.inner.conversation_of(user, id)
    }

    fn share_conversation(&self, a: UserId, b: UserId) -> Read<bool> {
        if self.bug == Bug::NoSharedConversations {
            return Box::pin(async { Ok(false) });
        }
        self.inner.share_conversation(a, b)
    }

    fn put_cursors(&self, updates: Vec<CursorUpdate>) -> Written {
        self.inner.put_cursors(updates)
    }

    fn device_cursors(&self, user: UserId, id: ConversationId) -> Read<Vec<(DeviceId, Cursor)>> {
        self.inner.device_cursors(user, id)
    }
}

impl Store for BrokenStore {
    fn event_log(&self) -> Option<&dyn Events> {
        Some(self)
    }
}

impl Events for BrokenStore {
    fn events(&self, after: EventPosition, limit: usize) -> Read<Vec<Event>> {
        let (events, loses) = (self.log().events(after, limit), self.bug == Bug::LosesEvents);
        Box::pin(async move {
            let mut events = events.await?;
            let lost = |event: &Event| {
                matches!(event.body, EventBody::Entry(_)) && event.position.0.is_multiple_of(50)
            };
            if loses && events.len() > 1 {
                events.retain(|event| !lost(event));
            }
            Ok(events)
        })
    }

    fn last_event(&self) -> EventPosition {
        self.log().last_event()
    }

    fn event_after(&self, position: EventPosition) -> Answer<()> {
        self.log().event_after(position)
    }
}

impl Ownership for BrokenStore {
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

impl Users for BrokenStore {
    fn profiles(&self, users: Vec<UserId>) -> Read<Vec<Profile>> {
        self.inner.profiles(users)
    }

    fn put_profile(&self, user: UserId, profile: Profile) -> Written {
        self.inner.put_profile(user, profile)
    }

    fn settings(&self, user: UserId) -> Read<Box<str>> {
        self.inner.settings(user)
    }

    fn put_settings(&self, user: UserId, settings: Box<str>) -> Written {
        self.inner.put_settings(user, settings)
    }

    fn blocks(&self, user: UserId) -> Read<Vec<UserId>> {
        self.inner.blocks(user)
    }

    fn put_block(&self, user: UserId, other: UserId, blocked: bool) -> Written {
        self.inner.put_block(user, other, blocked)
    }

    fn last_seen(&self, users: Vec<UserId>) -> Read<Vec<Option<Timestamp>>> {
        self.inner.last_seen(users)
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
