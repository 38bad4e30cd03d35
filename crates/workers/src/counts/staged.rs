//! What was counted since the last commit.

use std::collections::HashMap;

use causerie_protocol::ConversationId;

use super::database::{Counted, number};
use super::keys;
use crate::worker::{Partition, WorkerError};

/// An entry, as far as counting needs it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) conversation: ConversationId,
    pub(super) seq: u64,
    pub(super) day: u32,
    /// A membership change is not.
    pub(super) is_message: bool,
}

/// Values that are to replace those of the database.
#[derive(Default)]
pub(super) struct Staged {
    last: HashMap<ConversationId, (u64, Partition)>,
    /// Counts of conversations' days and of partitions' days, by key.
    counts: HashMap<Vec<u8>, u64>,
}

impl Staged {
    pub(super) fn count(
        &mut self,
        counted: &Counted,
        partition: &Partition,
        entry: Entry,
    ) -> Result<(), WorkerError> {
        let last = match self.last.get(&entry.conversation) {
            Some((last, _)) => *last,
            None => stored_last(counted, entry.conversation)?.map_or(0, |(last, _)| last),
        };
        if entry.seq <= last {
            return Ok(());
        }
        self.last.insert(entry.conversation, (entry.seq, partition.clone()));
        if entry.is_message {
            self.add(counted, keys::conversation_day(entry.conversation, entry.day))?;
            self.add(counted, keys::day_partition(entry.day, partition))?;
        }
        Ok(())
    }

    fn add(&mut self, counted: &Counted, key: Vec<u8>) -> Result<(), WorkerError> {
        if let Some(count) = self.counts.get_mut(&key) {
            *count += 1;
            return Ok(());
        }
        let count = counted.number(&key)?.unwrap_or_default() + 1;
        self.counts.insert(key, count);
        Ok(())
    }

    /// The rows to write.
    pub(super) fn rows(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let last = self.last.iter().map(|(conversation, (seq, partition))| {
            (keys::last(*conversation), [&seq.to_be_bytes()[..], &keys::partition(partition)].concat())
        });
        let counts = self.counts.iter().map(|(key, count)| (key.clone(), count.to_be_bytes().to_vec()));
        last.chain(counts).collect()
    }

    pub(super) fn clear(&mut self) {
        self.last.clear();
        self.counts.clear();
    }
}

/// The last seq of a conversation that was counted, and in which partition the conversation is.
pub(super) fn stored_last(
    counted: &Counted,
    conversation: ConversationId,
) -> Result<Option<(u64, Partition)>, WorkerError> {
    let key = keys::last(conversation);
    let Some(value) = counted.get(&key)? else { return Ok(None) };
    let (seq, partition) = value.split_at_checked(8).unwrap_or_default();
    let partition = keys::partition_of(partition)
        .ok_or_else(|| WorkerError::Broken(format!("no partition at key {key:02x?}")))?;
    Ok(Some((number(&key, seq)?, partition)))
}
