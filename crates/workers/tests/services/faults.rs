//! The frame alone gives an exactly-once effect, whatever the worker's store does: this worker knows nothing of
//! conversations and counts each offset as often as it is applied and committed.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use causerie_workers::{Partition, Positioned, Progress, Refused, RunError, Worker, WorkerError};

use super::log::{Log, Writer, conversation, until};
use super::running::{Running, settings};

#[derive(Default)]
struct Durable {
    positions: BTreeMap<Partition, i64>,
    effects: BTreeMap<(Partition, i64), u32>,
    /// Every call fails.
    away: bool,
    /// Some calls fail: each fifth application, each seventh look at a position, and of the commits each fifth before and
    /// each third after it took effect.
    flaky: bool,
    applications: u32,
    looks: Cell<u32>,
    commits: u32,
    /// Commits that failed and took effect.
    unknown: u32,
    /// Applications that failed.
    failed: u32,
    broken: bool,
}

/// A worker whose durable store outlives it.
struct Ledger {
    durable: Arc<Mutex<Durable>>,
    applied: Vec<(Partition, i64)>,
}

impl Durable {
    fn fails(&self, calls: u32, every: u32) -> Result<(), WorkerError> {
        if self.broken {
            return Err(WorkerError::Broken("broken on purpose".to_owned()));
        }
        if self.away || self.flaky && calls.is_multiple_of(every) {
            return Err(WorkerError::Unavailable("on purpose".to_owned()));
        }
        Ok(())
    }
}

impl Worker for Ledger {
    fn name(&self) -> &'static str {
        "ledger"
    }

    fn topics(&self) -> &'static [&'static str] {
        &["messages"]
    }

    fn position(&self, partition: &Partition) -> Result<Option<i64>, WorkerError> {
        let durable = self.durable.lock().unwrap();
        durable.looks.set(durable.looks.get() + 1);
        durable.fails(durable.looks.get(), 7)?;
        Ok(durable.positions.get(partition).copied())
    }

    fn apply(&mut self, partition: &Partition, records: &[Positioned]) -> Result<Vec<Refused>, WorkerError> {
        // Half of them are applied before it fails.
        let (before, after) = records.split_at(records.len() / 2);
        self.applied.extend(before.iter().map(|record| (partition.clone(), record.offset)));
        let mut durable = self.durable.lock().unwrap();
        durable.applications += 1;
        durable.fails(durable.applications, 5).inspect_err(|_| durable.failed += 1)?;
        self.applied.extend(after.iter().map(|record| (partition.clone(), record.offset)));
        Ok(Vec::new())
    }

    fn commit(&mut self, positions: &[(Partition, i64)]) -> Result<(), WorkerError> {
        let mut durable = self.durable.lock().unwrap();
        durable.commits += 1;
        durable.fails(durable.commits, 5)?;
        for effect in self.applied.drain(..) {
            *durable.effects.entry(effect).or_default() += 1;
        }
        durable.positions.extend(positions.iter().cloned());
        if durable.flaky && durable.commits.is_multiple_of(3) {
            durable.unknown += 1;
            return Err(WorkerError::Unavailable("the answer was lost".to_owned()));
        }
        Ok(())
    }

    fn abandon(&mut self) {
        self.applied.clear();
    }
}

fn ledger(durable: &Arc<Mutex<Durable>>) -> Ledger {
    Ledger { durable: Arc::clone(durable), applied: Vec::new() }
}

#[test]
fn every_record_has_its_effect_once_while_the_store_fails() {
    let Some(log) = Log::new("faults", 3) else { return };
    let dir = tempfile::tempdir().unwrap();
    let durable = Arc::new(Mutex::new(Durable { flaky: true, ..Durable::default() }));
    let mut writer = Writer::new(20);
    let worker = Running::start(ledger(&durable), settings(&log, dir.path()), Arc::default());
    for _ in 0..4 {
        writer.write(&log, 250);
        log.flush();
    }
    worker.reaches(&log, 3);
    worker.stop().unwrap();
    let ends = log.ends();
    let durable = durable.lock().unwrap();
    assert!(durable.failed >= 5 && durable.unknown >= 5, "{} {}", durable.failed, durable.unknown);
    assert!(durable.effects.values().all(|times| *times == 1));
    assert_eq!(durable.effects.len() as i64, ends.values().sum::<i64>());
    assert_eq!(durable.positions, ends);
}

