//! What is durable, as a reader sees it.

use std::error::Error;
use std::io;
use std::ops::Bound;
use std::sync::Arc;

use fjall::{Iter, Readable, Snapshot, UserValue};

use super::codec::{self, Damaged};
use super::records::Value;
use super::spaces::{Space, Spaces};
use crate::port::ReadError;

/// The spaces as of the last synced group. Cheap to make; later groups do not show in it.
#[derive(Clone)]
pub(super) struct View {
    spaces: Arc<Spaces>,
    snapshot: Snapshot,
}

/// A row: key and value.
pub(super) type Row = Result<(UserValue, UserValue), ReadError>;

impl View {
    /// What is in the database now. Only the committer may call it, since it alone knows that all of it is synced.
    pub(super) fn now(spaces: Arc<Spaces>) -> Self {
        let snapshot = spaces.database.snapshot();
        Self { spaces, snapshot }
    }

    /// The bytes of one record.
    pub(super) fn get(&self, space: Space, key: &[u8]) -> Result<Option<UserValue>, ReadError> {
        self.snapshot.get(self.spaces.of(space), key).map_err(|error| engine(space, &error))
    }

    /// One value of the state.
    pub(super) fn value<V: Value>(&self, key: &[u8]) -> Result<Option<V>, ReadError> {
        self.get(Space::State, key)?.map(|bytes| value_of(key, &bytes)).transpose()
    }

    /// The rows from `first` to `last`, both included, in either direction.
    pub(super) fn range(
        &self,
        space: Space,
        first: &[u8],
        last: &[u8],
    ) -> impl DoubleEndedIterator<Item = Row> + use<> {
        let bounds = (Bound::Included(first), Bound::Included(last));
        rows(space, self.snapshot.range::<&[u8], _>(self.spaces.of(space), bounds))
    }

    /// The rows of the state whose keys begin with `prefix`.
    pub(super) fn prefix(&self, prefix: &[u8]) -> impl DoubleEndedIterator<Item = Row> + use<> {
        rows(Space::State, self.snapshot.prefix(self.spaces.of(Space::State), prefix))
    }

    /// The last row of a space.
    pub(super) fn last(&self, space: Space) -> Option<Row> {
        rows(space, self.snapshot.iter(self.spaces.of(space))).next_back()
    }
}

/// A value of the state, from its bytes.
pub(super) fn value_of<V: Value>(key: &[u8], bytes: &[u8]) -> Result<V, ReadError> {
    let record = codec::unseal(Space::State, key, bytes)?;
    V::value(record).ok_or_else(|| unknown(Space::State, key))
}

/// A record whose checksum is right, but which is nothing that was ever written.
pub(super) fn unknown(space: Space, key: &[u8]) -> ReadError {
    Damaged::new(space, key, "holds what was never written").into()
}

fn rows(space: Space, rows: Iter) -> impl DoubleEndedIterator<Item = Row> {
    rows.map(move |row| row.into_inner().map_err(|error| engine(space, &error)))
}

/// What the engine could not read: a disk that does not answer, or files that are not what it wrote.
pub(super) fn engine(space: Space, error: &fjall::Error) -> ReadError {
    let text = format!("{}: {error}", space.name());
    let sources = std::iter::successors(Some(error as &(dyn Error + 'static)), |error| (*error).source());
    let io = sources.into_iter().find_map(|error| error.downcast_ref::<io::Error>());
    match io.map(io::Error::kind) {
        None | Some(io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData | io::ErrorKind::NotFound) => {
            ReadError::Corrupt(text)
        }
        Some(_) => ReadError::Unavailable(text),
    }
}
