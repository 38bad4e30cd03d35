//! The four key spaces, each an LSM tree of fjall.
//!
//! Few, because a journal lives until every space has flushed what it holds: a space that is seldom written would keep
//! old journals, and make starting slow. Everything that is small and overwritten shares [`Space::State`].

use fjall::{Database, Keyspace, KeyspaceCreateOptions};

use super::config::FjallConfig;

/// One of the key spaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Space {
    /// The logs: `conversation | seq`.
    Messages,
    /// Where a client's message is: `conversation | client message id | sender`.
    Keys,
    /// The event log: `position`, one row for the entries of a batch and one for a receipt.
    Events,
    /// Conversations, members, cursors, users and the store's own facts; see [`keys`](super::keys).
    State,
}

impl Space {
    /// Its name on disk and in errors.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::Keys => "keys",
            Self::Events => "events",
            Self::State => "state",
        }
    }

    /// Its byte in checksums.
    pub(super) fn tag(self) -> u8 {
        match self {
            Self::Messages => 1,
            Self::Keys => 2,
            Self::Events => 3,
            Self::State => 4,
        }
    }
}

/// The opened spaces.
pub(super) struct Spaces {
    /// The database that they are in.
    pub(super) database: Database,
    messages: Keyspace,
    keys: Keyspace,
    events: Keyspace,
    state: Keyspace,
}

impl Spaces {
    /// Opens them, and makes those that are not there.
    pub(super) fn open(database: Database, config: &FjallConfig) -> fjall::Result<Self> {
        let open = |space: Space, memtable_bytes| {
            database
                .keyspace(space.name(), || KeyspaceCreateOptions::default().max_memtable_size(memtable_bytes))
        };
        Ok(Self {
            messages: open(Space::Messages, config.memtable_bytes)?,
            keys: open(Space::Keys, config.memtable_bytes / 4)?,
            events: open(Space::Events, config.memtable_bytes / 8)?,
            state: open(Space::State, config.memtable_bytes / 4)?,
            database,
        })
    }

    /// The handle of one.
    pub(super) fn of(&self, space: Space) -> &Keyspace {
        match space {
            Space::Messages => &self.messages,
            Space::Keys => &self.keys,
            Space::Events => &self.events,
            Space::State => &self.state,
        }
    }
}
