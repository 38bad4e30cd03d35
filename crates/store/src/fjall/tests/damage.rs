//! Bits flip while the store is closed. Each is reported, or changes nothing: none is served, none loses anything
//! silently.

use std::fs;
use std::path::Path;

use causerie_protocol::Seq;

use super::lab::{OnDisk, config, copy, files, scratch};
use crate::contract::sample::{
    ALL, END, batch, batches, client_id, conversation, cursor, entry, update, user,
};
use crate::contract::{Subject, commit, ok, wait};
use crate::fjall::{FjallConfig, FjallStore, OpenError, journal, manifest};
use crate::model::{Cursor, Entry, Event, EventPosition};
use crate::port::{Conversations, Events, Messages, ReadError};

const LENGTH: u64 = 300;

/// Everything that a reader can ask for.
#[derive(Debug, PartialEq)]
struct Everything {
    log: Vec<Entry>,
    found: Vec<Option<Entry>>,
    events: Vec<Event>,
    cursor: Cursor,
}

fn read(store: &FjallStore) -> Result<Everything, ReadError> {
    let id = conversation(1);
    let keys = (1..=LENGTH).map(|seq| (user("alice"), client_id(seq))).collect();
    let devices = wait(store.device_cursors(user("bob"), id))?;
    Ok(Everything {
        log: wait(store.read(id, Seq(1), END, ALL))?,
        found: wait(store.find(id, keys))?,
        events: wait(store.events(EventPosition(0), usize::MAX))?,
        cursor: devices.first().map(|(_, cursor)| *cursor).unwrap_or_default(),
    })
}

fn fill(subject: &OnDisk) {
    for batch in batches(conversation(1), LENGTH) {
        commit(subject.store(), batch).unwrap();
    }
    ok(subject.store().put_cursors(vec![update(conversation(1), "bob", "phone", cursor(LENGTH, 7))]));
}

/// Opens and reads: the right answers or an error, and which.
fn outcome(dir: &Path, expected: &Everything) -> Result<(), String> {
    let store = match FjallStore::open(config(dir, &std::sync::Arc::default())) {
        Ok(store) => store,
        // A compaction may meet the damage before the first write does.
        Err(error @ (OpenError::Corrupt(_) | OpenError::Stopped(_) | OpenError::NewerFormat { .. })) => {
            return Err(error.to_string());
        }
        Err(other) => panic!("{other}"),
    };
    match read(&store) {
        Ok(everything) => {
            assert!(everything == *expected, "what was never written was served, or what was is missing");
            Ok(())
        }
        Err(ReadError::Corrupt(what)) => Err(what),
        Err(other) => panic!("{other}"),
    }
}

fn flip(bytes: &[u8], bit: usize) -> Vec<u8> {
    let mut flipped = bytes.to_vec();
    flipped[bit / 8] ^= 1 << (bit % 8);
    flipped
}

#[test]
fn a_bit_in_the_journal_is_reported_or_changes_nothing() {
    let subject = OnDisk::open(scratch());
    for seq in 1..=3 {
        commit(subject.store(), batch(conversation(1), seq..=seq)).unwrap();
    }
    let image = copy(subject.close().path());
    let expected = read(OnDisk::open(copy(image.path())).store()).unwrap();
    let name = Path::new("db/0.jnl");
    let bytes = fs::read(image.path().join(name)).unwrap();
    let (groups, mut unseen) = (4, 0);
    let trial = scratch();
    let path = trial.path().join("0.jnl");
    for bit in 0..bytes.len() * 8 {
        let flipped = flip(&bytes, bit);
        fs::write(&path, &flipped).unwrap();
        if journal::check(trial.path(), groups).is_err() {
            assert_eq!(fs::read(&path).unwrap(), flipped, "a damaged journal is left as it is");
            continue;
        }
        // The number by which fjall orders groups may change as long as the order does not.
        unseen += 1;
        if unseen % 16 == 0 {
            let image = copy(image.path());
            fs::write(image.path().join(name), flipped).unwrap();
            assert_eq!(outcome(image.path(), &expected), Ok(()), "bit {bit} of {name:?}");
        }
    }
    assert!(unseen < 64 * groups, "{unseen} bits passed");
}

#[test]
fn a_bit_anywhere_is_reported_or_changes_nothing() {
    // A memtable of no size is flushed with every group, so that there are tables.
    let small = |config| FjallConfig { memtable_bytes: 1, ..config };
    let subject = OnDisk::open_with(scratch(), small);
    fill(&subject);
    let image = copy(subject.close().path());
    let expected = read(OnDisk::open(copy(image.path())).store()).unwrap();
    assert_eq!(expected.log, (1..=LENGTH).map(entry).collect::<Vec<_>>());
    let mut reported = 0;
    for file in files(image.path()) {
        let name = file.strip_prefix(image.path()).unwrap();
        let bytes = fs::read(&file).unwrap();
        for at in (0..4).map(|part| bytes.len() * 2 * part + part) {
            if at >= bytes.len() * 8 || name == Path::new("lock") {
                continue;
            }
            let trial = copy(image.path());
            fs::write(trial.path().join(name), flip(&bytes, at)).unwrap();
            reported += usize::from(outcome(trial.path(), &expected).is_err());
        }
    }
    assert!(reported > 20, "only {reported} were seen");
}

#[test]
fn every_bit_of_a_list_of_tables_is_reported() {
    let dir = OnDisk::open(scratch()).close();
    let tree = dir.path().join("db/keyspaces/1");
    let trial = scratch();
    let copied = trial.path().join("keyspaces/1");
    fs::create_dir_all(&copied).unwrap();
    let lists = files(&tree).into_iter().filter(|file| file.parent() == Some(&tree));
    let lists: Vec<_> =
        lists.map(|file| (copied.join(file.file_name().unwrap()), fs::read(file).unwrap())).collect();
    assert_eq!(lists.len(), 2, "one names the other");
    lists.iter().for_each(|(path, bytes)| fs::write(path, bytes).unwrap());
    manifest::check(trial.path()).unwrap();
    for (path, bytes) in &lists {
        for bit in 0..bytes.len() * 8 {
            fs::write(path, flip(bytes, bit)).unwrap();
            assert!(manifest::check(trial.path()).is_err(), "bit {bit} of {}", path.display());
        }
        fs::write(path, bytes).unwrap();
    }
}

#[test]
fn missing_groups_are_reported_although_the_journal_looks_whole() {
    let subject = OnDisk::open(scratch());
    fill(&subject);
    let image = copy(subject.close().path());
    let path = image.path().join("db/0.jnl");
    fs::write(&path, []).unwrap();
    let expected = Everything { log: vec![], found: vec![], events: vec![], cursor: cursor(0, 0) };
    let error = outcome(image.path(), &expected).unwrap_err();
    assert!(error.contains("groups that were acknowledged are missing"), "{error}");
}
