//! Where a test can stop an append. In production all of it does nothing.

use causerie_store::port::Answer;

/// A moment in the life of an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Its entries are on a majority of replicas; the fence was not asked, and nobody was told.
    Written,
    /// The fence was open; what follows from it is not in the tables.
    Gated,
    /// What follows from it is in the tables; nobody was told.
    Applied,
}

/// What the store asks at each step of each append.
pub trait Hooks: Send + Sync + 'static {
    /// What the append waits for before it goes on; `None`: it goes on.
    fn at(&self, step: Step) -> Option<Answer<()>>;
}

/// The hooks of production.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoHooks;

impl Hooks for NoHooks {
    fn at(&self, _: Step) -> Option<Answer<()>> {
        None
    }
}
