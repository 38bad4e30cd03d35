//! Message ids: 41 bits of milliseconds, 10 bits of node, 12 bits of counter.
//!
//! Pure: the time comes as an argument. Ids of one generator rise strictly, whatever the clock does, and stay
//! below a ceiling that the node has made durable, so that a restart with a clock that went back cannot repeat one.

use crate::id::MessageId;
use crate::time::Timestamp;

/// 2024-01-01T00:00:00Z, the zero of the 41 bits (good until 2093).
pub const EPOCH_MS: u64 = 1_704_067_200_000;

const NODE_BITS: u32 = 10;
const COUNTER_BITS: u32 = 12;
const COUNTER_MAX: u64 = (1 << COUNTER_BITS) - 1;

/// The number of a node in message ids: 0 to 1023, leased so that no two live nodes share one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeNumber(u16);

impl NodeNumber {
    /// Accepts 0 to 1023.
    pub fn new(number: u16) -> Option<Self> {
        (number < 1 << NODE_BITS).then_some(Self(number))
    }

    /// The number.
    pub fn get(self) -> u16 {
        self.0
    }
}

/// When a message was numbered, out of its id.
pub fn time_of(id: MessageId) -> Timestamp {
    Timestamp((id.0 >> (NODE_BITS + COUNTER_BITS)) + EPOCH_MS)
}

/// Gives out the ids of one node.
#[derive(Debug)]
pub struct Snowflake {
    node: NodeNumber,
    last_ms: u64,
    counter: u64,
    ceiling_ms: u64,
}

impl Snowflake {
    /// A generator whose ids are dated after `floor` (the last durable ceiling) and not before `ceiling` is raised.
    pub fn new(node: NodeNumber, floor: Timestamp) -> Self {
        let floor_ms = floor.0.saturating_sub(EPOCH_MS);
        Self { node, last_ms: floor_ms, counter: COUNTER_MAX, ceiling_ms: floor_ms }
    }

    /// Allows ids dated before `ceiling`, which is durable by now. Never lowers it.
    pub fn raise_ceiling(&mut self, ceiling: Timestamp) {
        self.ceiling_ms = self.ceiling_ms.max(ceiling.0.saturating_sub(EPOCH_MS));
    }

    /// The time of the last id, or the floor.
    pub fn last(&self) -> Timestamp {
        Timestamp(self.last_ms + EPOCH_MS)
    }

    /// The next id, above every earlier one and above `tail` (the conversation's last). `None`: the ceiling is reached.
    pub fn next(&mut self, now: Timestamp, tail: Option<MessageId>) -> Option<MessageId> {
        // A jump of the clock past the ceiling dates the id just below the ceiling instead of refusing it.
        let now_ms = now.0.saturating_sub(EPOCH_MS).min(self.ceiling_ms.saturating_sub(1));
        let tail_ms = tail.map_or(0, |id| (id.0 >> (NODE_BITS + COUNTER_BITS)) + 1);
        // A tail of our own that is not above the last id issued needs no new millisecond.
        let own_tail = tail.is_some_and(|id| id.0 <= self.join(self.last_ms, self.counter));
        let wanted = if own_tail { now_ms } else { now_ms.max(tail_ms) };
        let (mut ms, mut counter) =
            if wanted > self.last_ms { (wanted, 0) } else { (self.last_ms, self.counter + 1) };
        if counter > COUNTER_MAX {
            (ms, counter) = (ms + 1, 0);
        }
        if ms >= self.ceiling_ms {
            return None;
        }
        (self.last_ms, self.counter) = (ms, counter);
        Some(MessageId(self.join(ms, counter)))
    }

    fn join(&self, ms: u64, counter: u64) -> u64 {
        (ms << (NODE_BITS + COUNTER_BITS)) | (u64::from(self.node.0) << COUNTER_BITS) | counter
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(ms: u64) -> Timestamp {
        Timestamp(EPOCH_MS + ms)
    }

    #[test]
    fn an_id_carries_its_time() {
        let mut ids = Snowflake::new(NodeNumber::new(3).unwrap(), at(0));
        ids.raise_ceiling(at(10_000));
        assert_eq!(time_of(ids.next(at(500), None).unwrap()), at(500));
    }

    #[test]
    fn the_ceiling_stops_and_raising_it_goes_on() {
        let mut ids = Snowflake::new(NodeNumber::new(0).unwrap(), at(10));
        assert_eq!(ids.next(at(5), None), None);
        ids.raise_ceiling(at(12));
        let issued = std::iter::from_fn(|| ids.next(at(99), None)).count();
        assert_eq!(issued, 4096, "one millisecond's worth, the floor's own excluded");
        ids.raise_ceiling(at(13));
        assert_eq!(time_of(ids.next(at(5), None).unwrap()), at(12));
    }

    proptest! {
        #[test]
        fn ids_rise_whatever_the_clock_and_the_tails_do(steps in prop::collection::vec((0u64..100, prop::option::of(0u64..100)), 1..200)) {
            let mut ids = Snowflake::new(NodeNumber::new(7).unwrap(), at(1));
            ids.raise_ceiling(at(1_000_000));
            let mut last = None;
            for (now, foreign) in steps {
                let tail = foreign.map(|ms| MessageId(ms << 22 | 9 << 12 | 5));
                let id = ids.next(at(now), tail).unwrap();
                prop_assert!(last.is_none_or(|last| id > last));
                prop_assert!(tail.is_none_or(|tail| id > tail));
                last = Some(id);
            }
        }
    }
}
