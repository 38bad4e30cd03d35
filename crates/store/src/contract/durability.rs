//! What was acknowledged stays.

use causerie_protocol::Seq;

use super::sample::{ALL, END, batch, batches, conversation, cursor, device, entry, time, update, user};
use super::{Subject, assert_last_event, commit, ok};
use crate::committed::PendingAppend;
use crate::model::Profile;
use crate::port::{Conversations, Messages, Users};

/// Of every table.
pub fn everything_acknowledged_survives_reopening<S: Subject>() {
    let subject = S::new();
    for batch in batches(conversation(1), 200) {
        commit(subject.store(), batch).expect("it is stored");
    }
    ok(subject.store().put_cursors(vec![update(conversation(1), "bob", "phone", cursor(3, 2))]));
    let profile = Profile { display_name: Some("Bob".into()), picture: None };
    ok(subject.store().put_profile(user("bob"), profile.clone()));
    ok(subject.store().put_last_seen(vec![(user("bob"), time(5))]));
    let subject = subject.reopen();
    let store = subject.store();
    let read = ok(store.read(conversation(1), Seq(1), END, ALL));
    assert_eq!(read, (1..=200).map(entry).collect::<Vec<_>>());
    let devices = ok(store.device_cursors(user("bob"), conversation(1)));
    assert_eq!(devices, [(device("phone"), cursor(3, 2))]);
    assert_eq!(ok(store.profiles(vec![user("bob")])), [profile]);
    assert_eq!(ok(store.last_seen(vec![user("bob")])), [Some(time(5))]);
    assert_last_event(store, 201);
    commit(store, batch(conversation(1), 201..=201)).expect("it goes on");
}

/// What was acknowledged is there; of what was under way, each batch is whole or not there, and can be sent again.
pub fn a_crash_leaves_batches_whole_or_absent<S: Subject>() {
    let subject = S::new();
    let [first, second] = [conversation(1), conversation(2)];
    commit(subject.store(), batch(first, 1..=20)).expect("it is stored");
    subject.hold();
    for batch in [batch(first, 21..=40), batch(second, 1..=20)] {
        subject.store().append(PendingAppend::new(batch, |_| ()));
    }
    subject.wait_held();
    let subject = subject.crash();
    let store = subject.store();
    for (id, acknowledged, last) in [(first, 20, 40), (second, 0, 20)] {
        let read = ok(store.read(id, Seq(1), END, ALL));
        assert!(read.len() == acknowledged || read.len() as u64 == last, "{} of {last}", read.len());
        assert_eq!(read, (1..=read.len() as u64).map(entry).collect::<Vec<_>>());
        commit(store, batch(id, last - 19..=last)).expect("the identical batch may be tried again");
        assert_eq!(ok(store.read(id, Seq(1), END, ALL)).len() as u64, last);
    }
}
