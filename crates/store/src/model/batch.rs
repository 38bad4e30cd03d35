//! What is appended in one step.

use causerie_protocol::{ConversationId, UserId};

use super::{ConversationRow, Entry, MemberRow};

/// The term of an owner: rises whenever a shard changes hands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u64);

/// A change of the tables that follow from the log, made in the same atomic step as its entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Projection {
    /// The conversation is this from now on.
    Conversation(ConversationRow),
    /// This user is a member from now on, or a member with another role.
    Member(UserId, MemberRow),
    /// This user is none any more; what it may still read ends before, and its cursors are forgotten.
    Removed(UserId),
}

/// Entries of one conversation with consecutive positions, and what follows from them. All of it or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Whose log.
    pub conversation: ConversationId,
    /// The owner's term.
    pub epoch: Epoch,
    /// The entries, rising by one; empty when a direct conversation begins with no message.
    pub entries: Vec<Entry>,
    /// The tables that change with them.
    pub projections: Vec<Projection>,
    /// Whether the log may have the keys of the entries already, as far as its owner knows: then the store looks before
    /// it writes, and refuses the batch if it has one.
    pub check_keys: bool,
}

/// A batch that no store may take. Nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// The positions do not rise by one.
    #[error("the positions of a batch rise by one, these do not")]
    NotDense,
    /// More than [`Batch::MAX_ENTRIES`].
    #[error("a batch has at most {max} entries, this one {entries}", max = Batch::MAX_ENTRIES)]
    TooMany {
        /// How many it has.
        entries: usize,
    },
}

impl Batch {
    /// The most entries of one batch.
    pub const MAX_ENTRIES: usize = 64;

    /// The content of the entries at which a batch is full; the first entry always fits.
    pub const MAX_BYTES: usize = 64 * 1024;

    /// Checks what every store relies on.
    ///
    /// # Errors
    /// [`BatchError`] says what is wrong with it.
    pub fn check(&self) -> Result<(), BatchError> {
        if self.entries.len() > Self::MAX_ENTRIES {
            return Err(BatchError::TooMany { entries: self.entries.len() });
        }
        let dense = self.entries.windows(2).all(|pair| pair[0].seq.next() == pair[1].seq);
        if dense { Ok(()) } else { Err(BatchError::NotDense) }
    }
}
