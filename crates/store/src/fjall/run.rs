//! Runs: entries of one log with consecutive positions that stand in one row.
//!
//! What is appended together is read together, and a row costs several times what an entry costs within one. So a batch
//! is one row, unless it is large; the key says the position of its last entry.

use causerie_protocol::{ConversationId, Seq};

use super::codec;
use super::keys;
use super::records::EntryRecord;
use super::spaces::Space;
use super::view::{View, unknown};
use crate::model::{Batch, Entry};
use crate::port::ReadError;

/// The bodies at which a run is full; the first entry always fits.
const RUN_BYTES: usize = Batch::MAX_BYTES;

/// Cuts a batch into runs.
pub(super) fn cut(mut entries: &[Entry]) -> impl Iterator<Item = &[Entry]> {
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = |entry: &&Entry| {
            bytes += entry.body.as_json().len();
            bytes <= RUN_BYTES
        };
        let length = entries.iter().take(Batch::MAX_ENTRIES).take_while(fits).count();
        let (run, rest) = entries.split_at(length.max(1).min(entries.len()));
        entries = rest;
        (!run.is_empty()).then_some(run)
    })
}

/// The keys between which the runs of a stretch of a log stand. Some at the end may lie behind it.
pub(super) fn keys_of(conversation: ConversationId, first: Seq, last: Seq) -> ([u8; 24], [u8; 24]) {
    let behind = Seq(last.0.saturating_add(Batch::MAX_ENTRIES as u64 - 1));
    (keys::run(conversation, first), keys::run(conversation, behind))
}

/// The key of the run that holds a position, if the log goes so far.
pub(super) fn key_of(
    view: &View,
    conversation: ConversationId,
    seq: Seq,
) -> Result<Option<Vec<u8>>, ReadError> {
    let (first, last) = keys_of(conversation, seq, seq);
    let row = view.range(Space::Messages, &first, &last).next().transpose()?;
    Ok(row.map(|(key, _)| key.to_vec()))
}

/// A run, from its row: the position of its first entry, and the entries.
pub(super) fn unseal<'a>(key: &[u8], bytes: &'a [u8]) -> Result<(Seq, Vec<EntryRecord<'a>>), ReadError> {
    let entries: Vec<EntryRecord<'a>> = codec::unseal(Space::Messages, key, bytes)?;
    let before = keys::last_of(key).and_then(|last| last.0.checked_sub(entries.len() as u64));
    match before {
        Some(before) if !entries.is_empty() => Ok((Seq(before + 1), entries)),
        _ => Err(unknown(Space::Messages, key)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::sample::entry;
    use causerie_protocol::Body;

    #[test]
    fn a_batch_is_one_run_unless_it_is_large() {
        let lengths = |entries: &[Entry]| cut(entries).map(<[_]>::len).collect::<Vec<_>>();
        let mut entries: Vec<_> = (1..=64).map(entry).collect();
        assert_eq!(lengths(&entries), [64]);
        assert_eq!(lengths(&[]), [0; 0]);
        entries[2].body = Body::text(&"x".repeat(RUN_BYTES));
        assert_eq!(lengths(&entries), [2, 1, 61], "one that fills a run has it for itself");
        entries[0].body = entries[2].body.clone();
        assert_eq!(lengths(&entries), [1, 1, 1, 61]);
    }
}
