//! What the tables of ownership hold, as values.

use std::collections::BTreeSet;

use uuid::Uuid;

/// Shards of one bucket, which is a partition.
pub(crate) const BUCKET: u16 = 64;

/// Buckets of a cluster.
pub(crate) const BUCKETS: u16 = 64;

/// Who has a shard. The nil owner is nobody: it was handed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ShardRow {
    pub(crate) owner: Uuid,
    pub(crate) epoch: i64,
    pub(crate) crash_epoch: i64,
    pub(crate) floor: i64,
    /// Earlier owners that crashed and are not fenced for certain.
    pub(crate) unfenced: BTreeSet<Uuid>,
}

/// One life of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NodeRow {
    pub(crate) name: String,
    /// Dead is final.
    pub(crate) dead: bool,
    /// Rises with every renewal.
    pub(crate) lease: i64,
    /// All its write timestamps are below.
    pub(crate) ceiling: i64,
}

/// Who is in the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Roster {
    pub(crate) version: i64,
    pub(crate) members: BTreeSet<Uuid>,
    /// The level and the datacenter with which all of them read and write.
    pub(crate) reads: String,
}

/// A node number in message ids, and who has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NumberRow {
    pub(crate) id: u16,
    pub(crate) name: String,
    pub(crate) holder: Uuid,
    /// Milliseconds; ids that were given out are dated below.
    pub(crate) ceiling: i64,
}
