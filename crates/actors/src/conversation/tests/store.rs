//! A store so small that it is plainly right: what is durable, and what is on its way.

use std::collections::{BTreeMap, BTreeSet};

use causerie_protocol::frame::down::EntryKind;
use causerie_protocol::{Body, ClientMessageId, Seq, UserId};
use causerie_store::committed::AppendResult;
use causerie_store::model::{
    ConversationRow, ConversationState, Cursor, CursorUpdate, MemberRow, Projection,
};
use causerie_store::port::messages::AppendError;
use causerie_store::{Batch, Entry, PendingAppend};
use parking_lot::Mutex;

pub(super) type Key = (UserId, ClientMessageId);

/// How an append ends.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fate {
    /// Durable, and it is told.
    Committed,
    /// Durable, but the answer is lost.
    AnswerLost,
    /// Not durable, and it is not known.
    Lost,
    /// Not durable, and never will be.
    Refused,
}

#[derive(Default)]
pub(super) struct SmallStore {
    pub(super) log: Vec<Entry>,
    pub(super) row: Option<ConversationRow>,
    pub(super) members: BTreeMap<UserId, MemberRow>,
    pub(super) cursors: BTreeMap<UserId, Cursor>,
    /// The one batch that is under way.
    under_way: Option<Batch>,
    /// The last batch, while it is not known whether it is durable.
    doubtful: Option<Batch>,
    /// Keys that were asked for, with what was there when they were.
    pub(super) asked: Option<(Vec<Key>, Vec<Option<Entry>>)>,
    pub(super) cursors_under_way: Option<Vec<CursorUpdate>>,
    /// For each batch: who is a member after it, and who was removed by it.
    pub(super) readers: BTreeMap<Seq, BTreeSet<UserId>>,
}

impl SmallStore {
    pub(super) fn head(&self) -> Seq {
        self.log.last().map_or(Seq::ZERO, |entry| entry.seq)
    }

    pub(super) fn find(&self, key: &Key) -> Option<&Entry> {
        self.log.iter().find(|entry| entry.from == key.0 && entry.client_message_id == key.1)
    }

    pub(super) fn is_busy(&self) -> bool {
        self.under_way.is_some()
    }

    pub(super) fn messages_under_way(&self) -> usize {
        let entries = self.under_way.iter().flat_map(|batch| &batch.entries);
        entries.filter(|entry| entry.kind == EntryKind::Message).count()
    }

    pub(super) fn ask(&mut self, keys: Vec<Key>) {
        assert!(self.asked.is_none(), "one question at a time");
        let found = keys.iter().map(|key| self.find(key).cloned()).collect();
        self.asked = Some((keys, found));
    }

    /// Takes a batch, and checks all that a store relies on.
    pub(super) fn append(&mut self, batch: Batch) {
        batch.check().unwrap();
        assert!(self.under_way.is_none(), "two batches under way");
        if let Some(doubtful) = &self.doubtful {
            assert_eq!(*doubtful, batch, "only the identical batch may be tried again");
        } else if let Some(first) = batch.entries.first() {
            assert_eq!(first.seq, self.head().next(), "the log is dense");
            let mut keys = BTreeSet::new();
            for entry in &batch.entries {
                let key = (entry.from.clone(), entry.client_message_id);
                assert!(batch.check_keys || self.find(&key).is_none(), "{key:?} is there already");
                assert!(keys.insert(key), "one key twice in a batch");
            }
        }
        self.under_way = Some(batch);
    }

    /// Ends what is under way.
    pub(super) fn end(&mut self, fate: Fate) -> Option<AppendResult> {
        let batch = self.under_way.take()?;
        let existing = if self.doubtful.is_none() { self.existing(&batch) } else { Vec::new() };
        if !existing.is_empty() {
            return end_with(batch, |append| append.failed(AppendError::Exists(existing)));
        }
        if matches!(fate, Fate::Committed | Fate::AnswerLost) {
            self.apply(&batch);
        }
        let unknown = AppendError::Unknown("lost".to_owned());
        self.doubtful = match fate {
            Fate::AnswerLost | Fate::Lost => Some(batch.clone()),
            // A refusal of a second attempt says nothing of the first.
            Fate::Refused => self.doubtful.take(),
            Fate::Committed => None,
        };
        end_with(batch, |append| match fate {
            Fate::Committed => append.committed(),
            Fate::AnswerLost | Fate::Lost => append.failed(unknown),
            Fate::Refused => append.failed(AppendError::Refused("full".to_owned())),
        })
    }

    /// Which entries of a batch have keys that the log has, if that is to be looked for.
    fn existing(&self, batch: &Batch) -> Vec<usize> {
        let exists = |entry: &Entry| self.find(&(entry.from.clone(), entry.client_message_id)).is_some();
        let looked_at = batch.entries.iter().enumerate().filter(|_| batch.check_keys);
        looked_at.filter(|(_, entry)| exists(entry)).map(|(at, _)| at).collect()
    }

    /// The owner has failed: whoever opens the log next begins with what is there.
    pub(super) fn forget_owner(&mut self) {
        self.doubtful = None;
        self.asked = None;
        self.cursors_under_way = None;
    }

    fn apply(&mut self, batch: &Batch) {
        if batch.entries.last().is_some_and(|last| last.seq <= self.head()) {
            return;
        }
        self.log.extend(batch.entries.iter().cloned());
        let mut readers = BTreeSet::new();
        for projection in &batch.projections {
            match projection {
                Projection::Conversation(row) => self.row = Some(row.clone()),
                Projection::Member(user, row) => drop(self.members.insert(user.clone(), *row)),
                Projection::Removed(user) => {
                    self.members.remove(user);
                    readers.insert(user.clone());
                }
            }
        }
        readers.extend(self.members.keys().cloned());
        for entry in &batch.entries {
            self.readers.insert(entry.seq, readers.clone());
        }
    }

    pub(super) fn keep_cursors(&mut self) {
        for update in self.cursors_under_way.take().into_iter().flatten() {
            assert!(update.cursor.delivered <= self.head(), "a cursor above the head");
            let kept = self.cursors.entry(update.user).or_default();
            *kept = kept.max(update.cursor);
        }
    }

    /// What an owner loads.
    pub(super) fn load(&self, recent: usize) -> (Option<ConversationState>, Vec<Entry>) {
        let cursor = |user: &UserId| self.cursors.get(user).copied().unwrap_or_default();
        let state = self.row.clone().map(|row| ConversationState {
            row,
            members: self.members.iter().map(|(user, row)| (user.clone(), *row, cursor(user))).collect(),
        });
        (state, self.log[self.log.len().saturating_sub(recent)..].to_vec())
    }
}

/// What the owner of a batch is told.
fn end_with(batch: Batch, end: impl FnOnce(PendingAppend)) -> Option<AppendResult> {
    let slot = std::sync::Arc::new(Mutex::new(None));
    let filled = slot.clone();
    end(PendingAppend::new(batch, move |result| *filled.lock() = Some(result)));
    slot.lock().take()
}

/// What a body says, for comparing.
pub(super) fn text(body: &Body) -> String {
    body.content().unwrap().text.unwrap_or_default()
}
