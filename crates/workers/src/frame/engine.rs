//! The frame without Kafka: which records count, when, and what becomes of them. It does no I/O but the worker's own and
//! that of the directory of records that were set aside.
//!
//! A batch goes through four steps: applied, what was refused set aside durably, committed with the positions, forgotten.
//! A crash between any two of them repeats the batch from the worker's position: nothing of it is in the result, and a
//! record that was set aside already is set aside under the same name.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use rdkafka::error::KafkaError;

use super::gathered::Gathered;
use crate::aside::{Aside, AsideError, SetAside};
use crate::progress::Progress;
use crate::raw::Raw;
use crate::worker::{Partition, Positioned, Worker, WorkerError};

/// Why a batch was not committed, as far as is known.
#[derive(Debug, thiserror::Error)]
pub(super) enum SettleError {
    #[error(transparent)]
    Worker(#[from] WorkerError),
    #[error(transparent)]
    Aside(#[from] AsideError),
    /// Nothing was tried.
    #[error("the consumer could not be put where a partition begins: {0}")]
    Seek(#[from] KafkaError),
}

/// A partition, and the offset at which it begins.
pub(super) type Place = (Partition, Option<i64>);

/// A worker, and what was read for it.
pub(super) struct Engine<W> {
    worker: W,
    aside: Aside,
    progress: Arc<Progress>,
    held: BTreeMap<Partition, Gathered>,
    /// Given to this process, and it is not known yet where they begin: nothing that is read of them counts.
    unplaced: BTreeSet<Partition>,
    /// How much is gathered in all: records, bytes.
    size: (usize, usize),
    /// The last attempt failed: where the worker is has to be found before the next.
    failed: bool,
}

impl<W: Worker> Engine<W> {
    pub(super) fn new(worker: W, aside: Aside, progress: Arc<Progress>) -> Self {
        Self {
            worker,
            aside,
            progress,
            held: BTreeMap::new(),
            unplaced: BTreeSet::new(),
            size: (0, 0),
            failed: false,
        }
    }

    /// Partitions were given to this process. They are to be placed.
    pub(super) fn given(&mut self, partitions: &[Partition]) {
        self.unplaced.extend(partitions.iter().cloned());
    }

    /// Where the partitions that are not placed begin; `None` is the first offset that the broker has. Once the consumer
    /// is there, [`placed`](Self::placed) is to be called.
    pub(super) fn places(&self) -> Result<Vec<Place>, WorkerError> {
        let place = |partition: &Partition| Ok((partition.clone(), self.worker.position(partition)?));
        self.unplaced.iter().map(place).collect()
    }

    /// The consumer stands at these places: from now on, what is read counts.
    pub(super) fn placed(&mut self, places: &[Place]) {
        for (partition, position) in places {
            if self.unplaced.remove(partition) {
                let position = position.unwrap_or_default();
                self.held.insert(partition.clone(), Gathered::at(position));
                self.progress.held(partition.clone(), position);
            }
        }
    }

    /// Partitions are other processes' from now on. What was read of them and not committed is theirs to read.
    pub(super) fn taken(&mut self, partitions: &[Partition]) {
        for partition in partitions {
            self.unplaced.remove(partition);
            self.held.remove(partition);
            self.progress.given_up(partition);
        }
        self.measure();
    }

    /// A record came. One of a partition that is not held, or from below the position, is nothing new.
    pub(super) fn read(&mut self, partition: &Partition, offset: i64, raw: Raw) {
        let Some(gathered) = self.held.get_mut(partition) else { return };
        if !gathered.wants(offset) {
            return;
        }
        let bytes = raw.bytes();
        self.size = (self.size.0 + 1, self.size.1 + bytes);
        match raw.decode() {
            Ok(event) => gathered.push(Positioned { offset, event }, raw),
            Err(error) => {
                let record = SetAside::new(partition, offset, error.to_string(), &raw);
                gathered.push_unreadable(record, bytes);
            }
        }
    }

    /// How much waits to be committed: records, bytes.
    pub(super) fn size(&self) -> (usize, usize) {
        self.size
    }

    /// Applies and commits what was read: the partitions that moved and their new positions.
    ///
    /// After an error what was read is kept, and the next call tries again, from where the worker then is.
    pub(super) fn settle(&mut self) -> Result<Vec<(Partition, i64)>, SettleError> {
        if self.failed {
            self.recover()?;
        }
        self.failed = true;
        let positions = self.try_settle()?;
        self.failed = false;
        Ok(positions)
    }

    fn try_settle(&mut self) -> Result<Vec<(Partition, i64)>, SettleError> {
        let mut positions = Vec::new();
        let (mut records, mut set_aside) = (0, Vec::new());
        for (partition, gathered) in &self.held {
            let Some(position) = gathered.position() else { continue };
            positions.push((partition.clone(), position));
            set_aside.extend_from_slice(gathered.unreadable());
            if gathered.records().is_empty() {
                continue;
            }
            let refused = self.worker.apply(partition, gathered.records())?;
            records += gathered.records().len().saturating_sub(refused.len());
            for refused in refused {
                let record =
                    gathered.refused(partition, refused.offset, refused.reason).ok_or_else(|| {
                        let offset = refused.offset;
                        WorkerError::Broken(format!(
                            "it refused offset {offset} of {partition}, which it was not given"
                        ))
                    })?;
                set_aside.push(record);
            }
        }
        if positions.is_empty() {
            return Ok(positions);
        }
        self.aside.keep(&set_aside)?;
        self.worker.commit(&positions)?;
        self.held.values_mut().for_each(Gathered::committed);
        self.size = (0, 0);
        self.progress.committed(&positions, records, set_aside.len());
        tracing::debug!(records, positions = %Positions(&positions), "committed");
        set_aside.iter().for_each(tell);
        Ok(positions)
    }

    /// After an error: drops what the worker had applied and looks where it really is, since a commit that failed may have
    /// taken effect all the same.
    fn recover(&mut self) -> Result<(), WorkerError> {
        self.worker.abandon();
        for (partition, gathered) in &mut self.held {
            if let Some(position) = self.worker.position(partition)? {
                gathered.found_at(position);
                self.progress.found_at(partition, position);
            }
        }
        self.measure();
        Ok(())
    }

    fn measure(&mut self) {
        let sizes = self.held.values().map(Gathered::size);
        self.size = sizes.fold((0, 0), |(records, bytes), size| (records + size.0, bytes + size.1));
    }
}

/// Positions as `topic:partition=offset`, one after another.
struct Positions<'a>(&'a [(Partition, i64)]);

impl fmt::Display for Positions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut between = "";
        for (partition, position) in self.0 {
            write!(f, "{between}{partition}={position}")?;
            between = ",";
        }
        Ok(())
    }
}

fn tell(record: &SetAside) {
    let SetAside { topic, partition, offset, reason, .. } = record;
    tracing::warn!(topic, partition, offset, reason, "a record was set aside");
}
