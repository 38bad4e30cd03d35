//! How far a worker is, for metrics and for those who wait: read by anyone, written by the frame.

use std::collections::BTreeMap;

use parking_lot::Mutex;

use crate::worker::Partition;

/// What the frame is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// It has not been given partitions yet.
    #[default]
    Joining,
    /// It reads.
    Running,
    /// The worker's store is unavailable; it reads nothing and tries again.
    Waiting,
    /// It has ended.
    Stopped,
}

/// How far one partition is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reached {
    /// The worker's committed position: the offset of the first record that is not in its result.
    pub position: i64,
    /// One past the last record at the broker, as last heard; `None` before that.
    pub end: Option<i64>,
}

impl Reached {
    /// Records that are at the broker and not yet in the result.
    #[must_use]
    pub fn lag(&self) -> u64 {
        let lag = self.end.map_or(0, |end| end.saturating_sub(self.position));
        u64::try_from(lag).unwrap_or(0)
    }
}

/// A worker's progress at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// What the frame is doing.
    pub state: State,
    /// The partitions that this process holds.
    pub partitions: BTreeMap<Partition, Reached>,
    /// Records that were applied and committed since the process began.
    pub records: u64,
    /// Records that were set aside since the process began.
    pub set_aside: u64,
    /// Commits since the process began.
    pub commits: u64,
    /// Times that the worker's store was unavailable since the process began.
    pub retries: u64,
}

/// A worker's progress.
#[derive(Debug, Default)]
pub struct Progress(Mutex<Snapshot>);

impl Progress {
    /// How far it is now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.0.lock().clone()
    }

    /// Whether this process holds a partition.
    #[must_use]
    pub fn holds(&self, partition: &Partition) -> bool {
        self.0.lock().partitions.contains_key(partition)
    }

    pub(crate) fn state(&self, state: State) {
        self.0.lock().state = state;
    }

    pub(crate) fn held(&self, partition: Partition, position: i64) {
        let reached = Reached { position, end: None };
        self.0.lock().partitions.insert(partition, reached);
    }

    pub(crate) fn given_up(&self, partition: &Partition) {
        self.0.lock().partitions.remove(partition);
    }

    pub(crate) fn end(&self, partition: &Partition, end: i64) {
        if let Some(reached) = self.0.lock().partitions.get_mut(partition) {
            reached.end = Some(end);
        }
    }

    pub(crate) fn committed(&self, positions: &[(Partition, i64)], records: usize, set_aside: usize) {
        let mut now = self.0.lock();
        for (partition, position) in positions {
            if let Some(reached) = now.partitions.get_mut(partition) {
                reached.position = *position;
            }
        }
        now.records += records as u64;
        now.set_aside += set_aside as u64;
        now.commits += 1;
    }

    pub(crate) fn found_at(&self, partition: &Partition, position: i64) {
        if let Some(reached) = self.0.lock().partitions.get_mut(partition) {
            reached.position = position;
        }
    }

    pub(crate) fn retried(&self) {
        self.0.lock().retries += 1;
    }
}
