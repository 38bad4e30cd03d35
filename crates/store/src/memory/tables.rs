//! What is committed.

use std::collections::{BTreeMap, BTreeSet};

use causerie_protocol::{ClientMessageId, ConversationId, DeviceId, Seq, Timestamp, UserId};

use crate::model::{
    Batch, ConversationRow, ConversationState, Cursor, CursorUpdate, Entry, MemberRow, Profile, Projection,
    Shard, UserConversation,
};

/// All tables.
#[derive(Clone, Debug, Default)]
pub(super) struct Tables {
    pub(super) logs: BTreeMap<ConversationId, Log>,
    conversations: BTreeMap<ConversationId, ConversationRow>,
    members: BTreeMap<ConversationId, BTreeMap<UserId, MemberRow>>,
    /// The flag says that the membership has ended.
    lists: BTreeMap<UserId, BTreeMap<ConversationId, (MemberRow, bool)>>,
    cursors: BTreeMap<UserId, BTreeMap<ConversationId, BTreeMap<DeviceId, Cursor>>>,
    /// The event at position n is the n-th.
    pub(super) events: Vec<(ConversationId, Happened)>,
    pub(super) emit_cursors: BTreeMap<ConversationId, Seq>,
    pub(super) emit_marks: BTreeSet<(Shard, ConversationId)>,
    pub(super) profiles: BTreeMap<UserId, Profile>,
    pub(super) settings: BTreeMap<UserId, Box<str>>,
    pub(super) blocks: BTreeMap<UserId, BTreeSet<UserId>>,
    pub(super) last_seen: BTreeMap<UserId, Timestamp>,
    pub(super) revoked_users: BTreeMap<UserId, Timestamp>,
    pub(super) revoked_tokens: BTreeMap<Box<str>, Timestamp>,
    pub(super) suspended: BTreeSet<UserId>,
    pub(super) ceiling: Timestamp,
}

/// One conversation's log.
#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    pub(super) entries: BTreeMap<Seq, Entry>,
    pub(super) keys: BTreeMap<(UserId, ClientMessageId), Seq>,
}

/// What the event log keeps of an event.
#[derive(Clone, Debug)]
pub(super) enum Happened {
    Entry(Seq),
    Receipt(UserId, Cursor),
}

impl Tables {
    /// Makes a batch part of the tables.
    pub(super) fn append(&mut self, batch: &Batch) {
        let id = batch.conversation;
        if !batch.entries.is_empty() {
            self.emit_marks.insert((Shard::of_conversation(id), id));
        }
        for entry in &batch.entries {
            let log = self.logs.entry(id).or_default();
            log.keys.insert((entry.from.clone(), entry.client_message_id), entry.seq);
            log.entries.insert(entry.seq, entry.clone());
            self.events.push((id, Happened::Entry(entry.seq)));
        }
        for projection in &batch.projections {
            match projection {
                Projection::Conversation(row) => drop(self.conversations.insert(id, row.clone())),
                Projection::Member(user, row) => {
                    self.members.entry(id).or_default().insert(user.clone(), *row);
                    self.lists.entry(user.clone()).or_default().insert(id, (*row, false));
                }
                Projection::Removed(user) => {
                    self.members.entry(id).or_default().remove(user);
                    let listed = self.lists.get_mut(user).and_then(|list| list.get_mut(&id));
                    listed.into_iter().for_each(|listed| listed.1 = true);
                    // Who is added again begins anew, as the conversation itself sees it.
                    if let Some(cursors) = self.cursors.get_mut(user) {
                        cursors.remove(&id);
                    }
                }
            }
        }
    }

    /// Which entries have keys that the log has at other positions, if that is to be looked for.
    pub(super) fn existing_keys(&self, batch: &Batch) -> Vec<usize> {
        let Some(log) = self.logs.get(&batch.conversation).filter(|_| batch.check_keys) else {
            return Vec::new();
        };
        let exists = |entry: &Entry| {
            let position = log.keys.get(&(entry.from.clone(), entry.client_message_id));
            position.is_some_and(|position| *position != entry.seq)
        };
        batch.entries.iter().enumerate().filter(|(_, entry)| exists(entry)).map(|(at, _)| at).collect()
    }

    /// Raises cursors, and writes one receipt for each user whose cursor rose.
    pub(super) fn raise_cursors(&mut self, updates: &[CursorUpdate]) {
        let before: BTreeMap<_, _> = updates
            .iter()
            .map(|update| {
                ((&update.user, update.conversation), self.cursor(&update.user, update.conversation))
            })
            .collect();
        for CursorUpdate { conversation, user, device, cursor } in updates {
            let devices = self.cursors.entry(user.clone()).or_default().entry(*conversation).or_default();
            let raised = devices.get(device).copied().unwrap_or_default().max(*cursor);
            if raised != Cursor::default() {
                devices.insert(device.clone(), raised);
            }
        }
        for ((user, conversation), before) in before {
            let now = self.cursor(user, conversation);
            if now != before {
                self.events.push((conversation, Happened::Receipt(user.clone(), now)));
            }
        }
    }

    /// A user's cursor: the highest of its devices.
    fn cursor(&self, user: &UserId, conversation: ConversationId) -> Cursor {
        self.devices(user, conversation).map(|(_, cursor)| *cursor).fold(Cursor::default(), Cursor::max)
    }

    /// A user's cursor on each device.
    pub(super) fn devices(
        &self,
        user: &UserId,
        conversation: ConversationId,
    ) -> impl Iterator<Item = (&DeviceId, &Cursor)> {
        self.cursors.get(user).and_then(|of_user| of_user.get(&conversation)).into_iter().flatten()
    }

    pub(super) fn load(&self, conversation: ConversationId) -> Option<ConversationState> {
        let row = self.conversations.get(&conversation)?.clone();
        let members = self.members.get(&conversation).into_iter().flatten();
        let members = members.map(|(user, row)| (user.clone(), *row, self.cursor(user, conversation)));
        Some(ConversationState { row, members: members.collect() })
    }

    pub(super) fn list(&self, user: &UserId) -> Vec<UserConversation> {
        let listed = self.lists.get(user).into_iter().flatten();
        listed.filter_map(|(conversation, _)| self.listed(user, *conversation)).collect()
    }

    pub(super) fn listed(&self, user: &UserId, conversation: ConversationId) -> Option<UserConversation> {
        let (member, removed) = *self.lists.get(user)?.get(&conversation)?;
        let row = self.conversations.get(&conversation)?.clone();
        let cursor = self.cursor(user, conversation);
        Some(UserConversation { conversation, row, member, removed, cursor })
    }

    pub(super) fn share(&self, a: &UserId, b: &UserId) -> bool {
        let current = |user| {
            let listed = self.lists.get(user).into_iter().flatten();
            listed.filter(|(_, (_, removed))| !removed).map(|(id, _)| *id).collect::<BTreeSet<_>>()
        };
        !current(a).is_disjoint(&current(b))
    }

    /// Ends all that is kept of a user beside messages and memberships.
    pub(super) fn erase(&mut self, user: &UserId) {
        self.profiles.remove(user);
        self.settings.remove(user);
        self.blocks.remove(user);
        self.last_seen.remove(user);
        self.cursors.remove(user);
    }
}
