//! Who may append: one process at a time.

use causerie_protocol::Timestamp;
use causerie_protocol::snowflake::NodeNumber;

use super::{Answer, WriteError};
use crate::model::{Epoch, Shard};

/// What an opened store grants to the node that opened it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The node's number in message ids.
    pub node: NodeNumber,
    /// The last durable ceiling: new ids are dated from here on, whatever the clock says.
    pub id_floor: Timestamp,
}

/// Ownership of shards and of the node number.
///
/// Embedded: one node owns all shards, a lock on the data directory keeps a second process out, and the gate is open
/// as long as the process lives, because nobody else can take over.
pub trait Ownership: Send + Sync + 'static {
    /// What this node was granted when the store was opened.
    fn grant(&self) -> Grant;

    /// The term in which this node owns a shard now; `None` when it does not, or when the gate is shut.
    fn epoch(&self, shard: Shard) -> Option<Epoch>;

    /// Whether what was committed by now may be told: the fence gate.
    fn gate_open(&self) -> bool;

    /// Makes a higher ceiling for message ids durable. Ids below it may be given out once this is answered.
    fn raise_id_ceiling(&self, ceiling: Timestamp) -> Answer<Result<(), WriteError>>;
}
