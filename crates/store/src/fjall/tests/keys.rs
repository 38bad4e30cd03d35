//! Idempotency keys on their way from memory to tables.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use super::lab::{Lab, OnDisk, config};
use crate::contract::sample::{batches, client_id, conversation, entry, of, user};
use crate::contract::{Subject, commit, ok};
use crate::fjall::hooks::Step;
use crate::fjall::{FjallConfig, FjallStore};
use crate::model::Batch;
use crate::port::Messages;
use crate::port::messages::AppendError;

const FEW: usize = 100;

fn few(config: FjallConfig) -> FjallConfig {
    FjallConfig { keys_in_memory: FEW, ..config }
}

fn open(dir: &Path) -> FjallStore {
    FjallStore::open(few(config(dir, &Arc::<Lab>::default()))).unwrap()
}

/// Every key up to `last` is found, no other, and none can be stored again.
fn all_are_there(store: &FjallStore, last: u64) {
    let id = conversation(1);
    let keys = (1..=last + 1).map(|seq| (user("alice"), client_id(seq))).collect();
    let found: Vec<_> = ok(store.find(id, keys)).into_iter().map(|entry| entry.map(|it| it.seq.0)).collect();
    let expected: Vec<_> = (1..=last).map(Some).chain([None]).collect();
    assert_eq!(found, expected);
    assert_eq!(ok(store.highest_key(id)), Some(client_id(last)));
    let again = [1, last / 2, last].map(|seq| crate::Entry { seq: entry(last + 1).seq, ..entry(seq) });
    for old in again {
        let batch = Batch { check_keys: true, ..of(id, vec![old]) };
        assert_eq!(commit(store, batch).unwrap_err().1, AppendError::Exists(vec![0]));
    }
}

#[test]
fn keys_are_found_in_memory_while_they_are_written_and_in_tables() {
    let subject = OnDisk::open_with(tempfile::tempdir().unwrap(), few);
    let mut batches = batches(conversation(1), 1_000);
    let mut fill = |up_to: u64| {
        for batch in batches.by_ref() {
            let last = batch.entries.last().unwrap().seq.0;
            commit(subject.store(), batch).unwrap();
            if last >= up_to {
                return last;
            }
        }
        1_000
    };
    all_are_there(subject.store(), fill(50));
    subject.lab.hold(Step::WriteKeys);
    let last = fill(150);
    subject.lab.wait_standing();
    all_are_there(subject.store(), last);
    subject.lab.release();
    subject.store().shared.keys.wait_written();
    all_are_there(subject.store(), last);
    all_are_there(subject.store(), fill(1_000));
    all_are_there(subject.reopen().store(), 1_000);
}

/// Whatever of the keys is in tables when the process dies.
#[test]
fn keys_that_were_not_written_are_read_from_the_log() {
    for step in [None, Some(Step::WriteKeys)] {
        let subject = OnDisk::open_with(tempfile::tempdir().unwrap(), few);
        let mut all: Vec<_> = batches(conversation(1), 180).collect();
        let last = all.pop().unwrap();
        if let Some(step) = step {
            subject.lab.hold(step);
        }
        all.into_iter().for_each(|batch| commit(subject.store(), batch).map(drop).unwrap());
        match step {
            Some(_) => subject.lab.wait_standing(),
            None => subject.store().shared.keys.wait_written(),
        }
        commit(subject.store(), last).unwrap();
        let image = subject.image();
        subject.lab.release();
        all_are_there(&open(image.path()), 180);
    }
}

#[test]
fn keys_that_cannot_be_written_end_the_store() {
    let (told, fatal) = sync_channel(10);
    let subject = OnDisk::open_with(tempfile::tempdir().unwrap(), |config| FjallConfig {
        on_fatal: Box::new(move |reason| told.send(reason).unwrap()),
        ..few(config)
    });
    subject.lab.fail(Step::WriteKeys);
    let refused = batches(conversation(1), 100_000)
        .find_map(|batch| commit(subject.store(), batch).err())
        .expect("it does not go on for ever");
    assert!(matches!(refused.1, AppendError::Refused(_)), "{:?}", refused.1);
    assert!(fatal.recv().unwrap().contains("the disk is broken"));
    let head = ok(subject.store().heads(vec![conversation(1)])).pop().flatten().unwrap().seq.0;
    all_are_there(&open(subject.close().path()), head);
}
