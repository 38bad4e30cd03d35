//! What was read of one partition and is not committed yet.

use crate::aside::SetAside;
use crate::raw::Raw;
use crate::worker::{Partition, Positioned};

/// What was read of one partition since the last commit.
#[derive(Debug)]
pub(super) struct Gathered {
    /// The offset of the first record that was not read: what a commit of everything here makes the position.
    next: i64,
    /// The position that is committed.
    committed: i64,
    records: Vec<Positioned>,
    /// The same records as they came, in case that the worker refuses one.
    raw: Vec<Raw>,
    unreadable: Vec<SetAside>,
    bytes: usize,
}

impl Gathered {
    /// A partition whose committed position this is.
    pub(super) fn at(position: i64) -> Self {
        Self {
            next: position,
            committed: position,
            records: Vec::new(),
            raw: Vec::new(),
            unreadable: Vec::new(),
            bytes: 0,
        }
    }

    /// Whether a record is one that was not read yet.
    pub(super) fn wants(&self, offset: i64) -> bool {
        offset >= self.next
    }

    pub(super) fn push(&mut self, record: Positioned, raw: Raw) {
        self.next = record.offset + 1;
        self.bytes += raw.bytes();
        self.records.push(record);
        self.raw.push(raw);
    }

    pub(super) fn push_unreadable(&mut self, record: SetAside, bytes: usize) {
        self.next = record.offset + 1;
        self.bytes += bytes;
        self.unreadable.push(record);
    }

    pub(super) fn records(&self) -> &[Positioned] {
        &self.records
    }

    pub(super) fn unreadable(&self) -> &[SetAside] {
        &self.unreadable
    }

    /// How much is gathered: records, and the bytes of their keys and values.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.records.len() + self.unreadable.len(), self.bytes)
    }

    /// One of the records, as it is set aside.
    pub(super) fn refused(&self, partition: &Partition, offset: i64, reason: String) -> Option<SetAside> {
        let at = self.records.iter().position(|record| record.offset == offset)?;
        Some(SetAside::new(partition, offset, reason, &self.raw[at]))
    }

    /// The position to commit, if there is something to commit.
    pub(super) fn position(&self) -> Option<i64> {
        (self.next > self.committed).then_some(self.next)
    }

    /// Everything up to its position is committed.
    pub(super) fn committed(&mut self) {
        *self = Self::at(self.next);
    }

    /// After a commit of which it is not known whether it took effect: forgets what is below the position found.
    pub(super) fn found_at(&mut self, position: i64) {
        let mut found = Self { next: self.next.max(position), ..Self::at(position) };
        for (record, raw) in self.records.drain(..).zip(self.raw.drain(..)) {
            if record.offset >= position {
                found.bytes += raw.bytes();
                found.records.push(record);
                found.raw.push(raw);
            }
        }
        found.unreadable = self.unreadable.drain(..).filter(|record| record.offset >= position).collect();
        *self = found;
    }
}
