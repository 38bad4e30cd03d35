//! The event log: complete, in order, resumable.

use std::collections::BTreeSet;

use causerie_protocol::Seq;

use super::sample::{batch, conversation, cursor, entry, update, user};
use super::{Subject, assert_last_event, commit, event_log, ok, wait};
use crate::model::{Event, EventBody, EventPosition};
use crate::port::{Conversations, Store};

/// Three batches and two receipts, over two conversations.
fn happen<S: Subject>() -> (S, Vec<Event>) {
    let subject = S::new();
    let [first, second] = [conversation(1), conversation(2)];
    commit(subject.store(), batch(first, 1..=3)).expect("it is stored");
    ok(subject.store().put_cursors(vec![update(first, "bob", "phone", cursor(2, 1))]));
    commit(subject.store(), batch(second, 1..=1)).expect("it is stored");
    commit(subject.store(), batch(first, 4..=5)).expect("it is stored");
    ok(subject.store().put_cursors(vec![update(first, "bob", "tablet", cursor(5, 0))]));
    let receipt = |delivered, read| EventBody::Receipt { user: user("bob"), cursor: cursor(delivered, read) };
    let message = |seq| EventBody::Entry(entry(seq));
    let expected = [
        (first, message(1)),
        (first, message(2)),
        (first, message(3)),
        (first, receipt(2, 1)),
        (second, message(1)),
        (first, message(4)),
        (first, message(5)),
        (first, receipt(5, 1)),
    ];
    let expected = expected.into_iter().zip(1..).map(|((conversation, body), position)| Event {
        position: EventPosition(position),
        conversation,
        body,
    });
    (subject, expected.collect())
}

/// As they happened.
pub fn entries_and_receipts_come_in_order<S: Subject>() {
    let (subject, expected) = happen::<S>();
    assert_eq!(ok(event_log(subject.store()).events(EventPosition(0), 100)), expected);
    assert_last_event(subject.store(), 8);
}

/// Also in the middle of a batch, with every limit.
pub fn reading_resumes_at_every_position<S: Subject>() {
    let (subject, expected) = happen::<S>();
    for after in 0..=expected.len() {
        for limit in 0..=expected.len() {
            let read = ok(event_log(subject.store()).events(EventPosition(after as u64), limit));
            let end = (after + limit).min(expected.len());
            assert_eq!(read, expected[after..end], "{limit} after {after}");
        }
    }
    assert_eq!(ok(event_log(subject.store()).events(EventPosition(99), 10)), []);
    assert_eq!(ok(event_log(subject.store()).events(EventPosition(u64::MAX), 10)), []);
}

/// Whether it has happened already or not.
pub fn the_next_event_wakes_who_waits<S: Subject>() {
    let subject = S::new();
    let early = event_log(subject.store()).event_after(EventPosition(0));
    commit(subject.store(), batch(conversation(1), 1..=2)).expect("it is stored");
    wait(early);
    wait(event_log(subject.store()).event_after(EventPosition(1)));
    let next = event_log(subject.store()).event_after(EventPosition(2));
    std::thread::scope(|scope| {
        scope.spawn(move || wait(next));
        commit(subject.store(), batch(conversation(1), 3..=3)).expect("it is stored");
    });
}

/// None is used twice.
pub fn positions_go_on_after_reopening<S: Subject>() {
    let (subject, mut expected) = happen::<S>();
    let subject = subject.reopen();
    commit(subject.store(), batch(conversation(2), 2..=2)).expect("it is stored");
    let (position, conversation) = (EventPosition(9), conversation(2));
    expected.push(Event { position, conversation, body: EventBody::Entry(entry(2)) });
    assert_eq!(read_all(subject.store()), expected);
    let seqs = expected.iter().filter_map(|event| match &event.body {
        EventBody::Entry(entry) => Some((event.conversation, entry.seq)),
        EventBody::Receipt { .. } => None,
    });
    assert_eq!(seqs.collect::<BTreeSet<(_, Seq)>>().len(), 7);
}

fn read_all(store: &impl Store) -> Vec<Event> {
    ok(event_log(store).events(EventPosition(0), 100))
}
