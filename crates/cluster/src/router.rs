//! The way to a conversation's owner: one route table, filled on first use.
//!
//! Guaranteed: at most one live handle per conversation at any moment, because a handle is made under the lock of its
//! part of the table, and a closed one is replaced there and nowhere else.

use causerie_protocol::ConversationId;
use hashbrown::HashMap;
use parking_lot::Mutex;

use crate::Shard;

/// What the table holds: a way to hand something to a conversation.
pub trait OwnerHandle: Clone + Send + Sync {
    /// Whether it takes nothing any more, so that another has to be made.
    fn is_closed(&self) -> bool;
}

/// Parts of the table, so that unrelated conversations seldom meet at a lock.
const PARTS: usize = 64;

/// The route table.
#[derive(Debug)]
pub struct Router<H> {
    parts: Box<[Mutex<HashMap<ConversationId, H>>]>,
}

impl<H> Default for Router<H> {
    fn default() -> Self {
        Self { parts: (0..PARTS).map(|_| Mutex::new(HashMap::new())).collect() }
    }
}

impl<H: OwnerHandle> Router<H> {
    /// The handle of a conversation, if it is open.
    pub fn open(&self, conversation: ConversationId) -> Option<H> {
        self.part(conversation).lock().get(&conversation).filter(|handle| !handle.is_closed()).cloned()
    }

    /// The handle of a conversation; `make` opens it where it is not. `make` must not block.
    pub fn get_or_open(&self, conversation: ConversationId, make: impl FnOnce() -> H) -> H {
        let mut part = self.part(conversation).lock();
        match part.get(&conversation) {
            Some(handle) if !handle.is_closed() => handle.clone(),
            _ => {
                let handle = make();
                part.insert(conversation, handle.clone());
                handle
            }
        }
    }

    /// Forgets a conversation whose handle is closed; one that was opened anew meanwhile stays.
    pub fn forget(&self, conversation: ConversationId) {
        let mut part = self.part(conversation).lock();
        if part.get(&conversation).is_some_and(OwnerHandle::is_closed) {
            part.remove(&conversation);
        }
    }

    /// Every open conversation, by id.
    pub fn all(&self) -> Vec<(ConversationId, H)> {
        let entries = |part: &Mutex<HashMap<ConversationId, H>>| {
            part.lock().iter().map(|(id, handle)| (*id, handle.clone())).collect::<Vec<_>>()
        };
        let mut all: Vec<_> = self.parts.iter().flat_map(entries).collect();
        all.sort_unstable_by_key(|(id, _)| *id);
        all
    }

    /// How many are open.
    pub fn len(&self) -> usize {
        self.parts.iter().map(|part| part.lock().len()).sum()
    }

    /// Whether none is open.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn part(&self, conversation: ConversationId) -> &Mutex<HashMap<ConversationId, H>> {
        &self.parts[usize::from(Shard::of_conversation(conversation).number()) % PARTS]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

    #[derive(Clone)]
    struct Handle(u8, Arc<AtomicBool>);

    impl OwnerHandle for Handle {
        fn is_closed(&self) -> bool {
            self.1.load(Relaxed)
        }
    }

    #[test]
    fn a_closed_handle_is_replaced_and_only_a_closed_one_forgotten() {
        let router = Router::default();
        let id = ConversationId::from_bytes([1; 16]);
        let first = router.get_or_open(id, || Handle(1, Arc::default()));
        assert_eq!(router.get_or_open(id, || Handle(2, Arc::default())).0, 1);
        router.forget(id);
        assert_eq!(router.len(), 1);
        first.1.store(true, Relaxed);
        assert!(router.open(id).is_none());
        assert_eq!(router.get_or_open(id, || Handle(3, Arc::default())).0, 3);
        router.forget(id);
        assert_eq!(router.open(id).map(|handle| handle.0), Some(3));
    }
}
