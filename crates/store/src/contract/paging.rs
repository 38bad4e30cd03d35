//! Reading in pages: everything once, in order.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;

use causerie_protocol::{Body, ConversationId, Seq};

use super::sample::{ALL, END, batch, batches, conversation, entry, of};
use super::{Subject, commit, ok};
use crate::model::Entry;
use crate::port::messages::ReadLimit;
use crate::port::{Messages, Store};

/// Where other stores end a partition.
const BORDER: u64 = 4096;

fn items(items: usize) -> ReadLimit {
    ReadLimit { items, bytes: usize::MAX }
}

/// Forwards from 0 to the end, page by page.
fn forwards(store: &impl Store, id: ConversationId, page: usize) -> Vec<Entry> {
    let mut all: Vec<Entry> = Vec::new();
    loop {
        let next = all.last().map_or(Seq(1), |entry| entry.seq.next());
        let read = ok(store.read(id, next, END, items(page)));
        if read.is_empty() {
            return all;
        }
        all.extend(read);
    }
}

/// With pages that end before, at and after the border; in both directions.
pub fn pages_are_complete_at_every_border<S: Subject>() {
    let subject = S::new();
    let (id, length) = (conversation(1), BORDER + 100);
    for batch in batches(id, length) {
        commit(subject.store(), batch).expect("it is stored");
    }
    let expected: Vec<Entry> = (1..=length).map(entry).collect();
    for page in [usize::try_from(BORDER).expect("a small number"), 1000, 4095, 4097, 64] {
        assert_eq!(forwards(subject.store(), id, page), expected, "{page} to a page");
        let (mut back, mut last) = (Vec::new(), END);
        loop {
            let read = ok(subject.store().read_back(id, Seq(1), last, items(page)));
            let Some(first) = read.first() else { break };
            last = Seq(first.seq.0 - 1);
            back.push(read);
        }
        assert_eq!(
            back.into_iter().rev().flatten().collect::<Vec<_>>(),
            expected,
            "{page} to a page, backwards"
        );
    }
    for (first, last) in
        [(BORDER - 1, BORDER), (BORDER, BORDER), (BORDER, BORDER + 1), (BORDER + 1, BORDER + 1)]
    {
        let range = (first..=last).map(entry).collect::<Vec<_>>();
        assert_eq!(ok(subject.store().read(id, Seq(first), Seq(last), ALL)), range);
        assert_eq!(ok(subject.store().read_back(id, Seq(first), Seq(last), ALL)), range);
    }
}

/// By entries and by bytes of bodies.
pub fn limits_end_a_page_and_the_first_always_fits<S: Subject>() {
    let subject = S::new();
    let id = conversation(1);
    let entries = (1..=5).map(|seq| Entry { body: Body::text(&"x".repeat(1000)), ..entry(seq) });
    let written = of(id, entries.collect());
    commit(subject.store(), written).expect("it is stored");
    let seqs = |entries: Vec<Entry>| entries.into_iter().map(|entry| entry.seq.0).collect::<Vec<_>>();
    for (items, bytes, forwards, back) in [
        (10, 1, vec![1], vec![5]),
        (10, 2500, vec![1, 2], vec![4, 5]),
        (3, usize::MAX, vec![1, 2, 3], vec![3, 4, 5]),
        (0, usize::MAX, vec![], vec![]),
    ] {
        let limit = ReadLimit { items, bytes };
        assert_eq!(seqs(ok(subject.store().read(id, Seq(1), END, limit))), forwards);
        assert_eq!(seqs(ok(subject.store().read_back(id, Seq(1), END, limit))), back);
    }
}

/// Rather than errors.
pub fn ranges_outside_the_log_are_empty<S: Subject>() {
    let subject = S::new();
    let id = conversation(1);
    commit(subject.store(), batch(id, 1..=5)).expect("it is stored");
    for (first, last) in [(6, 9), (4, 3), (0, 0), (u64::MAX, u64::MAX)] {
        assert_eq!(ok(subject.store().read(id, Seq(first), Seq(last), ALL)), [], "{first} to {last}");
        assert_eq!(ok(subject.store().read_back(id, Seq(first), Seq(last), ALL)), [], "{first} to {last}");
    }
    assert_eq!(ok(subject.store().read(id, Seq(4), END, ALL)), [entry(4), entry(5)]);
    assert_eq!(ok(subject.store().read_back(id, Seq(4), END, ALL)), [entry(4), entry(5)]);
}

/// No skip, no repeat, no gap, whenever a page is read.
pub fn pages_are_complete_while_others_append<S: Subject>() {
    let subject = S::new();
    let (store, id, length) = (subject.store(), conversation(1), 2_000);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for batch in batches(id, length) {
                commit(store, batch).expect("it is stored");
            }
            done.store(true, SeqCst);
        });
        let mut next = 1;
        loop {
            let finished = done.load(SeqCst);
            let page = ok(store.read(id, Seq(next), END, items(100)));
            for found in &page {
                assert_eq!(*found, entry(next));
                next += 1;
            }
            if page.is_empty() && finished {
                break;
            }
        }
        assert_eq!(next, length + 1);
    });
}

/// In the order asked for.
pub fn heads_are_the_last_entries<S: Subject>() {
    let subject = S::new();
    commit(subject.store(), batch(conversation(1), 1..=3)).expect("it is stored");
    commit(subject.store(), batch(conversation(2), 1..=1)).expect("it is stored");
    commit(subject.store(), batch(conversation(1), 4..=4)).expect("it is stored");
    let ids = [3, 2, 1, 2].map(conversation).to_vec();
    let expected = [None, Some(entry(1)), Some(entry(4)), Some(entry(1))];
    assert_eq!(ok(subject.store().heads(ids)), expected);
}
