//! Where entries stand, as arithmetic: pages, rows, and how a batch becomes rows.

use causerie_protocol::{ClientMessageId, ConversationId, Seq, UserId};
use causerie_store::model::Projection;
use causerie_store::{Batch, Entry};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::tail::Tail;
use crate::codec::{self, Cell, Damaged, Stored, TooLarge};

/// Positions of one partition.
pub(crate) const PAGE: u64 = 4096;

/// The last position that can be written: pages are numbered in 31 bits.
const LAST: u64 = PAGE * (i32::MAX as u64) + PAGE - 1;

/// `kind` of an entry's row.
pub(super) const ENTRY: i8 = 0;

/// `kind` of an idempotency row.
pub(super) const KEY: i8 = 1;

/// `cmid` of every entry's row, so that one position is one row for ever.
pub(super) const NO_KEY: Uuid = Uuid::nil();

/// The page of a position.
pub(super) fn page_of(seq: Seq) -> i32 {
    i32::try_from(seq.0 / PAGE).unwrap_or(i32::MAX)
}

/// The first and the last position of a page.
pub(super) fn bounds(page: i32) -> (Seq, Seq) {
    let first = u64::try_from(page).unwrap_or_default() * PAGE;
    (Seq(first), Seq(first + PAGE - 1))
}

/// A position as the database has it.
pub(super) fn bigint(seq: Seq) -> i64 {
    i64::try_from(seq.0).unwrap_or(i64::MAX)
}

/// A position that came from the database.
pub(super) fn seq(bigint: i64) -> Seq {
    Seq(u64::try_from(bigint).unwrap_or_default())
}

/// The stretches of `first..=last` that stand in one partition each, rising.
pub(super) fn stretches(first: Seq, last: Seq) -> impl DoubleEndedIterator<Item = (i32, Seq, Seq)> {
    let last = last.min(Seq(LAST));
    let pages = if first <= last { page_of(first)..page_of(last) + 1 } else { 0..0 };
    pages.map(move |page| {
        let (begin, end) = bounds(page);
        (page, begin.max(first), end.min(last))
    })
}

