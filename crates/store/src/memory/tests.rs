//! The contract on the store in memory, and what only it can do.

use std::sync::mpsc::sync_channel;

use causerie_protocol::Seq;

use super::MemoryStore;
use crate::committed::PendingAppend;
use crate::contract::sample::{ALL, END, batch, conversation};
use crate::contract::{Subject, commit, ok, wait};
use crate::model::Shard;
use crate::port::messages::{AppendError, Messages};
use crate::port::outbox::Extent;
use crate::port::{Outbox, Ownership, ReadError};

struct InMemory(MemoryStore);

impl Subject for InMemory {
    type Store = MemoryStore;

    fn new() -> Self {
        Self(MemoryStore::new())
    }

    fn store(&self) -> &MemoryStore {
        &self.0
    }

    fn reopen(self) -> Self {
        self.crash()
    }

    fn hold(&self) {
        self.0.hold();
    }

    fn wait_held(&self) {
        assert!(self.0.held() > 0);
    }

    fn release(&self) {
        self.0.release();
    }

    fn crash(self) -> Self {
        Self(self.0.crash())
    }
}

crate::contract_tests!(InMemory);

#[test]
fn a_failed_append_is_not_written_and_a_lost_answer_is() {
    let store = MemoryStore::new();
    let refused = AppendError::Refused("full".into());
    store.fail_next(refused.clone());
    assert_eq!(commit(&store, batch(conversation(1), 1..=1)).unwrap_err().1, refused);
    assert_eq!(ok(store.read(conversation(1), Seq(1), END, ALL)).len(), 0);
    store.lose_next_answer();
    let (_, error) = commit(&store, batch(conversation(1), 1..=1)).unwrap_err();
    assert!(matches!(error, AppendError::Unknown(_)));
    assert_eq!(ok(store.read(conversation(1), Seq(1), END, ALL)).len(), 1);
    commit(&store, batch(conversation(1), 2..=2)).unwrap();
}

#[test]
fn a_closed_gate_acknowledges_nothing() {
    let store = MemoryStore::new();
    store.set_gate(false);
    assert!(!store.gate_open());
    let (_, error) = commit(&store, batch(conversation(1), 1..=1)).unwrap_err();
    assert!(matches!(error, AppendError::Unknown(_)));
}

#[test]
fn what_is_held_goes_one_by_one_and_in_order() {
    let store = MemoryStore::new();
    store.hold();
    let (reply, answers) = sync_channel(10);
    for number in 1..=3 {
        let reply = reply.clone();
        let append = PendingAppend::new(batch(conversation(number), 1..=1), move |result| {
            reply.send((number, result.is_ok())).unwrap();
        });
        store.append(append);
    }
    assert!(store.release_one());
    assert_eq!(answers.try_iter().collect::<Vec<_>>(), [(1, true)]);
    assert_eq!(store.held(), 2);
    let next = store.crash();
    assert_eq!(answers.try_iter().collect::<Vec<_>>(), [(2, false), (3, false)]);
    assert_eq!(ok(next.read(conversation(1), Seq(1), END, ALL)).len(), 1);
    assert_eq!(ok(next.read(conversation(2), Seq(1), END, ALL)).len(), 0);
}

#[test]
fn a_reply_may_use_the_store_again() {
    let store = MemoryStore::new();
    let (reply, answers) = sync_channel(10);
    let again = store.clone();
    store.append(PendingAppend::new(batch(conversation(1), 1..=1), move |first| {
        first.unwrap();
        again.append(PendingAppend::new(batch(conversation(1), 2..=2), move |second| {
            reply.send(second.is_ok()).unwrap();
        }));
    }));
    assert_eq!(answers.recv(), Ok(true));
}

#[test]
fn a_crashed_store_answers_nothing_more() {
    let store = MemoryStore::new();
    drop(store.crash());
    let (_, error) = commit(&store, batch(conversation(1), 1..=1)).unwrap_err();
    assert!(matches!(error, AppendError::Refused(_)));
    let read = wait(store.read(conversation(1), Seq(1), END, ALL));
    assert!(matches!(read, Err(ReadError::Unavailable(_))));
}

#[test]
fn a_mark_stays_until_everything_is_emitted() {
    let store = MemoryStore::new();
    let id = conversation(1);
    let shard = Shard::of_conversation(id);
    let marked = |store: &MemoryStore, after| ok(store.marked(shard, after, 10));
    assert_eq!(marked(&store, None), []);
    commit(&store, batch(id, 1..=3)).unwrap();
    assert_eq!(marked(&store, None), [id]);
    assert_eq!(marked(&store, Some(id)), []);
    assert_eq!(ok(store.extent(id)), Extent { emitted: Seq(0), last: Seq(3) });
    // The cursor is not there yet; then the log has gone on.
    assert!(!wait(store.clear_mark(id, Seq(3))).unwrap());
    wait(store.put_emit_cursors(vec![(id, Seq(3)), (id, Seq(2))])).unwrap();
    assert_eq!(ok(store.extent(id)), Extent { emitted: Seq(3), last: Seq(3) });
    commit(&store, batch(id, 4..=4)).unwrap();
    assert!(!wait(store.clear_mark(id, Seq(3))).unwrap());
    wait(store.put_emit_cursors(vec![(id, Seq(4))])).unwrap();
    let store = store.crash();
    assert_eq!(marked(&store, None), [id]);
    assert!(wait(store.clear_mark(id, Seq(4))).unwrap());
    assert_eq!(marked(&store, None), []);
    // What is under way when the mark is cleared brings it back.
    store.hold();
    store.append(PendingAppend::new(batch(id, 5..=5), |result| drop(result.unwrap())));
    store.release();
    assert_eq!(marked(&store, None), [id]);
}
