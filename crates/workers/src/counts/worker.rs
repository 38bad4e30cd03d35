//! The worker, and what can be asked of it while it runs.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use causerie_events::record::{Event, EventBody};
use causerie_protocol::frame::down::EntryKind;
use causerie_protocol::{ConversationId, Timestamp};
use jiff::civil::{Date, date};

use super::database::{Counted, OpenError, number};
use super::staged::{Entry, Staged, stored_last};
use super::{NAME, keys};
use crate::progress::Progress;
use crate::worker::{Partition, Positioned, Refused, Worker, WorkerError};

/// Space that is left free on the disk: below it nothing is committed until there is more again. It holds what the database
/// needs for flushing what it already has.
const RESERVE: u64 = 64 * 1024 * 1024;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// A day of the calendar, UTC; written as `2026-11-24`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(u32);

impl Day {
    /// The day of a time. Times beyond the year 9999 count as the last day of it.
    #[must_use]
    pub fn of(time: Timestamp) -> Self {
        let days = u32::try_from(time.0 / DAY_MS).unwrap_or(u32::MAX);
        Self(days.min(2_932_896))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let day = date(1970, 1, 1).saturating_add(jiff::Span::new().days(i64::from(self.0)));
        write!(f, "{day}")
    }
}

impl FromStr for Day {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let day: Date = text.parse().map_err(|error| format!("no day: {error}"))?;
        let days = day.since(date(1970, 1, 1)).map_err(|error| error.to_string())?.get_days();
        u32::try_from(days).map(Self).map_err(|_| "a day before 1970".to_owned())
    }
}

/// The worker.
pub struct Counts {
    counted: Counted,
    dir: PathBuf,
    reserve: u64,
    staged: Staged,
}

impl Counts {
    /// Opens the database in the directory `dir`, or makes one there; it is this process's alone.
    ///
    /// # Errors
    /// See [`OpenError`]. Nothing is changed.
    pub fn open(dir: &Path) -> Result<Self, OpenError> {
        let counted = Counted::open(dir)?;
        Ok(Self { counted, dir: dir.to_owned(), reserve: RESERVE, staged: Staged::default() })
    }

    /// What answers questions while the worker runs. `progress` says which partitions it holds.
    #[must_use]
    pub fn query(&self, progress: Arc<Progress>) -> Query {
        Query { counted: self.counted.clone(), progress }
    }
}

impl Worker for Counts {
    fn name(&self) -> &'static str {
        NAME
    }

    fn topics(&self) -> &'static [&'static str] {
        &["messages"]
    }

    fn position(&self, partition: &Partition) -> Result<Option<i64>, WorkerError> {
        let position = self.counted.number(&keys::position(partition))?;
        let offset = |position| i64::try_from(position).map_err(|_| WorkerError::Broken("a position".into()));
        position.map(offset).transpose()
    }

    fn apply(&mut self, partition: &Partition, records: &[Positioned]) -> Result<Vec<Refused>, WorkerError> {
        let mut refused = Vec::new();
        for Positioned { offset, event } in records {
            match entry(event) {
                Ok(entry) => self.staged.count(&self.counted, partition, entry)?,
                Err(reason) => refused.push(Refused { offset: *offset, reason }),
            }
        }
        Ok(refused)
    }

    fn commit(&mut self, positions: &[(Partition, i64)]) -> Result<(), WorkerError> {
        // Asked before anything is written: fjall does not go on after a write that failed.
        let free = fs4::available_space(&self.dir)
            .map_err(|error| WorkerError::Unavailable(format!("{}: {error}", self.dir.display())))?;
        if free < self.reserve {
            let what =
                format!("{} has {free} bytes left, and {} are kept free", self.dir.display(), self.reserve);
            return Err(WorkerError::Unavailable(what));
        }
        let mut rows = self.staged.rows();
        rows.extend(positions.iter().map(|(partition, position)| {
            (keys::position(partition), position.unsigned_abs().to_be_bytes().to_vec())
        }));
        self.counted.write(rows)?;
        self.staged.clear();
        Ok(())
    }

    fn abandon(&mut self) {
        self.staged.clear();
    }
}

/// What is counted of an event.
fn entry(event: &Event) -> Result<Entry, String> {
    let EventBody::Entry { message, .. } = &event.body else {
        return Err("it is no entry of a conversation's log".to_owned());
    };
    Ok(Entry {
        conversation: event.conversation,
        seq: message.seq.0,
        day: Day::of(message.time).0,
        is_message: message.kind == EntryKind::Message,
    })
}

/// Questions about what was counted and committed. Partitions that this process does not hold are left out: what it knows
/// of them may be old, and their holder has them.
#[derive(Clone)]
pub struct Query {
    counted: Counted,
    progress: Arc<Progress>,
}

