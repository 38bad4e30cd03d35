//! Where a test can stop, break or starve the store. In production all of it does nothing.

use std::io;
use std::path::Path;

/// A moment in the life of a commit group, or of the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Nothing of the group is in a file.
    BeforeWrite,
    /// All of it is written and synced; nobody was told and no reader sees it.
    AfterSync,
    /// Idempotency keys are about to be written to a table, on a thread of its own.
    WriteKeys,
}

/// What the store asks at each step. It runs on the thread that takes the step and may block it.
pub trait Hooks: Send + Sync + 'static {
    /// Called at each step. An error counts as a failed write ([`Step::BeforeWrite`], [`Step::WriteKeys`]) or a failed
    /// sync ([`Step::AfterSync`]); each ends the store.
    ///
    /// # Errors
    /// Whatever the test wants to happen.
    fn at(&self, step: Step) -> io::Result<()>;

    /// The space that is left for the store, in bytes.
    ///
    /// # Errors
    /// When the file system does not say.
    fn available(&self, dir: &Path) -> io::Result<u64> {
        fs4::available_space(dir)
    }
}

/// The hooks of production.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoHooks;

impl Hooks for NoHooks {
    fn at(&self, _: Step) -> io::Result<()> {
        Ok(())
    }
}
