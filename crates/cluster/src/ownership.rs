//! Do I own this? Asked by every conversation when it opens and before it appends.

use std::sync::Arc;

use causerie_store::Epoch;
use causerie_store::port::Store;

use crate::shard::Shard;

/// Which shards this node owns, and in which term.
pub trait Ownership: Send + Sync + 'static {
    /// The term in which this node owns the shard now; `None` when it does not.
    fn epoch(&self, shard: Shard) -> Option<Epoch>;
}

/// The embedded answer: one node owns everything, for as long as its store lets it.
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
    fn epoch(&self, _: Shard) -> Option<Epoch> {
        self.store.gate_open().then(|| self.store.grant().epoch)
    }
}
