//! The keys of the last entries, so that a new message need not be looked up.
//!
//! Fingerprints only: a hit is a reason to ask the store, never an answer. A miss is certain for every position above
//! [`floor`](Recent::floor), and below it for every id that is higher than all ids there: with ids that rise, as those of
//! version 7 do, that is every new message.

use std::collections::VecDeque;

use causerie_planted::{Bug, planted};
use causerie_protocol::{ClientMessageId, Seq, UserId};
use hashbrown::HashMap;
use xxhash_rust::xxh3::Xxh3;

/// The fingerprint of an idempotency key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Fingerprint(u64);

impl Fingerprint {
    pub(super) fn of(from: &UserId, client_message_id: ClientMessageId) -> Self {
        let mut hash = Xxh3::new();
        hash.update(client_message_id.as_bytes());
        hash.update(from.as_str().as_bytes());
        Self(hash.digest())
    }
}

/// The keys at the end of the log.
#[derive(Debug)]
pub(super) struct Recent {
    limit: usize,
    /// Everything above this position is here.
    floor: Seq,
    /// No id up to there is higher.
    highest: ClientMessageId,
    order: VecDeque<(Fingerprint, ClientMessageId)>,
    positions: HashMap<Fingerprint, Seq>,
}

impl Recent {
    /// Of a log of which positions up to `floor` are not known, but that no id is higher than `highest`.
    pub(super) fn new(limit: usize, floor: Seq, highest: Option<ClientMessageId>) -> Self {
        let highest = highest.unwrap_or(ClientMessageId::from_bytes([0; 16]));
        Self { limit, floor, highest, order: VecDeque::new(), positions: HashMap::new() }
    }

    /// Whether a position that is not known here may have this id.
    pub(super) fn may_be_older(&self, id: ClientMessageId) -> bool {
        self.floor() > Seq::ZERO && id <= self.highest
    }

    /// The position below which keys are not known here.
    pub(super) fn floor(&self) -> Seq {
        if planted(Bug::DedupeInMemory) { Seq::ZERO } else { self.floor }
    }

    /// Whether no key is known here.
    pub(super) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Where a key with this fingerprint stands, if among the last ones.
    pub(super) fn position(&self, fingerprint: Fingerprint) -> Option<Seq> {
        self.positions.get(&fingerprint).copied()
    }

    /// The next entry of the log has this key.
    pub(super) fn push(&mut self, seq: Seq, fingerprint: Fingerprint, id: ClientMessageId) {
        debug_assert_eq!(seq.0, self.floor.0 + self.order.len() as u64 + 1, "the log is dense");
        self.order.push_back((fingerprint, id));
        self.positions.insert(fingerprint, seq);
        if self.order.len() > self.limit
            && let Some((oldest, id)) = self.order.pop_front()
        {
            self.floor = self.floor.next();
            self.highest = self.highest.max(id);
            if self.positions.get(&oldest) == Some(&self.floor) {
                self.positions.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u128) -> ClientMessageId {
        ClientMessageId(uuid::Uuid::from_u128(n))
    }

    fn key(n: u128) -> Fingerprint {
        Fingerprint::of(&UserId::new("alice").unwrap(), id(n))
    }

    #[test]
    fn the_last_keys_are_known_and_older_ones_raise_the_floor() {
        let mut recent = Recent::new(2, Seq(10), Some(id(10)));
        for n in 11..=13u64 {
            recent.push(Seq(n), key(n.into()), id(n.into()));
        }
        assert_eq!([10, 11, 12].map(|n| recent.may_be_older(id(n))), [true, true, false]);
        assert_eq!(recent.floor(), Seq(11));
        assert_eq!([11, 12, 13].map(|n| recent.position(key(n))), [None, Some(Seq(12)), Some(Seq(13))]);
    }
}
