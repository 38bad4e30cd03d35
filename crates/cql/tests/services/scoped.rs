//! A store that sees its own part of the keyspaces only, so that many tests share them: making and dropping twenty tables
//! takes longer than most of the tests.
//!
//! Names of users and tokens get a prefix on their way in and lose it on their way out, ids of conversations have their
//! lower half changed. Both keep every order and every difference that the contract asks about.

use causerie_cql::CqlStore;
use causerie_protocol::{Body, ClientMessageId, ConversationId, DeviceId, Seq, Timestamp, UserId};
use causerie_store::model::{
    ConversationRow, ConversationState, Cursor, CursorUpdate, Epoch, Profile, Projection, Revocation, Shard,
    UserConversation,
};
use causerie_store::port::messages::ReadLimit;
use causerie_store::port::ownership::Grant;
use causerie_store::port::{
    Answer, Conversations, Events, Messages, Ownership, ReadError, Store, Users, WriteError,
};
use causerie_store::{Batch, Entry, PendingAppend};
use uuid::Uuid;

type Read<T> = Answer<Result<T, ReadError>>;
type Written = Answer<Result<(), WriteError>>;

/// A part of the keyspaces.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope(u64);

impl Scope {
    /// One that nobody else has.
    pub(crate) fn new() -> Self {
        Self(Uuid::new_v4().as_u64_pair().1)
    }

    /// Its name.
    pub(crate) fn name(self) -> String {
        format!("{:016x}", self.0)
    }

    fn conversation(self, id: ConversationId) -> ConversationId {
        let (high, low) = id.0.as_u64_pair();
        ConversationId(Uuid::from_u64_pair(high, low ^ self.0))
    }

    fn user(self, user: &UserId) -> UserId {
        UserId::new(&format!("{}{user}", self.name())).unwrap()
    }

    fn token(self, token: &str) -> Box<str> {
        format!("{}{token}", self.name()).into()
    }

    /// What is inside; `None` for what belongs to another scope.
    fn inner(self, name: &str) -> Option<&str> {
        name.strip_prefix(&self.name())
    }

    fn user_out(self, user: &UserId) -> UserId {
        UserId::new(self.inner(user.as_str()).unwrap()).unwrap()
    }

    fn row(row: ConversationRow, map: impl Fn(&UserId) -> UserId) -> ConversationRow {
        ConversationRow { created_by: map(&row.created_by), with: row.with.as_ref().map(map), ..row }
    }

    fn row_out(self, row: ConversationRow) -> ConversationRow {
        Self::row(row, |user| self.user_out(user))
    }

    fn entry_out(self, entry: Entry) -> Entry {
        Entry { from: self.user_out(&entry.from), ..entry }
    }

    fn projection(self, projection: &Projection) -> Projection {
        match projection {
            Projection::Conversation(row) => {
                Projection::Conversation(Self::row(row.clone(), |user| self.user(user)))
            }
            Projection::Member(user, row) => Projection::Member(self.user(user), *row),
            Projection::Removed(user) => Projection::Removed(self.user(user)),
        }
    }

    fn batch(self, batch: &Batch) -> Batch {
        Batch {
            conversation: self.conversation(batch.conversation),
            entries: batch
                .entries
                .iter()
                .map(|entry| Entry { from: self.user(&entry.from), ..entry.clone() })
                .collect(),
            projections: batch.projections.iter().map(|projection| self.projection(projection)).collect(),
            ..*batch
        }
    }

    fn listed_out(self, listed: UserConversation) -> UserConversation {
        UserConversation {
            conversation: self.conversation(listed.conversation),
            row: self.row_out(listed.row),
            ..listed
        }
    }

    fn users(self, users: &[UserId]) -> Vec<UserId> {
        users.iter().map(|user| self.user(user)).collect()
    }
}

/// The store in its scope.
#[derive(Debug)]
pub(crate) struct Scoped {
    pub(crate) store: CqlStore,
    pub(crate) scope: Scope,
}

/// An answer, changed on its way out.
fn then<T: 'static, U: 'static, E: 'static>(
    answer: Answer<Result<T, E>>,
    out: impl FnOnce(T) -> U + Send + 'static,
) -> Answer<Result<U, E>> {
    Box::pin(async move { answer.await.map(out) })
}

impl Messages for Scoped {
    fn append(&self, append: PendingAppend) {
        let batch = self.scope.batch(append.batch());
        self.store.append(PendingAppend::new(batch, |result| match result {
            Ok(_) => append.committed(),
            Err((_, error)) => append.failed(error),
        }));
    }

    fn read(&self, id: ConversationId, first: Seq, last: Seq, limit: ReadLimit) -> Read<Vec<Entry>> {
        let scope = self.scope;
        then(self.store.read(scope.conversation(id), first, last, limit), move |entries| {
            entries.into_iter().map(|entry| scope.entry_out(entry)).collect()
        })
    }

    fn read_back(&self, id: ConversationId, first: Seq, last: Seq, limit: ReadLimit) -> Read<Vec<Entry>> {
        let scope = self.scope;
        then(self.store.read_back(scope.conversation(id), first, last, limit), move |entries| {
            entries.into_iter().map(|entry| scope.entry_out(entry)).collect()
        })
    }

    fn heads(&self, ids: Vec<ConversationId>) -> Read<Vec<Option<Entry>>> {
        let scope = self.scope;
        let ids = ids.into_iter().map(|id| scope.conversation(id)).collect();
        then(self.store.heads(ids), move |heads| {
            heads.into_iter().map(|entry| entry.map(|entry| scope.entry_out(entry))).collect()
        })
    }

