//! What stands in the columns, as values of the model.

use causerie_protocol::{ConversationId, DeviceId, Seq, UserId};
use causerie_store::model::{ConversationRow, Cursor, MemberRow};
use causerie_store::port::ReadError;

use crate::codec::{Cell, ConversationRecord, Damaged, MemberRecord, unseal};
use crate::projections::member_key;

/// A position; negative ones were never written and count as none.
pub(super) fn seq(position: i64) -> Seq {
    Seq(u64::try_from(position).unwrap_or_default())
}

/// What a conversation is.
pub(super) fn row(conversation: ConversationId, cell: &[u8]) -> Result<ConversationRow, ReadError> {
    let key = conversation.as_bytes();
    let record: ConversationRecord<'_> = unseal(Cell::Conversation, key, cell)?;
    Ok(record
        .value()
        .ok_or_else(|| Damaged::new(Cell::Conversation, key, "nothing that was ever written"))?)
}

/// A membership.
pub(super) fn member(
    conversation: ConversationId,
    user: &UserId,
    cell: Option<&[u8]>,
) -> Result<MemberRow, ReadError> {
    let key = member_key(conversation, user);
    let cell = cell.ok_or_else(|| Damaged::new(Cell::Member, &key, "not there"))?;
    let record: MemberRecord = unseal(Cell::Member, &key, cell)?;
    Ok(record.value().ok_or_else(|| Damaged::new(Cell::Member, &key, "nothing that was ever written"))?)
}

/// A user's id.
pub(crate) fn user(name: &str) -> Result<UserId, ReadError> {
    UserId::new(name)
        .map_err(|_| ReadError::Corrupt(format!("a row of user {name:?}, which no user is called")))
}

/// A device's id.
pub(super) fn device(name: &str) -> Result<DeviceId, ReadError> {
    DeviceId::new(name)
        .map_err(|_| ReadError::Corrupt(format!("a row of device {name:?}, which no device is called")))
}

/// The positions of one user in one conversation, or of one of its devices: of the highest generation, the highest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Positions {
    generation: i64,
    cursor: Cursor,
}

impl Positions {
    /// One more row.
    pub(super) fn add(&mut self, generation: i64, delivered: Option<i64>, read: Option<i64>) {
        if generation > self.generation {
            *self = Self { generation, cursor: Cursor::default() };
        }
        if generation == self.generation {
            let position = |cell: Option<i64>| seq(cell.unwrap_or_default());
            self.cursor = self.cursor.max(Cursor { delivered: position(delivered), read: position(read) });
        }
    }

    /// What they come to.
    pub(super) fn cursor(self) -> Cursor {
        self.cursor
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_the_highest_generation_the_highest_counts() {
        let mut positions = Positions::default();
        for (generation, delivered, read) in
            [(0, Some(9), Some(9)), (7, Some(2), None), (3, Some(8), Some(8)), (7, Some(1), Some(1))]
        {
            positions.add(generation, delivered, read);
        }
        assert_eq!(positions.cursor(), Cursor { delivered: Seq(2), read: Seq(1) });
        positions.add(7, None, Some(5));
        assert_eq!(positions.cursor(), Cursor { delivered: Seq(5), read: Seq(5) });
        // The mark of a new generation has no positions.
        positions.add(8, None, None);
        assert_eq!(positions.cursor(), Cursor::default());
    }
}
