//! What every part of the store shares.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::gate::Gate;
use crate::life::Life;
use crate::owned::Owned;
use crate::session::Cql;

/// The session, the gate and what is owned.
#[derive(Debug)]
pub(crate) struct Base {
    pub(crate) cql: Arc<Cql>,
    pub(crate) gate: Gate,
    pub(crate) owned: Arc<Owned>,
    pub(crate) life: Arc<Life>,
    /// Every task of the store is spawned here; closing waits for all of them.
    pub(crate) tasks: TaskTracker,
    /// Where they run: whoever appends need not be in a runtime.
    pub(crate) runtime: Handle,
    /// Cancelled when the store closes: work that has begun is brought to an end, none is begun.
    pub(crate) stop: CancellationToken,
}
