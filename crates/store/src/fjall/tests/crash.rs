//! The process ends between any two steps, or the power in the middle of a write.

use std::fs;
use std::path::PathBuf;
use std::sync::mpsc::sync_channel;

use causerie_protocol::Seq;
use tempfile::TempDir;

use super::lab::{OnDisk, copy, scratch};
use crate::committed::PendingAppend;
use crate::contract::sample::{ALL, END, batch, conversation, entry};
use crate::contract::{Subject, commit, ok};
use crate::fjall::hooks::Step;
use crate::fjall::journal;
use crate::port::Messages;

const ACKNOWLEDGED: u64 = 3;
const WRITTEN: u64 = 6;

/// The last group that was acknowledged: the first one is that of the opening.
const MARK: u64 = ACKNOWLEDGED + 1;

/// How many messages a store has, all of them whole and in order.
fn length(dir: TempDir) -> u64 {
    let subject = OnDisk::open(dir);
    let read = ok(subject.store().read(conversation(1), Seq(1), END, ALL));
    let length = read.len() as u64;
    assert_eq!(read, (1..=length).map(entry).collect::<Vec<_>>());
    commit(subject.store(), batch(conversation(1), length + 1..=length + 1)).expect("it goes on");
    length
}

/// A store with acknowledged messages, stopped at `step` of the next batch.
fn stopped_at(step: Step) -> OnDisk {
    let subject = OnDisk::open(scratch());
    for seq in 1..=ACKNOWLEDGED {
        commit(subject.store(), batch(conversation(1), seq..=seq)).unwrap();
    }
    subject.lab.hold(step);
    let next = batch(conversation(1), ACKNOWLEDGED + 1..=WRITTEN);
    subject.store().append(PendingAppend::new(next, |_| ()));
    subject.lab.wait_standing();
    subject
}

#[test]
fn a_batch_is_absent_before_its_write_and_there_after_its_sync() {
    for (step, expected) in [(Step::BeforeWrite, ACKNOWLEDGED), (Step::AfterSync, WRITTEN)] {
        let subject = stopped_at(step);
        let image = subject.image();
        subject.lab.release();
        assert_eq!(length(image), expected, "{step:?}");
    }
}

/// An image whose journal ends with a batch that nobody was told of, and how long the journal is without it.
fn unacknowledged() -> (TempDir, PathBuf, usize) {
    let subject = stopped_at(Step::BeforeWrite);
    let before = subject.image();
    subject.lab.hold(Step::AfterSync);
    subject.lab.wait_standing();
    let after = subject.image();
    subject.lab.release();
    fs::copy(before.path().join("mark"), after.path().join("mark")).unwrap();
    let name = PathBuf::from("db/0.jnl");
    let [good, whole] = [before.path(), after.path()].map(|dir| fs::read(dir.join(&name)).unwrap().len());
    assert!(whole > good + 300, "there is a group to tear");
    (after, name, good)
}

#[test]
fn a_torn_write_is_cut_off_wherever_it_is_torn() {
    let (image, name, good) = unacknowledged();
    let whole = fs::read(image.path().join(&name)).unwrap();
    let dir = scratch();
    let path = dir.path().join("0.jnl");
    for end in (good..whole.len()).step_by(3) {
        fs::write(&path, &whole[..end]).unwrap();
        journal::check(dir.path(), MARK).unwrap();
        assert_eq!(fs::read(&path).unwrap(), whole[..good], "torn at {end}");
    }
    fs::write(&path, &whole).unwrap();
    journal::check(dir.path(), MARK).unwrap();
    assert_eq!(fs::read(&path).unwrap(), whole, "what is whole stays, though nobody was told");
}

#[test]
fn a_store_opens_after_a_torn_write_and_has_all_that_was_acknowledged() {
    let (image, name, good) = unacknowledged();
    let whole = fs::read(image.path().join(&name)).unwrap();
    let middle = good + 200;
    let mut hole = whole.clone();
    hole[middle..whole.len() - 20].fill(0);
    let mut last = whole.clone();
    let end = last.len() - 1;
    last[end] = 0;
    for torn in [&whole[..middle], &hole, &last] {
        let image = copy(image.path());
        fs::write(image.path().join(&name), torn).unwrap();
        assert_eq!(length(image), ACKNOWLEDGED);
    }
    assert_eq!(length(image), WRITTEN);
}

#[test]
fn a_store_that_was_never_finished_is_made_anew() {
    let dir = scratch();
    fs::create_dir(dir.path().join("db")).unwrap();
    fs::write(dir.path().join("format"), "causerie store 2\n").unwrap();
    fs::write(dir.path().join("db/0.jnl"), [0; 100]).unwrap();
    assert_eq!(length(dir), 0);
}

#[test]
fn what_waits_when_the_store_is_dropped_is_written_and_answered() {
    let subject = stopped_at(Step::BeforeWrite);
    let (reply, answer) = sync_channel(1);
    let late = batch(conversation(2), 1..=1);
    subject.store().append(PendingAppend::new(late, move |result| reply.send(result.is_ok()).unwrap()));
    subject.lab.release();
    let dir = subject.close();
    assert_eq!(answer.recv(), Ok(true));
    let subject = OnDisk::open(dir);
    assert_eq!(ok(subject.store().read(conversation(2), Seq(1), END, ALL)), [entry(1)]);
}
