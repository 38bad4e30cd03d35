//! What this instance owns, as everybody in the store asks for it: the term of a shard, and the next write timestamp.

use std::sync::Arc;

use causerie_store::model::{Epoch, Shard};
use parking_lot::RwLock;
use tokio::time::Instant;

use crate::life::Life;
use crate::timestamp::Timestamps;

/// How many shards there are.
pub(crate) const SHARDS: usize = 4096;

/// One term of ownership of a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Term {
    /// The owner's term.
    pub(crate) epoch: Epoch,
    /// The last term that began with a crash of the owner before. A log whose tail was written in this term or a later
    /// one needs no repair when it is opened.
    pub(crate) crash_epoch: Epoch,
    /// The lowest write timestamp of this term; what earlier terms wrote is at least two below. A range deletion at
    /// `floor - 1` is above all of theirs and below all of this term's.
    pub(crate) floor: i64,
}

/// Why there is no timestamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoTimestamp {
    /// This instance does not own the shard, or not any more. Nothing may be written.
    #[error("this node does not own the conversation")]
    NotOwner,
    /// The durable ceiling is reached; it is being raised.
    #[error("the ceiling of write timestamps is not durable yet")]
    Exhausted,
}

/// The shards of this instance.
#[derive(Debug)]
pub(crate) struct Owned {
    shards: RwLock<Box<[Slot]>>,
    pub(crate) timestamps: Timestamps,
    life: Arc<Life>,
    /// Until when the lease holds, by this machine's monotonic clock.
    lease: RwLock<Option<Instant>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    term: Option<Term>,
    /// A write in it ended with an unknown outcome, so that it cannot be handed over as if all were known.
    doubtful: bool,
}

impl Owned {
    pub(crate) fn new(life: Arc<Life>) -> Self {
        let shards = RwLock::new(vec![Slot::default(); SHARDS].into_boxed_slice());
        Self { shards, timestamps: Timestamps::default(), life, lease: RwLock::new(None) }
    }

    /// The term in which this instance owns the shard; `None` when it does not.
    pub(crate) fn term(&self, shard: Shard) -> Option<Term> {
        if self.life.over().is_some() {
            return None;
        }
        self.shards.read()[usize::from(shard.number())].term
    }

    /// The next write timestamp for the shard: each is given once, within the term's bounds.
    pub(crate) fn timestamp(&self, shard: Shard) -> Result<i64, NoTimestamp> {
        self.term(shard).ok_or(NoTimestamp::NotOwner)?;
        self.timestamps.next().ok_or(NoTimestamp::Exhausted)
    }

    /// A write in this shard ended with an unknown outcome: whoever owns it next has to treat it as after a crash.
    pub(crate) fn doubt(&self, shard: Shard) {
        self.doubt_number(shard.number());
    }

    /// As [`doubt`](Self::doubt).
    pub(crate) fn doubt_number(&self, shard: u16) {
        self.shards.write()[usize::from(shard)].doubtful = true;
    }

    /// Whether the lease holds and nobody has taken over, as far as is known. It decides nothing that counts: the gate
    /// does.
    pub(crate) fn believes(&self) -> bool {
        self.life.over().is_none() && self.lease.read().is_some_and(|until| Instant::now() < until)
    }

    /// The lease was renewed.
    pub(crate) fn lease_until(&self, until: Instant) {
        *self.lease.write() = Some(until);
    }

    /// From now on this instance owns the shard.
    pub(crate) fn grant(&self, shard: u16, term: Term) {
        self.timestamps.start_at(term.floor);
        self.shards.write()[usize::from(shard)] = Slot { term: Some(term), doubtful: false };
    }

    /// Stops owning all of it, and says what can be handed over: shards without a doubt.
    pub(crate) fn drop_all(&self) -> Vec<(u16, Term)> {
        *self.lease.write() = None;
        let slots = std::mem::replace(&mut *self.shards.write(), vec![Slot::default(); SHARDS].into());
        let owned = (0u16..).zip(slots).filter(|(_, slot)| !slot.doubtful);
        owned.filter_map(|(shard, slot)| Some((shard, slot.term?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use causerie_protocol::ConversationId;

    use super::*;

    fn owned() -> (Arc<Life>, Owned) {
        let life = Arc::new(Life::new(Arc::new(|_| ())));
        (Arc::clone(&life), Owned::new(life))
    }

    const TERM: Term = Term { epoch: Epoch(3), crash_epoch: Epoch(2), floor: 100 };

    #[test]
    fn only_the_owner_writes_and_never_below_the_floor() {
        let (life, owned) = owned();
        let shard = Shard::of_conversation(ConversationId::from_bytes([0; 16]));
        assert_eq!(owned.timestamp(shard), Err(NoTimestamp::NotOwner));
        owned.grant(shard.number(), TERM);
        assert_eq!(owned.timestamp(shard), Err(NoTimestamp::Exhausted));
        owned.timestamps.raise(102);
        assert_eq!(owned.timestamp(shard), Ok(100));
        life.end("fenced");
        assert_eq!((owned.timestamp(shard), owned.term(shard)), (Err(NoTimestamp::NotOwner), None));
    }

    #[test]
    fn what_is_in_doubt_is_not_handed_over() {
        let (_, owned) = owned();
        let shard = Shard::of_conversation(ConversationId::from_bytes([0; 16]));
        owned.grant(shard.number(), TERM);
        owned.grant(7, TERM);
        owned.doubt(shard);
        assert_eq!(owned.drop_all(), [(7, TERM)]);
        assert_eq!(owned.term(shard), None);
    }
}