impl Query {
    /// The counts of a conversation, by day; `None` when it is not among what this process holds.
    ///
    /// # Errors
    /// The database does not read.
    pub fn conversation(
        &self,
        conversation: ConversationId,
    ) -> Result<Option<BTreeMap<Day, u64>>, WorkerError> {
        match stored_last(&self.counted, conversation)? {
            Some((_, partition)) if self.progress.holds(&partition) => {}
            _ => return Ok(None),
        }
        let mut days = BTreeMap::new();
        for row in self.counted.beginning(&keys::conversation(conversation)) {
            let (key, value) = row?;
            let day = keys::day_of(&key).ok_or_else(|| WorkerError::Broken("a key without a day".into()))?;
            days.insert(Day(day), number(&key, &value)?);
        }
        Ok(Some(days))
    }

    /// The count of a day in all partitions that this process holds.
    ///
    /// # Errors
    /// The database does not read.
    pub fn day(&self, day: Day) -> Result<u64, WorkerError> {
        let prefix = keys::day(day.0);
        let mut sum = 0;
        for row in self.counted.beginning(&prefix) {
            let (key, value) = row?;
            let partition = keys::partition_of(&key[prefix.len()..]);
            if partition.is_some_and(|partition| self.progress.holds(&partition)) {
                sum += number(&key, &value)?;
            }
        }
        Ok(sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition() -> Partition {
        Partition { topic: "a.messages".to_owned(), number: 3 }
    }

    fn stage(counts: &mut Counts, seq: u64) {
        let conversation = ConversationId::from_bytes([1; 16]);
        let entry = Entry { conversation, seq, day: 0, is_message: true };
        counts.staged.count(&counts.counted, &partition(), entry).unwrap();
    }

    fn days(counts: &Counts) -> Option<u64> {
        let progress = Arc::new(Progress::default());
        progress.held(partition(), 0);
        let days = counts.query(progress).conversation(ConversationId::from_bytes([1; 16])).unwrap();
        days.map(|days| days.values().sum())
    }

    #[test]
    fn a_day_is_printed_as_it_is_typed() {
        for text in ["1970-01-01", "2024-02-29", "2026-11-24", "9999-12-31"] {
            assert_eq!(text.parse::<Day>().unwrap().to_string(), text);
        }
        assert_eq!(Day::of(Timestamp(86_400_000 - 1)).to_string(), "1970-01-01");
        assert_eq!(Day::of(Timestamp(u64::MAX)).to_string(), "9999-12-31");
        assert!("1969-12-31".parse::<Day>().is_err() && "yesterday".parse::<Day>().is_err());
    }

    #[test]
    fn nothing_is_seen_before_the_commit_and_all_of_it_after_opening_again() {
        let dir = tempfile::tempdir().unwrap();
        let mut counts = Counts::open(dir.path()).unwrap();
        assert_eq!(counts.position(&partition()), Ok(None));
        [1, 2, 2, 1].into_iter().for_each(|seq| stage(&mut counts, seq));
        assert_eq!(days(&counts), None);
        counts.abandon();
        counts.commit(&[]).unwrap();
        assert_eq!(days(&counts), None);
        [1, 2, 2, 1, 3].into_iter().for_each(|seq| stage(&mut counts, seq));
        counts.commit(&[(partition(), 9)]).unwrap();
        drop(counts);
        let counts = Counts::open(dir.path()).unwrap();
        assert_eq!((days(&counts), counts.position(&partition())), (Some(3), Ok(Some(9))));
        let nobodys = counts.query(Arc::default());
        assert_eq!(nobodys.conversation(ConversationId::from_bytes([1; 16])), Ok(None));
        assert_eq!(nobodys.day(Day(0)), Ok(0));
    }

    #[test]
    fn a_disk_without_room_is_a_pause_and_nothing_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let mut counts = Counts::open(dir.path()).unwrap();
        counts.reserve = u64::MAX;
        stage(&mut counts, 1);
        assert!(matches!(counts.commit(&[(partition(), 1)]), Err(WorkerError::Unavailable(_))));
        assert_eq!((days(&counts), counts.position(&partition())), (None, Ok(None)));
        counts.reserve = RESERVE;
        counts.commit(&[(partition(), 1)]).unwrap();
        assert_eq!((days(&counts), counts.position(&partition())), (Some(1), Ok(Some(1))));
    }

    #[test]
    fn two_processes_cannot_have_one_directory_and_a_newer_format_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let counts = Counts::open(dir.path()).unwrap();
        assert!(matches!(Counts::open(dir.path()), Err(OpenError::Locked(_))));
        counts.counted.write(vec![(keys::FORMAT.to_vec(), 2_u64.to_be_bytes().to_vec())]).unwrap();
        drop(counts);
        assert!(matches!(Counts::open(dir.path()), Err(OpenError::Format { found: 2, .. })));
    }
}
