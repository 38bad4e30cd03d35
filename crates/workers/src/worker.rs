//! What a worker is, and what the frame holds it to.

use std::fmt;

use causerie_events::record::Event;

/// One partition of a topic of the event log.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition {
    /// The topic's name at the broker.
    pub topic: String,
    /// The partition's number within it.
    pub number: i32,
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.topic, self.number)
    }
}

/// A record, and where it stands in its partition.
#[derive(Clone, Debug)]
pub struct Positioned {
    /// Its offset.
    pub offset: i64,
    /// What it says.
    pub event: Event,
}

/// A record that the worker can never accept, however often it is tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Which of those that were applied.
    pub offset: i64,
    /// Why, for whoever looks at what was set aside.
    pub reason: String,
}

/// Why a worker could not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WorkerError {
    /// Its store does not answer or has no room now. Whether a commit took effect is not known; the frame reads the
    /// positions, and tries what is above them again.
    #[error("the worker's store is unavailable: {0}")]
    Unavailable(String),
    /// Its store is damaged, or what is in it contradicts itself. Trying again does not help: the worker stops, and what
    /// it has committed stays as it is.
    #[error("the worker's store is broken: {0}")]
    Broken(String),
}

/// A consumer of the event log with a durable result of its own.
///
/// The frame calls from one thread, in this order: [`position`](Self::position) of each partition when it is given to this
/// process; then, again and again, [`apply`](Self::apply) for each partition that has new records and one
/// [`commit`](Self::commit) for all of them. After an error: [`abandon`](Self::abandon), a pause, `position` of all, and
/// again.
///
/// **Exactly-once effect is the worker's half of a bargain**: `commit` makes what was applied *and* the positions durable in
/// one step, or neither. The frame's half: records of a partition come in rising offsets and never from below its position.
/// The log itself is at least once: the same entry may stand in it twice, at two offsets. A worker for which that matters
/// knows entries by (conversation, seq).
///
/// A worker whose store is shared by several processes must make `commit` conditional on the positions that it found:
/// for a moment, two processes can believe that they hold one partition. With a store for each process no harm comes of it.
pub trait Worker: Send {
    /// Its name: the consumer group is called after it, and metrics and logs name it. Never to be changed.
    fn name(&self) -> &'static str;

    /// The topics that it reads, without the prefix: `messages`, `membership`, `receipts`, `undelivered`.
    fn topics(&self) -> &'static [&'static str];

    /// The offset of the first record of a partition that is not part of the durable result; `None` before the first commit.
    fn position(&self, partition: &Partition) -> Result<Option<i64>, WorkerError>;

    /// Works records into the result that the next commit makes durable, and tells which it refused. Nothing that others
    /// can see may change before the commit.
    fn apply(&mut self, partition: &Partition, records: &[Positioned]) -> Result<Vec<Refused>, WorkerError>;

    /// Makes what was applied durable, together with the new positions. They also move past records that were set aside,
    /// so there can be positions with nothing applied.
    fn commit(&mut self, positions: &[(Partition, i64)]) -> Result<(), WorkerError>;

    /// Forgets what was applied since the last commit.
    fn abandon(&mut self);
}
