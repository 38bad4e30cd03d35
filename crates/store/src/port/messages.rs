//! The log of each conversation.

use causerie_protocol::{Body, ClientMessageId, ConversationId, Seq, UserId};

use super::{Answer, ReadError, WriteError};
use crate::committed::PendingAppend;
use crate::model::Entry;

/// Why an append did not end in [`Committed`](crate::Committed).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// Nothing was written, and nothing will be: the disk is full, or the batch is malformed.
    #[error("not stored: {0}")]
    Refused(String),
    /// It may be in the log, or not. Only the identical batch may be tried again at these positions.
    #[error("it is not known whether it was stored: {0}")]
    Unknown(String),
    /// Nothing was written, and nothing will be: the log has the keys of these entries of the batch already, at other
    /// positions. Only for a batch with [`check_keys`](crate::Batch::check_keys).
    #[error("the log has the keys of {} of its entries already", .0.len())]
    Exists(Vec<usize>),
}

/// How much to read at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadLimit {
    /// Entries.
    pub items: usize,
    /// Bytes of bodies; the first entry is returned whatever its size.
    pub bytes: usize,
}

/// Append, and read what was appended.
pub trait Messages: Send + Sync + 'static {
    /// Makes a batch durable, with its projections and its events, in one atomic step.
    ///
    /// Where the tables that follow from a log are kept apart from it, the step is that of the log, which brings the
    /// projections: they are applied before `append` is answered, and after a crash before the conversation is loaded.
    ///
    /// Returns at once; `append` is answered when the batch is durable. The caller has at most one batch of a
    /// conversation under way. Batches of many conversations share one sync of the disk. Of a batch with
    /// [`check_keys`](crate::Batch::check_keys) nothing is written if the log has a key of it at another position.
    fn append(&self, append: PendingAppend);

    /// Entries from `first` to `last` inclusive, rising; fewer where the limit or the log ends it.
    fn read(
        &self,
        conversation: ConversationId,
        first: Seq,
        last: Seq,
        limit: ReadLimit,
    ) -> Answer<Result<Vec<Entry>, ReadError>>;

    /// Entries up to `last` inclusive and not below `first`, rising: the *last* ones that the limit allows.
    fn read_back(
        &self,
        conversation: ConversationId,
        first: Seq,
        last: Seq,
        limit: ReadLimit,
    ) -> Answer<Result<Vec<Entry>, ReadError>>;

    /// The last entry of each conversation, in the order asked for.
    fn heads(&self, conversations: Vec<ConversationId>) -> Answer<Result<Vec<Option<Entry>>, ReadError>>;

    /// The entries that these keys have, in the order asked for, however old they are.
    fn find(
        &self,
        conversation: ConversationId,
        keys: Vec<(UserId, ClientMessageId)>,
    ) -> Answer<Result<Vec<Option<Entry>>, ReadError>>;

    /// The highest client message id in a log, as bytes compare: a higher one is certainly new to it. `None` for an empty
    /// log.
    fn highest_key(&self, conversation: ConversationId)
    -> Answer<Result<Option<ClientMessageId>, ReadError>>;

    /// Overwrites bodies in place (erasure): the one change of a log. Positions that do not exist are passed over.
    fn replace_bodies(
        &self,
        conversation: ConversationId,
        bodies: Vec<(Seq, Body)>,
    ) -> Answer<Result<(), WriteError>>;
}
