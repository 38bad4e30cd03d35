//! How far everybody is: never back.

use causerie_protocol::frame::down::Role;

use super::sample::{change, conversation, cursor, device, group, member, update, user};
use super::{Subject, assert_last_event, commit, ok};
use crate::model::{Cursor, Projection};
use crate::port::{Conversations, Store};

fn begin<S: Subject>() -> S {
    let subject = S::new();
    let projections = vec![
        Projection::Conversation(group(1)),
        Projection::Member(user("alice"), member(Role::Owner, 0)),
        Projection::Member(user("bob"), member(Role::Member, 0)),
    ];
    commit(subject.store(), change(conversation(1), 0, projections)).expect("it is stored");
    subject
}

fn of(store: &impl Store, who: &str) -> Cursor {
    let listed = ok(store.conversation_of(user(who), conversation(1))).expect("it is listed").cursor;
    let state = ok(store.load(conversation(1))).expect("it is there");
    let loaded = state.members.into_iter().find(|(user, ..)| user.as_str() == who).map(|(.., cursor)| cursor);
    assert_eq!(loaded, Some(listed));
    listed
}

/// Delivered and read apart, within one call and over many.
pub fn the_highest_wins_in_any_order<S: Subject>() {
    let subject = begin::<S>();
    let put = |cursors: &[(u64, u64)]| {
        let updates = cursors
            .iter()
            .map(|(delivered, read)| update(conversation(1), "bob", "phone", cursor(*delivered, *read)));
        ok(subject.store().put_cursors(updates.collect()));
    };
    put(&[(5, 2), (3, 3), (4, 0)]);
    assert_eq!(of(subject.store(), "bob"), cursor(5, 3));
    put(&[(1, 1)]);
    assert_eq!(of(subject.store(), "bob"), cursor(5, 3));
    put(&[(6, 1), (2, 4)]);
    assert_eq!(of(subject.store(), "bob"), cursor(6, 4));
    assert_eq!(of(subject.store(), "alice"), Cursor::default());
    let subject = subject.reopen();
    assert_eq!(of(subject.store(), "bob"), cursor(6, 4));
}

/// And the user's is the highest of them; only a rise of that is an event.
pub fn each_device_has_its_own<S: Subject>() {
    let subject = begin::<S>();
    let id = conversation(1);
    ok(subject.store().put_cursors(vec![
        update(id, "bob", "tablet", cursor(9, 0)),
        update(id, "bob", "phone", cursor(4, 4)),
        update(conversation(2), "bob", "phone", cursor(1, 1)),
    ]));
    let devices = ok(subject.store().device_cursors(user("bob"), id));
    assert_eq!(devices, [(device("phone"), cursor(4, 4)), (device("tablet"), cursor(9, 0))]);
    assert_eq!(of(subject.store(), "bob"), cursor(9, 4));
    assert_last_event(subject.store(), 2);
    ok(subject.store().put_cursors(vec![update(id, "bob", "phone", cursor(8, 4))]));
    // A device has caught up, the user has not risen.
    assert_last_event(subject.store(), 2);
    assert_eq!(ok(subject.store().device_cursors(user("bo"), id)), []);
}

/// A reader need not say so.
pub fn what_is_read_is_delivered<S: Subject>() {
    let subject = begin::<S>();
    ok(subject.store().put_cursors(vec![update(conversation(1), "bob", "phone", cursor(0, 7))]));
    assert_eq!(of(subject.store(), "bob"), cursor(7, 7));
}
