//! What has no bodies in it, passed on as it is.

use causerie_protocol::{ConversationId, DeviceId, Timestamp, UserId};
use causerie_store::Store;
use causerie_store::model::{
    ConversationState, Cursor, CursorUpdate, Epoch, Profile, Revocation, Shard, UserConversation,
};
use causerie_store::port::ownership::Grant;
use causerie_store::port::{Answer, Conversations, Ownership, ReadError, Users, WriteError};

use super::SealedStore;

type Read<T> = Answer<Result<T, ReadError>>;
type Written = Answer<Result<(), WriteError>>;

impl<S: Store> Conversations for SealedStore<S> {
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

impl<S: Store> Users for SealedStore<S> {
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

impl<S: Store> Ownership for SealedStore<S> {
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
