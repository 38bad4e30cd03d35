//! The type that carries the promise.

use std::fmt;

use crate::model::Batch;
use crate::port::messages::AppendError;

/// A batch that is durable, and whose owner was still the owner when it became so.
///
/// Acknowledgement, fan-out and emission take this and nothing else, so that telling anybody of something that may be
/// lost does not compile.
#[derive(Debug)]
pub struct Committed(Batch);

impl Committed {
    /// What was committed.
    pub fn batch(&self) -> &Batch {
        &self.0
    }
}

/// What a store answers to an append.
pub type AppendResult = Result<Committed, (Batch, AppendError)>;

/// A batch on its way into a store. It is answered exactly once, from any thread.
///
/// A store that drops it answers [`AppendError::Unknown`], so that nobody waits for ever.
pub struct PendingAppend(Option<(Batch, Reply)>);

/// Told exactly once.
type Reply = Box<dyn FnOnce(AppendResult) + Send>;

impl PendingAppend {
    /// A batch and whom to tell. `reply` must not block.
    pub fn new(batch: Batch, reply: impl FnOnce(AppendResult) + Send + 'static) -> Self {
        Self(Some((batch, Box::new(reply))))
    }

    /// What is to be written.
    pub fn batch(&self) -> &Batch {
        &self.0.as_ref().expect("taken only by the two ways to answer, which consume self").0
    }

    /// For a store to call when, and only when, the batch is durable and the fence gate was open *after* it was.
    pub fn committed(mut self) {
        if let Some((batch, reply)) = self.0.take() {
            reply(Ok(Committed(batch)));
        }
    }

    /// The batch was not written, or its outcome is unknown, as the error says.
    pub fn failed(mut self, error: AppendError) {
        if let Some((batch, reply)) = self.0.take() {
            reply(Err((batch, error)));
        }
    }
}

impl Drop for PendingAppend {
    fn drop(&mut self) {
        if let Some((batch, reply)) = self.0.take() {
            reply(Err((batch, AppendError::Unknown("the store went away".to_owned()))));
        }
    }
}

impl fmt::Debug for PendingAppend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PendingAppend").field(&self.0.as_ref().map(|(batch, _)| batch)).finish()
    }
}