/// The id under which an idempotency key stands. Nobody can make another key that has the same one.
pub(super) fn key_id(sender: &UserId, client_message_id: ClientMessageId) -> Uuid {
    let mut hash = Sha256::new();
    hash.update(client_message_id.as_bytes());
    hash.update(sender.as_str().as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.finalize()[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

fn key_cell_key(conversation: ConversationId, key: Uuid) -> [u8; 32] {
    let mut place = [0; 32];
    place[..16].copy_from_slice(conversation.as_bytes());
    place[16..].copy_from_slice(key.as_bytes());
    place
}

fn seal_key(conversation: ConversationId, key: Uuid, seq: Seq) -> Result<Vec<u8>, TooLarge> {
    codec::seal(Cell::Key, &key_cell_key(conversation, key), &seq.0)
}

/// The position that an idempotency row names. Only a hint: the entry there has to have the key.
pub(super) fn open_key(conversation: ConversationId, key: Uuid, bytes: &[u8]) -> Result<Seq, Damaged> {
    codec::unseal::<u64>(Cell::Key, &key_cell_key(conversation, key), bytes).map(Seq)
}

/// One row of `messages`, without what all rows of its batch share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) kind: i8,
    pub(super) seq: Seq,
    pub(super) cmid: Uuid,
    pub(super) body: Vec<u8>,
}

/// The rows of one partition, to be written together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) page: i32,
    pub(super) rows: Vec<Row>,
}

/// Why a batch has no rows. Nothing of it may be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unwritable {
    /// A cell could not be read again.
    #[error("an entry with what follows from it is {0}")]
    TooLarge(#[from] TooLarge),
    /// The conversation is full.
    #[error("a log ends at position {LAST}")]
    Full,
}

/// Both rows of an entry.
pub(super) fn both_rows(
    conversation: ConversationId,
    entry: &Entry,
    body: Vec<u8>,
) -> Result<[Row; 2], TooLarge> {
    let key = key_id(&entry.from, entry.client_message_id);
    let seal = seal_key(conversation, key, entry.seq)?;
    let message = Row { kind: ENTRY, seq: entry.seq, cmid: NO_KEY, body };
    Ok([message, Row { kind: KEY, seq: Seq(0), cmid: key, body: seal }])
}

/// The rows of the entries of a batch from `skip` on, which follow the tail, by partition; and the tail after them.
/// The last entry carries the projections of the batch.
pub(super) fn rows_of(batch: &Batch, skip: usize, tail: &Tail) -> Result<(Vec<Part>, Tail), Unwritable> {
    let (mut parts, mut tail) = (Vec::<Part>::new(), tail.clone());
    let entries = &batch.entries[skip..];
    for (at, entry) in entries.iter().enumerate() {
        if entry.seq.0 > LAST {
            return Err(Unwritable::Full);
        }
        let projections: &[Projection] = if at + 1 == entries.len() { &batch.projections } else { &[] };
        let stored = Stored {
            entry: entry.clone(),
            highest: tail.highest.max(Some(entry.client_message_id)).unwrap_or(entry.client_message_id),
            projected_before: tail.projected,
            projections: projections.to_vec(),
        };
        let body = codec::seal_message(batch.conversation, &stored)?;
        let rows = both_rows(batch.conversation, entry, body)?;
        let page = page_of(entry.seq);
        match parts.last_mut() {
            Some(part) if part.page == page => part.rows.extend(rows),
            _ => parts.push(Part { page, rows: rows.into() }),
        }
        tail = Tail::after(&stored);
    }
    Ok((parts, tail))
}

#[cfg(test)]
mod tests {
    use causerie_store::contract::sample::{batch, client_id, conversation, group, of, user};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pages_begin_where_they_should() {
        assert_eq!([0, 1, 4095, 4096, 4097, 8192].map(|at| page_of(Seq(at))), [0, 0, 0, 1, 1, 2]);
        assert_eq!(bounds(1), (Seq(4096), Seq(8191)));
        let cut = |first, last| stretches(Seq(first), Seq(last)).collect::<Vec<_>>();
        assert_eq!(cut(4095, 4095), [(0, Seq(4095), Seq(4095))]);
        assert_eq!(cut(4095, 4096), [(0, Seq(4095), Seq(4095)), (1, Seq(4096), Seq(4096))]);
        assert_eq!(cut(5, 4), []);
        assert_eq!(cut(u64::MAX, u64::MAX), []);
    }

    #[test]
    fn keys_are_the_senders_and_frozen() {
        assert_ne!(key_id(&user("alice"), client_id(1)), key_id(&user("bob"), client_id(1)));
        assert_eq!(key_id(&user("alice"), client_id(1)).get_version_num(), 8);
        assert_eq!(key_id(&user("alice"), client_id(1)).to_string(), "2f20042e-2a11-84c1-9d99-5c7b00e8dcf9");
    }

    #[test]
    fn a_batch_beyond_the_last_page_is_not_written() {
        let tail = Tail { last: Seq(LAST), ..Tail::default() };
        assert_eq!(rows_of(&batch(conversation(1), LAST + 1..=LAST + 1), 0, &tail), Err(Unwritable::Full));
    }

    proptest! {
        /// Whatever the border it crosses, and however much of it is there already: every entry has its two rows in the
        /// partition of its page, only the last brings the projections, and each cell tells the end of the log.
        #[test]
        fn a_batch_becomes_two_rows_an_entry(
            first in 1_u64..3 * PAGE, length in 1_u64..=64, skip in 0_u64..64, ids in prop::collection::vec(0_u64..50, 64),
        ) {
            let skip = usize::try_from(skip.min(length - 1)).unwrap();
            let id = conversation(1);
            let mut batch = batch(id, first..=first + length - 1);
            for (entry, key) in batch.entries.iter_mut().zip(ids) {
                entry.client_message_id = client_id(key);
            }
            batch.projections = vec![Projection::Conversation(group(1))];
            let tail = Tail { last: Seq(first - 1), highest: Some(client_id(25)), projected: Seq(0), head: None };
            let (parts, after) = rows_of(&batch, skip, &tail).unwrap();
            let mut seen = Vec::new();
            let mut highest = client_id(25);
            for part in &parts {
                for pair in part.rows.chunks(2) {
                    let [message, key] = pair else { panic!("rows come in pairs") };
                    prop_assert_eq!((message.kind, message.cmid, page_of(message.seq)), (ENTRY, NO_KEY, part.page));
                    let stored = codec::open_message(id, message.seq, &message.body).unwrap();
                    highest = highest.max(stored.entry.client_message_id);
                    prop_assert_eq!(stored.highest, highest);
                    prop_assert_eq!(stored.projections.is_empty(), message.seq.0 < first + length - 1);
                    prop_assert_eq!((key.kind, key.seq), (KEY, Seq(0)));
                    prop_assert_eq!(key.cmid, key_id(&stored.entry.from, stored.entry.client_message_id));
                    prop_assert_eq!(open_key(id, key.cmid, &key.body).unwrap(), message.seq);
                    seen.push(stored.entry);
                }
            }
            prop_assert!(parts.windows(2).all(|pair| pair[0].page + 1 == pair[1].page));
            prop_assert_eq!(&seen[..], &batch.entries[skip..]);
            prop_assert_eq!((after.last, after.highest, after.projected),
                (Seq(first + length - 1), Some(highest), Seq(first + length - 1)));
        }

        #[test]
        fn stretches_cover_a_range_once(first in 0_u64..20_000, length in 0_u64..20_000) {
            let mut next = Seq(first);
            for (page, begin, end) in stretches(Seq(first), Seq(first + length)) {
                prop_assert_eq!((begin, page_of(begin), page_of(end)), (next, page, page));
                next = end.next();
            }
            prop_assert_eq!(next, Seq(first + length + 1));
        }
    }

    #[test]
    fn an_empty_rest_changes_nothing() {
        let tail = Tail { last: Seq(3), ..Tail::default() };
        assert_eq!(rows_of(&of(conversation(1), vec![]), 0, &tail), Ok((vec![], tail)));
    }
}
