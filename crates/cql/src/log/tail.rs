//! The end of a log, as its last rows tell it.

use causerie_protocol::{ClientMessageId, ConversationId, Seq};
use causerie_store::port::ReadError;
use causerie_store::{Entry, Epoch};

use super::rows::{bigint, page_of, seq};
use crate::codec::{Stored, open_message};

/// The longest body of a last entry that is remembered; a longer one is read when it is asked for.
const REMEMBERED_BYTES: usize = 1024;

/// What is known of the end of a log without reading it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tail {
    /// The last position; 0 for an empty log.
    pub(crate) last: Seq,
    /// The highest client message id of the log.
    pub(crate) highest: Option<ClientMessageId>,
    /// The last entry that has projections; 0 when there is none.
    pub(crate) projected: Seq,
    /// The last entry, unless it is long.
    pub(super) head: Option<Entry>,
}

impl Tail {
    /// The end of a log whose last entry this is.
    pub(super) fn after(stored: &Stored) -> Self {
        let short = stored.entry.body.as_json().len() <= REMEMBERED_BYTES;
        Self {
            last: stored.entry.seq,
            highest: Some(stored.highest),
            projected: stored.projected(),
            head: short.then(|| stored.entry.clone()),
        }
    }
}

/// A row of an entry, as it is read.
pub(super) type EntryRow = (i64, Option<i64>, Vec<u8>);

/// The last rows of a page, falling from the last one of the log.
#[derive(Clone, Debug, Default)]
pub(super) struct LastRows {
    /// The page; 0 for an empty log.
    pub(super) page: i32,
    /// The term in which the last of them was written; 0 for an empty log.
    pub(super) epoch: Epoch,
    /// The entries with their cells as they are.
    pub(super) entries: Vec<(Stored, Vec<u8>)>,
}

impl LastRows {
    /// Checks and decodes what was read of a page, falling.
    ///
    /// A log is written densely: an entry is sent only when the one before is committed. A gap among the last rows is
    /// therefore damage, not the end of the log: what stands above it may have been acknowledged, and nothing may be
    /// deleted for it.
    pub(super) fn of(
        conversation: ConversationId,
        page: i32,
        rows: Vec<EntryRow>,
    ) -> Result<Self, ReadError> {
        let epoch = rows.first().and_then(|(_, epoch, _)| *epoch).and_then(|epoch| u64::try_from(epoch).ok());
        let mut entries: Vec<(Stored, Vec<u8>)> = Vec::with_capacity(rows.len());
        for (at, _, cell) in rows {
            let below = entries.last().map(|(above, _)| bigint(above.entry.seq) - 1);
            if below.is_some_and(|below| below != at) || page_of(seq(at)) != page {
                let problem = format!("conversation {conversation} has a gap above position {at}");
                return Err(ReadError::Corrupt(problem));
            }
            entries.push((open_message(conversation, seq(at), &cell)?, cell));
        }
        Ok(Self { page, epoch: Epoch(epoch.unwrap_or_default()), entries })
    }

    /// The end that they tell.
    pub(super) fn tail(&self) -> Tail {
        self.entries.first().map(|(last, _)| Tail::after(last)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use causerie_store::contract::sample::{batch, conversation};
    use proptest::prelude::*;

    use super::super::rows::{ENTRY, rows_of};
    use super::*;

    /// The rows of a page of a log of so many entries, falling.
    fn page_rows(length: u64, page: i32) -> Vec<EntryRow> {
        let mut tail = Tail::default();
        let mut rows = Vec::new();
        for at in 1..=length {
            let (parts, after) = rows_of(&batch(conversation(1), at..=at), 0, &tail).unwrap();
            tail = after;
            for part in parts.into_iter().filter(|part| part.page == page) {
                let entries = part.rows.into_iter().filter(|row| row.kind == ENTRY);
                rows.extend(entries.map(|row| (bigint(row.seq), Some(7), row.body)));
            }
        }
        rows.reverse();
        rows
    }

    #[test]
    fn an_empty_log_has_no_end() {
        let rows = LastRows::of(conversation(1), 0, vec![]).unwrap();
        assert_eq!((rows.tail(), rows.epoch), (Tail::default(), Epoch(0)));
    }

    #[test]
    fn a_row_of_another_page_is_damage() {
        let rows = page_rows(4097, 1);
        assert_eq!(LastRows::of(conversation(1), 1, rows.clone()).unwrap().tail().last, Seq(4097));
        assert!(matches!(LastRows::of(conversation(1), 0, rows), Err(ReadError::Corrupt(_))));
    }

    proptest! {
        /// However the log is cut by batches that did not come whole: its end is the last row, and a row that is missing
        /// below the last is never taken for it.
        #[test]
        fn the_end_is_the_last_row_and_a_gap_is_damage(length in 1_u64..100, missing in 0_u64..100) {
            let mut rows = page_rows(length, 0);
            let whole = LastRows::of(conversation(1), 0, rows.clone()).unwrap();
            prop_assert_eq!((whole.tail().last, whole.epoch), (Seq(length), Epoch(7)));
            let gap = missing > 1 && missing < length;
            rows.retain(|(seq, ..)| u64::try_from(*seq).unwrap() != missing);
            let cut = LastRows::of(conversation(1), 0, rows);
            if gap {
                prop_assert!(matches!(cut, Err(ReadError::Corrupt(_))));
            } else if missing == length {
                prop_assert_eq!(cut.unwrap().tail().last, Seq(length - 1));
            }
        }
    }
}
