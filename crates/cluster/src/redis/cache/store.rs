//! A store whose profiles are cached; all else is passed on as it is.
//!
//! Why profiles alone: of what is read through the port they are what many read of the same. A list of conversations is
//! one user's, and changes with each of its cursors; an owner opens a conversation from what is true in this moment. What
//! conversations *are* is read below the port, where a list is put together; [`RedisCache`] keeps that too.

use std::sync::Arc;

use causerie_protocol::{Body, ClientMessageId, ConversationId, DeviceId, Seq, Timestamp, UserId};
use causerie_store::PendingAppend;
use causerie_store::model::{
    ConversationState, Cursor, CursorUpdate, Entry, Epoch, Profile, Revocation, Shard, UserConversation,
};
use causerie_store::port::messages::ReadLimit;
use causerie_store::port::ownership::Grant;
use causerie_store::port::{
    Answer, Conversations, Events, Messages, Ownership, ReadError, Store, Users, WriteError,
};

use super::redis_cache::RedisCache;

type Read<T> = Answer<Result<T, ReadError>>;
type Written = Answer<Result<(), WriteError>>;

/// A store, and a cache in front of it.
pub struct CachedStore {
    inner: Arc<dyn Store>,
    cache: RedisCache,
}

impl CachedStore {
    /// Puts a cache in front of a store. All nodes that write to the store have to use a cache in the same Redis.
    pub fn new(inner: Arc<dyn Store>, cache: RedisCache) -> Self {
        Self { inner, cache }
    }

    /// A write that changes a profile.
    fn changing(&self, user: UserId, write: Written) -> Written {
        let cache = self.cache.clone();
        Box::pin(async move { cache.change::<Profile, _>(&user, write).await })
    }
}

impl Users for CachedStore {
    fn profiles(&self, users: Vec<UserId>) -> Read<Vec<Profile>> {
        let (inner, cache) = (Arc::clone(&self.inner), self.cache.clone());
        Box::pin(async move { cache.get_many(&users, |users| inner.profiles(users)).await })
    }

    fn put_profile(&self, user: UserId, profile: Profile) -> Written {
        let write = self.inner.put_profile(user.clone(), profile);
        self.changing(user, write)
    }

    fn erase_user(&self, user: UserId) -> Written {
        let write = self.inner.erase_user(user.clone());
        self.changing(user, write)
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
}

impl Conversations for CachedStore {
    fn load(&self, conversation: ConversationId) -> Read<Option<ConversationState>> {
        self.inner.load(conversation)
    }

    fn conversations_of(&self, user: UserId) -> Read<Vec<UserConversation>> {
        self.inner.conversations_of(user)
    }

    fn conversation_of(&self, user: UserId, conversation: ConversationId) -> Read<Option<UserConversation>> {
        self.inner.conversation_of(user, conversation)
    }

    fn share_conversation(&self, a: UserId, b: UserId) -> Read<bool> {
        self.inner.share_conversation(a, b)
    }

    fn put_cursors(&self, updates: Vec<CursorUpdate>) -> Written {
        self.inner.put_cursors(updates)
    }

    fn device_cursors(&self, user: UserId, conversation: ConversationId) -> Read<Vec<(DeviceId, Cursor)>> {
        self.inner.device_cursors(user, conversation)
    }
}

impl Messages for CachedStore {
    fn append(&self, append: PendingAppend) {
        self.inner.append(append);
    }

    fn read(
        &self,
        conversation: ConversationId,
        first: Seq,
        last: Seq,
        limit: ReadLimit,
    ) -> Read<Vec<Entry>> {
        self.inner.read(conversation, first, last, limit)
    }

    fn read_back(
        &self,
        conversation: ConversationId,
        first: Seq,
        last: Seq,
        limit: ReadLimit,
    ) -> Read<Vec<Entry>> {
        self.inner.read_back(conversation, first, last, limit)
    }

    fn heads(&self, conversations: Vec<ConversationId>) -> Read<Vec<Option<Entry>>> {
        self.inner.heads(conversations)
    }

    fn find(
        &self,
        conversation: ConversationId,
        keys: Vec<(UserId, ClientMessageId)>,
    ) -> Read<Vec<Option<Entry>>> {
        self.inner.find(conversation, keys)
    }

    fn highest_key(&self, conversation: ConversationId) -> Read<Option<ClientMessageId>> {
        self.inner.highest_key(conversation)
    }

    fn replace_bodies(&self, conversation: ConversationId, bodies: Vec<(Seq, Body)>) -> Written {
        self.inner.replace_bodies(conversation, bodies)
    }
}

impl Ownership for CachedStore {
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

impl Store for CachedStore {
    fn event_log(&self) -> Option<&dyn Events> {
        self.inner.event_log()
    }
}
