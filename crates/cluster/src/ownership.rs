//! Do I own this? Asked by every conversation when it opens and before it appends.

use std::sync::Arc;

use causerie_store::Epoch;
use causerie_store::port::Store;

use crate::Shard;

/// Which shards this node owns, and in which term.
pub trait Ownership: Send + Sync + 'static {
    /// The term in which this node owns the shard now; `None` when it does not.
    fn epoch(&self, shard: Shard) -> Option<Epoch>;
}

/// The answer of a single node: what its store was granted, for as long as the store lets it.
#[derive(Clone)]
pub struct SoleOwner {
    store: Arc<dyn Store>,
}

impl SoleOwner {
    /// The owner of all that is in this store.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }
}

impl Ownership for SoleOwner {
    fn epoch(&self, shard: Shard) -> Option<Epoch> {
        self.store.epoch(shard)
    }
}
