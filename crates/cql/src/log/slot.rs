//! What is remembered of conversations: a bounded number of slots, which reading can always make again.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use causerie_protocol::ConversationId;
use causerie_store::model::{Epoch, Shard};
use hashbrown::HashMap;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::tail::Tail;
use crate::owned::Owned;

/// How many slots are looked at for one that can go, before the bound is passed for a while.
const LOOKS: usize = 8;

/// One conversation.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) conversation: ConversationId,
    pub(super) shard: Shard,
    /// Held by whoever appends or opens; at most one at a time.
    pub(super) writer: tokio::sync::Mutex<()>,
    open: Mutex<Option<Open>>,
    /// A write ended without a known outcome: what stands above the tail is not known until the log is opened again.
    doubtful: AtomicBool,
    used: AtomicBool,
}

/// An open conversation.
#[derive(Clone, Debug)]
pub(super) struct Open {
    /// The committed end.
    pub(super) tail: Arc<Tail>,
    /// The term in which it was opened.
    pub(super) epoch: Epoch,
    /// When the fence was asked that showed this end to be the end.
    pub(super) gated: Instant,
    /// Whether the mark of the outbox is there.
    pub(super) marked: bool,
}

impl Slot {
    fn new(conversation: ConversationId) -> Self {
        Self {
            conversation,
            shard: Shard::of_conversation(conversation),
            writer: tokio::sync::Mutex::new(()),
            open: Mutex::new(None),
            doubtful: AtomicBool::new(false),
            used: AtomicBool::new(true),
        }
    }

    /// What is known, if it was opened in this term.
    pub(super) fn open(&self, term: Epoch) -> Option<Open> {
        self.open.lock().clone().filter(|open| open.epoch == term)
    }

    /// Makes an end known. Only by whoever holds `writer`.
    pub(super) fn publish(&self, open: Open) {
        *self.open.lock() = Some(open);
    }

    /// Changes whether the mark is there. Only by whoever holds `writer`.
    pub(super) fn set_marked(&self, marked: bool) {
        if let Some(open) = &mut *self.open.lock() {
            open.marked = marked;
        }
    }

    pub(super) fn doubtful(&self) -> bool {
        self.doubtful.load(Ordering::Acquire)
    }

    /// The log was opened again.
    pub(super) fn resolved(&self) {
        self.doubtful.store(false, Ordering::Release);
    }

    /// From now on until it is [settled](Doubt::settled), the end of the log is in doubt when this is dropped.
    pub(super) fn doubt<'a>(&'a self, owned: &'a Owned) -> Doubt<'a> {
        Doubt { slot: self, owned, settled: false }
    }
}

/// A write is under way. Dropped without an outcome, also by a panic, it leaves the slot doubtful.
pub(super) struct Doubt<'a> {
    slot: &'a Slot,
    owned: &'a Owned,
    settled: bool,
}

impl Doubt<'_> {
    /// It is known what was written.
    pub(super) fn settled(mut self) {
        self.settled = true;
    }
}

impl Drop for Doubt<'_> {
    fn drop(&mut self) {
        if !self.settled {
            self.slot.doubtful.store(true, Ordering::Release);
            *self.slot.open.lock() = None;
            self.owned.doubt(self.slot.shard);
        }
    }
}

/// The slots, at most about so many.
#[derive(Debug)]
pub(super) struct Slots {
    most: usize,
    all: Mutex<All>,
}

#[derive(Debug, Default)]
struct All {
    by_id: HashMap<ConversationId, Arc<Slot>>,
    /// In the order in which they were last found unused.
    clock: VecDeque<ConversationId>,
}

impl Slots {
    pub(super) fn new(most: usize) -> Self {
        Self { most, all: Mutex::default() }
    }

    /// The slot of a conversation.
    pub(super) fn get(&self, conversation: ConversationId) -> Arc<Slot> {
        let mut all = self.all.lock();
        if let Some(slot) = all.by_id.get(&conversation) {
            slot.used.store(true, Ordering::Relaxed);
            return Arc::clone(slot);
        }
        for _ in 0..LOOKS {
            if all.by_id.len() < self.most {
                break;
            }
            all.pass_one();
        }
        let slot = Arc::new(Slot::new(conversation));
        all.by_id.insert(conversation, Arc::clone(&slot));
        all.clock.push_back(conversation);
        slot
    }
}

impl All {
    /// Forgets the next slot, unless it was used since the last time, is in use, or is in doubt.
    fn pass_one(&mut self) {
        let Some(id) = self.clock.pop_front() else { return };
        let Some(slot) = self.by_id.get(&id) else { return };
        let used = slot.used.swap(false, Ordering::Relaxed);
        // Nobody gets hold of it while the map is locked.
        if used || slot.doubtful() || Arc::strong_count(slot) > 1 {
            self.clock.push_back(id);
        } else {
            self.by_id.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use causerie_store::contract::sample::conversation;

    use super::*;
    use crate::life::Life;

    fn owned() -> Owned {
        Owned::new(Arc::new(Life::new(Arc::new(|_| ()))))
    }

    fn open() -> Open {
        Open { tail: Arc::default(), epoch: Epoch(1), gated: Instant::now(), marked: true }
    }

    #[test]
    fn what_is_known_holds_for_one_term_and_until_a_doubt() {
        let (slots, owned) = (Slots::new(10), owned());
        let slot = slots.get(conversation(1));
        slot.publish(open());
        assert!(slot.open(Epoch(1)).is_some() && slot.open(Epoch(2)).is_none());
        slot.doubt(&owned).settled();
        assert!(slot.open(Epoch(1)).is_some() && !slot.doubtful());
        drop(slot.doubt(&owned));
        assert!(slot.open(Epoch(1)).is_none() && slot.doubtful());
    }

    #[test]
    fn slots_are_bounded_and_those_in_use_or_doubt_stay() {
        let (slots, owned) = (Slots::new(10), owned());
        let held = slots.get(conversation(0));
        drop(slots.get(conversation(1)).doubt(&owned));
        for number in 2..200 {
            slots.get(conversation(number));
        }
        assert!(slots.all.lock().by_id.len() <= 11, "{}", slots.all.lock().by_id.len());
        assert!(Arc::ptr_eq(&held, &slots.get(conversation(0))));
        assert!(slots.get(conversation(1)).doubtful());
    }
}
