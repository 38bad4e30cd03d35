//! Erasure: the one change of a log.

use causerie_protocol::{Body, Seq};

use super::sample::{ALL, END, batch, client_id, conversation, entry, user};
use super::{Subject, commit, ok};
use crate::model::{Entry, EventBody, EventPosition};
use crate::port::{Messages, Store};

/// Position, ids, sender, key and neighbours stay; the event log tells the new body.
pub fn a_replaced_body_changes_nothing_else<S: Subject>() {
    let subject = S::new();
    let id = conversation(1);
    commit(subject.store(), batch(id, 1..=3)).expect("it is stored");
    let erased = Body::json(&serde_json::json!({ "content_type": "application/x-erased" }));
    ok(subject.store().replace_bodies(id, vec![(Seq(2), Body::text("first try")), (Seq(2), erased.clone())]));
    let expected = [entry(1), Entry { body: erased, ..entry(2) }, entry(3)];
    let subject = subject.reopen();
    assert_eq!(ok(subject.store().read(id, Seq(1), END, ALL)), expected);
    let found = ok(subject.store().find(id, vec![(user("alice"), client_id(2))]));
    assert_eq!(found, [Some(expected[1].clone())]);
    if let Some(log) = subject.store().event_log() {
        let events = ok(log.events(EventPosition(1), 1));
        assert_eq!(events[0].body, EventBody::Entry(expected[1].clone()));
    }
}

/// Nothing is made.
pub fn positions_that_do_not_exist_are_passed_over<S: Subject>() {
    let subject = S::new();
    let id = conversation(1);
    commit(subject.store(), batch(id, 1..=1)).expect("it is stored");
    let body = Body::text("?");
    let bodies = vec![(Seq(0), body.clone()), (Seq(2), body.clone()), (END, body.clone())];
    ok(subject.store().replace_bodies(id, bodies));
    ok(subject.store().replace_bodies(conversation(2), vec![(Seq(1), body)]));
    assert_eq!(ok(subject.store().read(id, Seq(0), END, ALL)), [entry(1)]);
    assert_eq!(ok(subject.store().read(conversation(2), Seq(0), END, ALL)), []);
}
