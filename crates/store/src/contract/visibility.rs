//! A reader sees what is durable, and all of it.

use std::sync::mpsc::sync_channel;

use causerie_protocol::Seq;

use super::sample::{ALL, END, batch, client_id, conversation, cursor, update, user};
use super::{Subject, assert_last_event, commit, ok, wait};
use crate::committed::PendingAppend;
use crate::model::EventPosition;
use crate::port::{Conversations, Messages, Store};

/// By no way of reading; and everything at once after.
pub fn nothing_is_seen_before_it_is_durable<S: Subject>() {
    let subject = S::new();
    let (store, id) = (subject.store(), conversation(1));
    commit(store, batch(id, 1..=2)).expect("it is stored");
    subject.hold();
    let (reply, answer) = sync_channel(1);
    store.append(PendingAppend::new(batch(id, 3..=4), move |result| drop(reply.send(result))));
    let written = store.put_cursors(vec![update(id, "bob", "phone", cursor(2, 2))]);
    subject.wait_held();
    let key = vec![(user("alice"), client_id(3))];
    assert_eq!(ok(store.read(id, Seq(1), END, ALL)).len(), 2);
    assert_eq!(ok(store.read_back(id, Seq(1), END, ALL)).len(), 2);
    assert_eq!(ok(store.heads(vec![id]))[0].as_ref().map(|entry| entry.seq), Some(Seq(2)));
    assert_eq!(ok(store.find(id, key.clone())), [None]);
    assert_eq!(ok(store.device_cursors(user("bob"), id)), []);
    if let Some(log) = store.event_log() {
        assert_eq!(ok(log.events(EventPosition(0), 10)).len(), 2);
    }
    assert_last_event(store, 2);
    assert!(answer.try_recv().is_err(), "it is not acknowledged");
    subject.release();
    answer.recv().expect("it is answered").expect("it is stored");
    assert_eq!(ok(store.read(id, Seq(1), END, ALL)).len(), 4);
    assert!(ok(store.find(id, key))[0].is_some());
    wait(written).expect("it is stored");
    assert_last_event(store, 5);
}