#[test]
fn a_store_that_is_away_stops_nothing_but_the_reading() {
    let Some(log) = Log::new("away", 1) else { return };
    let dir = tempfile::tempdir().unwrap();
    let durable = Arc::new(Mutex::<Durable>::default());
    // Some are part of the result already, so that it matters where it begins.
    let mut writer = Writer::new(5);
    writer.write(&log, 100);
    log.flush();
    let worker = Running::start(ledger(&durable), settings(&log, dir.path()), Arc::default());
    worker.reaches(&log, 1);
    worker.stop().unwrap();
    durable.lock().unwrap().away = true;
    writer.write(&log, 100);
    log.flush();
    let progress = Arc::new(Progress::default());
    let worker = Running::start(ledger(&durable), settings(&log, dir.path()), Arc::clone(&progress));
    until("pauses", || progress.snapshot().retries > 5);
    assert_eq!(progress.snapshot().state, causerie_workers::State::Waiting);
    // Nothing more is read during a pause, and it is read afterwards.
    writer.write(&log, 500);
    log.flush();
    durable.lock().unwrap().away = false;
    worker.reaches(&log, 1);
    assert_eq!(progress.snapshot().state, causerie_workers::State::Running);
    // And away while it holds partitions.
    durable.lock().unwrap().away = true;
    let retries = progress.snapshot().retries;
    writer.write(&log, 100);
    log.flush();
    until("pauses", || progress.snapshot().retries > retries + 5);
    durable.lock().unwrap().away = false;
    worker.reaches(&log, 1);
    worker.stop().unwrap();
    let durable = durable.lock().unwrap();
    assert_eq!(durable.effects.len() as i64, log.ends().values().sum::<i64>());
    assert!(durable.effects.values().all(|times| *times == 1));
}

#[test]
fn a_store_that_is_broken_ends_the_worker_and_changes_nothing() {
    let Some(log) = Log::new("broken", 1) else { return };
    let dir = tempfile::tempdir().unwrap();
    let durable = Arc::new(Mutex::new(Durable { broken: true, ..Durable::default() }));
    log.entry(conversation(1), 1, 0, "message");
    log.flush();
    let worker = Running::start(ledger(&durable), settings(&log, dir.path()), Arc::default());
    let ended = worker.ended();
    assert!(matches!(ended, Err(RunError::Worker(WorkerError::Broken(_)))), "{ended:?}");
    assert!(durable.lock().unwrap().positions.is_empty());
}

#[test]
fn records_that_were_deleted_before_they_were_read_are_not_passed_over() {
    let Some(log) = Log::new("lost", 1) else { return };
    let dir = tempfile::tempdir().unwrap();
    let durable = Arc::new(Mutex::new(Durable::default()));
    Writer::new(5).write(&log, 20);
    log.flush();
    let worker = Running::start(ledger(&durable), settings(&log, dir.path()), Arc::default());
    worker.reaches(&log, 1);
    worker.stop().unwrap();
    let end = *log.ends().values().next().unwrap();
    Writer::new(5).write(&log, 20);
    log.flush();
    log.forget_below(end + 5);
    let worker = Running::start(ledger(&durable), settings(&log, dir.path()), Arc::default());
    let ended = worker.ended();
    assert!(matches!(&ended, Err(RunError::Lost(said)) if said.contains(log.topic())), "{ended:?}");
    assert_eq!(durable.lock().unwrap().positions.values().copied().collect::<Vec<_>>(), [end]);
}
