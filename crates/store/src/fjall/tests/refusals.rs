//! When the disk is full, broken, taken or of another time.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::{fs, io};

use causerie_protocol::Seq;
use causerie_protocol::snowflake::NodeNumber;

use super::lab::{Lab, OnDisk, config};
use crate::committed::PendingAppend;
use crate::contract::sample::{ALL, END, batch, conversation, entry, of, time, user};
use crate::contract::{Subject, commit, ok, wait};
use crate::fjall::hooks::{Hooks, Step};
use crate::fjall::{FjallConfig, FjallStore, OpenError};
use crate::model::Entry;
use crate::port::messages::{AppendError, Messages};
use crate::port::{Ownership, ReadError, Users, WriteError};

fn refusal(store: &FjallStore, seq: u64) -> String {
    match commit(store, batch(conversation(1), seq..=seq)) {
        Err((_, AppendError::Refused(reason))) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_full_disk_refuses_and_recovers_by_itself() {
    let subject = OnDisk::new();
    let store = subject.store();
    commit(store, batch(conversation(1), 1..=1)).unwrap();
    subject.lab.set_free(999);
    assert_eq!(refusal(store, 2), "the disk is full: 999 bytes are free, 1000 are kept");
    let ceiling = wait(store.raise_id_ceiling(time(5)));
    assert!(matches!(ceiling, Err(WriteError::Refused(_))), "{ceiling:?}");
    assert_eq!(ok(store.read(conversation(1), Seq(1), END, ALL)), [entry(1)]);
    assert!(store.gate_open());
    subject.lab.set_free(1000);
    commit(store, batch(conversation(1), 2..=2)).unwrap();
}

#[test]
fn a_failed_sync_is_unknown_once_and_then_nothing_is_written() {
    for step in [Step::BeforeWrite, Step::AfterSync] {
        let (told, fatal) = sync_channel(10);
        let subject = OnDisk::open_with(tempfile::tempdir().unwrap(), |config| FjallConfig {
            on_fatal: Box::new(move |reason| told.send(reason).unwrap()),
            ..config
        });
        let store = subject.store();
        commit(store, batch(conversation(1), 1..=1)).unwrap();
        subject.lab.fail(step);
        let (_, error) = commit(store, batch(conversation(1), 2..=2)).unwrap_err();
        assert!(matches!(&error, AppendError::Unknown(reason) if reason.contains("broken")), "{error}");
        assert!(fatal.recv().unwrap().contains("the disk is broken"));
        assert!(!store.gate_open());
        assert!(refusal(store, 3).contains("the store has stopped"));
        assert!(fatal.try_recv().is_err(), "it is told once");
        let read = ok(store.read(conversation(1), Seq(1), END, ALL));
        assert_eq!(read, [entry(1)], "what is durable can be read until the process exits");
        let subject = subject.reopen();
        assert!(!ok(subject.store().read(conversation(1), Seq(1), END, ALL)).is_empty());
    }
}

#[test]
fn a_full_queue_refuses_at_once() {
    let subject =
        OnDisk::open_with(tempfile::tempdir().unwrap(), |config| FjallConfig { commit_queue: 1, ..config });
    subject.lab.hold(Step::BeforeWrite);
    let (reply, answers) = sync_channel(3);
    let append = |number| {
        let reply = reply.clone();
        subject.store().append(PendingAppend::new(batch(conversation(number), 1..=1), move |result| {
            reply.send((number, result.map(drop).map_err(|(_, error)| error))).unwrap();
        }));
    };
    append(1);
    subject.lab.wait_standing();
    append(2);
    append(3);
    let full = AppendError::Refused("too many writes are waiting".to_owned());
    assert_eq!(answers.try_recv(), Ok((3, Err(full))));
    assert_eq!(subject.store().metrics().queue_depth.load(std::sync::atomic::Ordering::Relaxed), 1);
    subject.lab.release();
    assert_eq!([answers.recv(), answers.recv()], [Ok((1, Ok(()))), Ok((2, Ok(())))]);
}

#[test]
fn too_many_reads_are_unavailable_at_once() {
    let few = |config| FjallConfig { readers: 1, read_queue: 1, ..config };
    let subject = OnDisk::open_with(tempfile::tempdir().unwrap(), few);
    let (started, start) = sync_channel(1);
    let (go_on, gate) = sync_channel::<()>(1);
    let slow = subject.store().readers.read(move |_| {
        started.send(()).unwrap();
        gate.recv().unwrap();
        Ok(())
    });
    start.recv().unwrap();
    let waits = subject.store().settings(user("alice"));
    let refused = wait(subject.store().settings(user("alice")));
    assert_eq!(refused, Err(ReadError::Unavailable("too many reads are waiting".to_owned())));
    go_on.send(()).unwrap();
    wait(slow).unwrap();
    assert_eq!(&*wait(waits).unwrap(), "{}");
}

#[test]
fn a_read_that_panics_is_unavailable_and_the_next_is_done() {
    let one = |config| FjallConfig { readers: 1, ..config };
    let subject = OnDisk::open_with(tempfile::tempdir().unwrap(), one);
    let broken = subject.store().readers.read::<()>(|_| panic!("an engine that panics"));
    assert!(matches!(wait(broken), Err(ReadError::Unavailable(_))));
    assert_eq!(&*ok(subject.store().settings(user("alice"))), "{}");
}

#[test]
fn a_committer_that_panics_stops_the_store() {
    struct Panics;
    impl Hooks for Panics {
        fn at(&self, _: Step) -> io::Result<()> {
            Ok(())
        }
        fn available(&self, _: &Path) -> io::Result<u64> {
            panic!("a file system that panics")
        }
    }
    let (told, fatal) = sync_channel(1);
    let subject = OnDisk::open_with(tempfile::tempdir().unwrap(), |config| FjallConfig {
        hooks: Arc::new(Panics),
        on_fatal: Box::new(move |reason| told.send(reason).unwrap()),
        ..config
    });
    let (_, error) = commit(subject.store(), batch(conversation(1), 1..=1)).unwrap_err();
    assert!(matches!(error, AppendError::Unknown(_)), "{error}");
    assert_eq!(fatal.recv().unwrap(), "the committer panicked");
    assert!(!subject.store().gate_open());
}

#[test]
fn an_entry_that_could_not_be_read_again_is_refused_alone() {
    let subject = OnDisk::new();
    let body = causerie_protocol::Body::text(&"x".repeat(5 * 1024 * 1024));
    let huge = of(conversation(1), vec![Entry { body, ..entry(1) }]);
    let (_, error) = commit(subject.store(), huge).unwrap_err();
    assert!(matches!(error, AppendError::Refused(_)), "{error}");
    commit(subject.store(), batch(conversation(1), 1..=1)).unwrap();
}

#[test]
fn a_directory_in_use_says_by_whom() {
    let subject = OnDisk::new();
    let dir = subject.image();
    drop(FjallStore::open(config(dir.path(), &Arc::<Lab>::default())).unwrap());
    let first = FjallStore::open(config(dir.path(), &Arc::<Lab>::default())).unwrap();
    let error = FjallStore::open(config(dir.path(), &Arc::<Lab>::default())).unwrap_err();
    let expected = format!("{} is in use by process {}", dir.path().display(), std::process::id());
    assert_eq!(error.to_string(), expected);
    assert!(matches!(error, OpenError::Locked { .. }));
    drop(first);
    FjallStore::open(config(dir.path(), &Arc::<Lab>::default())).unwrap();
}

#[test]
fn another_format_is_refused_and_left_alone() {
    let dir = OnDisk::new().close();
    fs::write(dir.path().join("format"), "causerie store 7\n").unwrap();
    let error = FjallStore::open(config(dir.path(), &Arc::<Lab>::default())).unwrap_err();
    assert!(matches!(error, OpenError::NewerFormat { found: 7, .. }), "{error}");
    fs::write(dir.path().join("format"), "causerie store 1\n").unwrap();
    let error = FjallStore::open(config(dir.path(), &Arc::<Lab>::default())).unwrap_err();
    assert!(matches!(error, OpenError::OlderFormat { found: 1, .. }), "{error}");
    fs::write(dir.path().join("format"), "causerie store 2\n").unwrap();
    FjallStore::open(config(dir.path(), &Arc::<Lab>::default())).unwrap();
}

#[test]
fn a_node_number_is_kept_until_another_is_configured() {
    let with = |number| move |config| FjallConfig { node: NodeNumber::new(number), ..config };
    let subject = OnDisk::open_with(tempfile::tempdir().unwrap(), with(77));
    assert_eq!(subject.store().grant().node.get(), 77);
    let subject = subject.reopen();
    assert_eq!(subject.store().grant().node.get(), 77);
    let subject = OnDisk::open_with(subject.close(), with(0));
    assert_eq!(subject.store().grant().node.get(), 0);
    assert_eq!(OnDisk::new().store().grant().node.get(), 1);
}

#[test]
fn what_was_done_is_counted() {
    let subject = OnDisk::new();
    let metrics = subject.store().metrics();
    let opening = metrics.syncs.count();
    commit(subject.store(), batch(conversation(1), 1..=3)).unwrap();
    commit(subject.store(), batch(conversation(1), 4..=4)).unwrap();
    subject.lab.set_free(0);
    refusal(subject.store(), 5);
    let read = |counter: &std::sync::atomic::AtomicU64| counter.load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!((read(&metrics.appends), read(&metrics.entries), read(&metrics.refused)), (2, 4, 1));
    assert_eq!(
        (metrics.syncs.count() - opening, read(&metrics.disk_free), read(&metrics.queue_depth)),
        (2, 0, 0)
    );
    assert!(read(&metrics.bytes) > 4 * 100);
}
