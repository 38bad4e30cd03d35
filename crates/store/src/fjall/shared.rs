//! What the committer publishes and everybody reads.

use std::sync::{Arc, OnceLock};

use parking_lot::RwLock;
use tokio::sync::watch;

use super::ahead::Ahead;
use super::key_index::KeyIndex;
use super::lock::DirLock;
use super::metrics::StoreMetrics;
use super::spaces::Spaces;
use super::view::View;

/// The open store, as its threads share it.
pub(super) struct Shared {
    pub(super) spaces: Arc<Spaces>,
    pub(super) metrics: StoreMetrics,
    pub(super) keys: KeyIndex,
    pub(super) ahead: Ahead,
    /// The position of the last durable event.
    pub(super) last_event: watch::Sender<u64>,
    published: RwLock<View>,
    fatal: OnceLock<String>,
    /// Last, so that it is given back when the database is closed.
    _lock: DirLock,
}

impl Shared {
    pub(super) fn new(
        spaces: Arc<Spaces>,
        keys: KeyIndex,
        ahead: Ahead,
        last_event: u64,
        lock: DirLock,
    ) -> Self {
        let published = RwLock::new(View::now(Arc::clone(&spaces)));
        let (last_event, _) = watch::channel(last_event);
        let metrics = StoreMetrics::default();
        Self { spaces, metrics, keys, ahead, last_event, published, fatal: OnceLock::new(), _lock: lock }
    }

    /// What is durable.
    pub(super) fn view(&self) -> View {
        self.published.read().clone()
    }

    /// Shows readers all that is in the database, which must be synced.
    pub(super) fn publish(&self, last_event: u64) {
        *self.published.write() = View::now(Arc::clone(&self.spaces));
        self.last_event.send_if_modified(|last| std::mem::replace(last, last_event) != last_event);
    }

    /// Why nothing is written any more, if it is so.
    pub(super) fn fatal(&self) -> Option<&str> {
        self.fatal.get().map(String::as_str)
    }

    /// Ends all writing. `true` for the first reason only.
    pub(super) fn set_fatal(&self, reason: &str) -> bool {
        self.fatal.set(reason.to_owned()).is_ok()
    }
}
