//! What waits for the committer.

use tokio::sync::oneshot;

use super::append;
use super::staging::{StageError, Staging};
use super::write::Write;
use crate::committed::PendingAppend;
use crate::model::Batch;
use crate::port::WriteError;
use crate::port::messages::AppendError;

/// An append or another write, and whom to tell.
pub(super) enum Work {
    Append(PendingAppend),
    Write(Write, oneshot::Sender<Result<(), WriteError>>),
}

impl Work {
    /// The batch of an append.
    pub(super) fn batch(&self) -> Option<&Batch> {
        match self {
            Self::Append(append) => Some(append.batch()),
            Self::Write(..) => None,
        }
    }

    /// Why it can never be written, whatever the state is.
    pub(super) fn malformed(&self) -> Option<String> {
        match self {
            Self::Append(append) => append.batch().check().err().map(|error| error.to_string()),
            Self::Write(..) => None,
        }
    }

    /// Puts it into a group.
    pub(super) fn stage(&self, group: &mut Staging<'_>) -> Result<(), StageError> {
        match self {
            Self::Append(append) => append::stage(append.batch(), group),
            Self::Write(write, _) => write.stage(group),
        }
    }

    /// How many entries it adds.
    pub(super) fn entries(&self) -> usize {
        match self {
            Self::Append(append) => append.batch().entries.len(),
            Self::Write(..) => 0,
        }
    }

    /// About how many rows it writes, and how many bytes of content.
    pub(super) fn size(&self) -> (usize, usize) {
        match self {
            Self::Append(append) => {
                let batch = append.batch();
                let bytes = batch.entries.iter().map(|entry| entry.body.as_json().len()).sum();
                (2 * batch.projections.len() + 2, bytes)
            }
            Self::Write(..) => (2, 0),
        }
    }

    /// It is durable.
    pub(super) fn done(self) {
        match self {
            Self::Append(append) => append.committed(),
            Self::Write(_, reply) => drop(reply.send(Ok(()))),
        }
    }

    /// Nothing of it was written.
    pub(super) fn refuse(self, reason: String) {
        match self {
            Self::Append(append) => append.failed(AppendError::Refused(reason)),
            Self::Write(_, reply) => drop(reply.send(Err(WriteError::Refused(reason)))),
        }
    }

    /// Nothing of it was written, since the keys of these entries are in the log.
    pub(super) fn exists(self, entries: Vec<usize>) {
        if let Self::Append(append) = self {
            append.failed(AppendError::Exists(entries));
        }
    }

    /// It may be written or not.
    pub(super) fn unknown(self, reason: String) {
        match self {
            Self::Append(append) => append.failed(AppendError::Unknown(reason)),
            Self::Write(_, reply) => drop(reply.send(Err(WriteError::Unknown(reason)))),
        }
    }
}
