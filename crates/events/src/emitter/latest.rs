//! News of which only the latest of each user and conversation counts: a bounded queue.

use std::collections::VecDeque;

use causerie_protocol::{ConversationId, UserId};
use causerie_store::model::Cursor;
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

use crate::record::Undelivered;

/// Of which user in which conversation.
pub(crate) type Of = (ConversationId, UserId);

/// What a later one replaces.
pub(crate) trait Cumulative {
    /// The later of two, in whichever order they came.
    #[must_use]
    fn later(self, other: Self) -> Self;
}

impl Cumulative for Cursor {
    fn later(self, other: Self) -> Self {
        self.max(other)
    }
}

impl Cumulative for Undelivered {
    fn later(self, other: Self) -> Self {
        if other.seq > self.seq { other } else { self }
    }
}

/// First come, first out, but what waits is replaced where it stands. When it is full, what comes of others is dropped
/// and counted.
#[derive(Debug)]
pub(crate) struct Latest<V> {
    order: VecDeque<Of>,
    values: HashMap<Of, V>,
    most: usize,
    dropped: u64,
}

impl<V: Cumulative + Clone> Latest<V> {
    pub(crate) fn new(most: usize) -> Self {
        Self { order: VecDeque::new(), values: HashMap::new(), most, dropped: 0 }
    }

    pub(crate) fn put(&mut self, of: Of, value: V) {
        let full = self.values.len() >= self.most;
        match self.values.entry(of) {
            Entry::Occupied(mut waits) => {
                let later = waits.get().clone().later(value);
                waits.insert(later);
            }
            Entry::Vacant(_) if full => self.dropped += 1,
            Entry::Vacant(free) => {
                self.order.push_back(free.key().clone());
                free.insert(value);
            }
        }
    }

    pub(crate) fn pop(&mut self) -> Option<(Of, V)> {
        let of = self.order.pop_front()?;
        self.values.remove_entry(&of)
    }

    pub(crate) fn first(&self) -> Option<(&Of, &V)> {
        self.values.get_key_value(self.order.front()?)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// How many were dropped since it was asked last.
    pub(crate) fn take_dropped(&mut self) -> u64 {
        std::mem::take(&mut self.dropped)
    }
}

#[cfg(test)]
mod tests {
    use causerie_protocol::Seq;

    use super::*;

    #[test]
    fn the_latest_wins_where_it_stands_and_a_full_queue_counts() {
        let of = |number| (ConversationId::from_bytes([number; 16]), UserId::new("bob").unwrap());
        let cursor = |delivered, read| Cursor { delivered: Seq(delivered), read: Seq(read) };
        let mut latest = Latest::new(2);
        latest.put(of(1), cursor(5, 1));
        latest.put(of(2), cursor(1, 1));
        latest.put(of(3), cursor(1, 1));
        latest.put(of(1), cursor(4, 3));
        assert_eq!((latest.take_dropped(), latest.take_dropped()), (1, 0));
        assert_eq!(latest.pop(), Some((of(1), cursor(5, 3))));
        assert_eq!(latest.first().map(|(of, _)| of.clone()), Some(of(2)));
        assert_eq!(latest.pop(), Some((of(2), cursor(1, 1))));
        assert!(latest.is_empty() && latest.pop().is_none());
    }
}
