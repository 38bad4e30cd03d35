//! What a node is granted.

use super::sample::{conversation, time};
use super::{Subject, ok};
use crate::model::Shard;
use crate::port::Ownership;

/// A new term for each opening, in order or after a crash.
pub fn the_grant_is_kept_and_the_term_rises<S: Subject>() {
    let shard = Shard::of_conversation(conversation(1));
    let (mut grants, mut terms) = (Vec::new(), Vec::new());
    let mut look = |subject: S| {
        assert!(subject.store().gate_open());
        grants.push(subject.store().grant());
        terms.push(subject.store().epoch(shard));
        subject
    };
    let subject = look(S::new());
    let subject = look(subject.reopen());
    look(subject.crash());
    assert_eq!(grants[0], grants[2]);
    assert!(terms[0].is_some() && terms[0] < terms[1] && terms[1] < terms[2], "{terms:?}");
}

/// And is where the ids of the next opening begin.
pub fn a_ceiling_never_falls<S: Subject>() {
    let subject = S::new();
    assert_eq!(subject.store().grant().id_floor, time(0));
    ok(subject.store().raise_id_ceiling(time(500)));
    ok(subject.store().raise_id_ceiling(time(400)));
    assert_eq!(subject.crash().store().grant().id_floor, time(500));
}
