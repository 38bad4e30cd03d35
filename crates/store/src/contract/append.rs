//! What is appended is read back, whole.

use causerie_protocol::frame::down::{EntryKind, Role};
use causerie_protocol::{Body, Seq};

use super::sample::{ALL, END, batch, change, conversation, direct, entry, group, member, of, user};
use super::{Subject, commit, ok};
use crate::model::{Batch, Entry, Projection};
use crate::port::Conversations;
use crate::port::messages::{AppendError, Messages};

/// Every field, byte for byte, whatever stands in it.
pub fn entries_are_read_back_as_they_were_written<S: Subject>() {
    let subject = S::new();
    let bodies = ["", "\0", "\u{202e}abc", "line\nbreak", "🦀", &"long ".repeat(10_000)];
    let entries = bodies.iter().zip(1..).map(|(text, seq)| Entry {
        kind: if seq % 2 == 0 { EntryKind::Membership } else { EntryKind::Message },
        from: user(&format!("Zoë|{seq}")),
        body: Body::text(text),
        ..entry(seq)
    });
    let written = of(conversation(1), entries.collect());
    let committed = commit(subject.store(), written.clone()).expect("it is stored");
    assert_eq!(*committed.batch(), written);
    let read = ok(subject.store().read(conversation(1), Seq(1), END, ALL));
    assert_eq!(read, written.entries);
}

/// Entry and projection are there together.
pub fn a_batch_brings_its_projections_with_it<S: Subject>() {
    let subject = S::new();
    let id = conversation(1);
    let projections =
        vec![Projection::Conversation(group(1)), Projection::Member(user("alice"), member(Role::Owner, 1))];
    commit(subject.store(), change(id, 1, projections)).expect("it is stored");
    let state = ok(subject.store().load(id)).expect("it is there");
    assert_eq!((state.row, state.members.len()), (group(1), 1));
    assert_eq!(ok(subject.store().read(id, Seq(1), END, ALL)).len(), 1);
    assert_eq!(ok(subject.store().load(conversation(2))), None);
}

/// Nothing of it is written, and nothing else suffers.
pub fn a_malformed_batch_is_refused_alone<S: Subject>() {
    let subject = S::new();
    let mut gap = batch(conversation(1), 1..=3);
    gap.entries.remove(1);
    let many = batch(conversation(2), 1..=Batch::MAX_ENTRIES as u64 + 1);
    for bad in [gap, many] {
        let (back, error) = commit(subject.store(), bad.clone()).expect_err("it is refused");
        assert!(matches!(error, AppendError::Refused(_)), "{error}");
        assert_eq!(back, bad);
        assert_eq!(ok(subject.store().read(bad.conversation, Seq(1), END, ALL)), []);
    }
    commit(subject.store(), batch(conversation(1), 1..=3)).expect("it is stored");
}

/// Members without a message.
pub fn a_direct_conversation_begins_with_no_entry<S: Subject>() {
    let subject = S::new();
    let id = conversation(1);
    let projections = vec![
        Projection::Conversation(direct()),
        Projection::Member(user("alice"), member(Role::Member, 0)),
        Projection::Member(user("bob"), member(Role::Member, 0)),
    ];
    commit(subject.store(), change(id, 0, projections)).expect("it is stored");
    let state = ok(subject.store().load(id)).expect("it is there");
    assert_eq!(state.row, direct());
    assert_eq!(state.members.iter().map(|(user, ..)| user.as_str()).collect::<Vec<_>>(), ["alice", "bob"]);
    assert_eq!(ok(subject.store().heads(vec![id])), [None]);
}

/// Neighbours in whatever order a store keeps them.
pub fn conversations_do_not_mix<S: Subject>() {
    let subject = S::new();
    for number in [0, 1, 2, u64::MAX] {
        commit(subject.store(), batch(conversation(number), 1..=2)).expect("it is stored");
    }
    for number in [0, 1, 2, u64::MAX] {
        let read = ok(subject.store().read(conversation(number), Seq(0), END, ALL));
        assert_eq!(read, [entry(1), entry(2)]);
    }
}
