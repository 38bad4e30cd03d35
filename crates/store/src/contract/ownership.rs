//! What a node is granted.

use super::sample::time;
use super::{Subject, ok};
use crate::port::Ownership;

/// A new term for each opening, in order or after a crash.
pub fn the_grant_is_kept_and_the_term_rises<S: Subject>() {
    let subject = S::new();
    let first = subject.store().grant();
    assert!(subject.store().gate_open());
    let subject = subject.reopen();
    let second = subject.store().grant();
    let third = subject.crash().store().grant();
    assert_eq!((first.node, first.id_floor), (third.node, third.id_floor));
    assert!(first.epoch < second.epoch && second.epoch < third.epoch);
}

/// And is where the ids of the next opening begin.
pub fn a_ceiling_never_falls<S: Subject>() {
    let subject = S::new();
    assert_eq!(subject.store().grant().id_floor, time(0));
    ok(subject.store().raise_id_ceiling(time(500)));
    ok(subject.store().raise_id_ceiling(time(400)));
    assert_eq!(subject.crash().store().grant().id_floor, time(500));
}
