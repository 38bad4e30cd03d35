//! The cell of one entry of a log.
//!
//! Beside the entry it carries what the end of a log must tell by itself, so that a log can be opened with one read of
//! its last rows: the highest client message id so far, and where the entry stands that last changed the tables that
//! follow from the log.

use bincode::{BorrowDecode, Encode};
use causerie_protocol::{ClientMessageId, ConversationId, Seq};
use causerie_store::Entry;
use causerie_store::model::Projection;

use super::records::{EntryRecord, ProjectionRecord};
use super::{Cell, Damaged, TooLarge, seal, unseal};

/// An entry as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    /// The entry.
    pub(crate) entry: Entry,
    /// The highest client message id of the log up to and including this entry.
    pub(crate) highest: ClientMessageId,
    /// The last entry *before* this one that has projections; 0 when there is none.
    pub(crate) projected_before: Seq,
    /// What follows from the batch of which this entry is the last.
    pub(crate) projections: Vec<Projection>,
}

impl Stored {
    /// The last entry up to and including this one that has projections; 0 when there is none.
    pub(crate) fn projected(&self) -> Seq {
        if self.projections.is_empty() { self.projected_before } else { self.entry.seq }
    }
}

#[derive(Encode, BorrowDecode)]
struct MessageRecord<'a> {
    entry: EntryRecord<'a>,
    highest: [u8; 16],
    projected_before: u64,
    projections: Vec<ProjectionRecord<'a>>,
}

fn key(conversation: ConversationId, seq: Seq) -> [u8; 24] {
    let mut key = [0; 24];
    key[..16].copy_from_slice(conversation.as_bytes());
    key[16..].copy_from_slice(&seq.0.to_be_bytes());
    key
}

/// The cell of an entry.
///
/// # Errors
/// [`TooLarge`]: it must not be written.
pub(crate) fn seal_message(conversation: ConversationId, stored: &Stored) -> Result<Vec<u8>, TooLarge> {
    let record = MessageRecord {
        entry: EntryRecord::of(&stored.entry),
        highest: *stored.highest.as_bytes(),
        projected_before: stored.projected_before.0,
        projections: stored.projections.iter().map(ProjectionRecord::of).collect(),
    };
    seal(Cell::Message, &key(conversation, stored.entry.seq), &record)
}

/// The entry whose cell was read at a position.
///
/// # Errors
/// [`Damaged`]: it is not what was written there.
pub(crate) fn open_message(conversation: ConversationId, seq: Seq, bytes: &[u8]) -> Result<Stored, Damaged> {
    let key = key(conversation, seq);
    let record: MessageRecord<'_> = unseal(Cell::Message, &key, bytes)?;
    let unknown = || Damaged::new(Cell::Message, &key, "nothing that was ever written");
    let projections = record.projections.into_iter().map(ProjectionRecord::value);
    Ok(Stored {
        entry: record.entry.value(seq).ok_or_else(unknown)?,
        highest: ClientMessageId::from_bytes(record.highest),
        projected_before: Seq(record.projected_before),
        projections: projections.collect::<Option<_>>().ok_or_else(unknown)?,
    })
}

#[cfg(test)]
mod tests {
    use causerie_protocol::frame::down::Role;
    use causerie_store::contract::sample::{client_id, conversation, direct, entry, group, member, user};

    use super::*;

    fn stored() -> Stored {
        let projections = vec![
            Projection::Conversation(group(3)),
            Projection::Conversation(direct()),
            Projection::Member(user("Zoë"), member(Role::Admin, 7)),
            Projection::Removed(user("bob")),
        ];
        Stored { entry: entry(7), highest: client_id(9), projected_before: Seq(3), projections }
    }

    #[test]
    fn an_entry_is_read_as_it_was_written_and_only_where_it_stands() {
        let id = conversation(1);
        let bytes = seal_message(id, &stored()).unwrap();
        assert_eq!(open_message(id, Seq(7), &bytes).unwrap(), stored());
        assert!(open_message(id, Seq(8), &bytes).is_err());
        assert!(open_message(conversation(2), Seq(7), &bytes).is_err());
    }

    #[test]
    fn the_bytes_of_version_1_are_frozen() {
        let bytes = seal_message(conversation(1), &stored()).unwrap();
        assert_eq!((bytes[0], bytes.len(), crc32c::crc32c(&bytes)), (1, 281, 2_725_100_668));
    }

    #[test]
    fn the_last_change_of_the_tables_is_told() {
        assert_eq!(stored().projected(), Seq(7));
        assert_eq!(Stored { projections: Vec::new(), ..stored() }.projected(), Seq(3));
    }
}
