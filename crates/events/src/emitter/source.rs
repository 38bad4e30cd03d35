//! What an emitter needs of a store.

use causerie_store::port::{Messages, Outbox, Ownership};

/// A store that is its own outbox.
pub trait Source: Messages + Outbox + Ownership {}

impl<T: Messages + Outbox + Ownership> Source for T {}
