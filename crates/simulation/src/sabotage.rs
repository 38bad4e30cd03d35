//! Where a test may break the world, to see that the judge notices.

use std::sync::Arc;

use causerie_store::Store;

/// What a test breaks. The defaults break nothing.
pub trait Sabotage: Send + Sync + 'static {
    /// The store as the node gets it; called in each life of the node.
    fn store(&self, store: Arc<dyn Store>) -> Arc<dyn Store> {
        store
    }

    /// Whether a frame from the node reaches its client.
    fn delivers(&self, frame: &str) -> bool {
        let _ = frame;
        true
    }
}

/// Breaks nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Honest;

impl Sabotage for Honest {}