    fn find(&self, id: ConversationId, keys: Vec<(UserId, ClientMessageId)>) -> Read<Vec<Option<Entry>>> {
        let scope = self.scope;
        let keys = keys.into_iter().map(|(user, key)| (scope.user(&user), key)).collect();
        then(self.store.find(scope.conversation(id), keys), move |found| {
            found.into_iter().map(|entry| entry.map(|entry| scope.entry_out(entry))).collect()
        })
    }

    fn highest_key(&self, id: ConversationId) -> Read<Option<ClientMessageId>> {
        self.store.highest_key(self.scope.conversation(id))
    }

    fn replace_bodies(&self, id: ConversationId, bodies: Vec<(Seq, Body)>) -> Written {
        self.store.replace_bodies(self.scope.conversation(id), bodies)
    }
}

impl Conversations for Scoped {
    fn load(&self, id: ConversationId) -> Read<Option<ConversationState>> {
        let scope = self.scope;
        then(self.store.load(scope.conversation(id)), move |state| {
            let ConversationState { row, members } = state?;
            let members = members.into_iter().map(|(user, row, cursor)| (scope.user_out(&user), row, cursor));
            Some(ConversationState { row: scope.row_out(row), members: members.collect() })
        })
    }

    fn conversations_of(&self, user: UserId) -> Read<Vec<UserConversation>> {
        let scope = self.scope;
        then(self.store.conversations_of(scope.user(&user)), move |list| {
            list.into_iter().map(|listed| scope.listed_out(listed)).collect()
        })
    }

    fn conversation_of(&self, user: UserId, id: ConversationId) -> Read<Option<UserConversation>> {
        let scope = self.scope;
        then(self.store.conversation_of(scope.user(&user), scope.conversation(id)), move |listed| {
            listed.map(|listed| scope.listed_out(listed))
        })
    }

    fn share_conversation(&self, a: UserId, b: UserId) -> Read<bool> {
        self.store.share_conversation(self.scope.user(&a), self.scope.user(&b))
    }

    fn put_cursors(&self, updates: Vec<CursorUpdate>) -> Written {
        let updates = updates.into_iter().map(|update| CursorUpdate {
            conversation: self.scope.conversation(update.conversation),
            user: self.scope.user(&update.user),
            ..update
        });
        self.store.put_cursors(updates.collect())
    }

    fn device_cursors(&self, user: UserId, id: ConversationId) -> Read<Vec<(DeviceId, Cursor)>> {
        self.store.device_cursors(self.scope.user(&user), self.scope.conversation(id))
    }
}

impl Users for Scoped {
    fn profiles(&self, users: Vec<UserId>) -> Read<Vec<Profile>> {
        self.store.profiles(self.scope.users(&users))
    }

    fn put_profile(&self, user: UserId, profile: Profile) -> Written {
        self.store.put_profile(self.scope.user(&user), profile)
    }

    fn settings(&self, user: UserId) -> Read<Box<str>> {
        self.store.settings(self.scope.user(&user))
    }

    fn put_settings(&self, user: UserId, settings: Box<str>) -> Written {
        self.store.put_settings(self.scope.user(&user), settings)
    }

    fn blocks(&self, user: UserId) -> Read<Vec<UserId>> {
        let scope = self.scope;
        then(self.store.blocks(scope.user(&user)), move |users| {
            users.iter().map(|user| scope.user_out(user)).collect()
        })
    }

    fn put_block(&self, user: UserId, other: UserId, blocked: bool) -> Written {
        self.store.put_block(self.scope.user(&user), self.scope.user(&other), blocked)
    }

    fn last_seen(&self, users: Vec<UserId>) -> Read<Vec<Option<Timestamp>>> {
        self.store.last_seen(self.scope.users(&users))
    }

    fn put_last_seen(&self, seen: Vec<(UserId, Timestamp)>) -> Written {
        self.store
            .put_last_seen(seen.into_iter().map(|(user, time)| (self.scope.user(&user), time)).collect())
    }

    fn revocations(&self) -> Read<Vec<Revocation>> {
        let scope = self.scope;
        then(self.store.revocations(), move |all| {
            let own = all.into_iter().filter_map(|revocation| match revocation {
                Revocation::User(user, before) => {
                    Some(Revocation::User(UserId::new(scope.inner(user.as_str())?).ok()?, before))
                }
                Revocation::Token(token, expires) => {
                    Some(Revocation::Token(scope.inner(&token)?.into(), expires))
                }
            });
            own.collect()
        })
    }

    fn put_revocation(&self, revocation: Revocation, now: Timestamp) -> Written {
        let revocation = match revocation {
            Revocation::User(user, before) => Revocation::User(self.scope.user(&user), before),
            Revocation::Token(token, expires) => Revocation::Token(self.scope.token(&token), expires),
        };
        self.store.put_revocation(revocation, now)
    }

    fn suspended(&self) -> Read<Vec<UserId>> {
        let scope = self.scope;
        then(self.store.suspended(), move |users| {
            users.iter().filter_map(|user| UserId::new(scope.inner(user.as_str())?).ok()).collect()
        })
    }

    fn put_suspended(&self, user: UserId, suspended: bool) -> Written {
        self.store.put_suspended(self.scope.user(&user), suspended)
    }

    fn erase_user(&self, user: UserId) -> Written {
        self.store.erase_user(self.scope.user(&user))
    }
}

impl Ownership for Scoped {
    fn grant(&self) -> Grant {
        self.store.grant()
    }

    fn epoch(&self, shard: Shard) -> Option<Epoch> {
        self.store.epoch(shard)
    }

    fn gate_open(&self) -> bool {
        self.store.gate_open()
    }

    fn raise_id_ceiling(&self, ceiling: Timestamp) -> Written {
        self.store.raise_id_ceiling(ceiling)
    }
}

impl Store for Scoped {
    fn event_log(&self) -> Option<&dyn Events> {
        self.store.event_log()
    }
}
