//! A sender's message is found by its key, however old it is.

use super::sample::{batches, client_id, conversation, entry, of, user};
use super::{Subject, commit, ok};
use crate::model::Entry;
use crate::port::Messages;

/// Behind 10,000 newer messages, and after reopening.
pub fn a_key_is_found_however_old<S: Subject>() {
    let subject = S::new();
    let id = conversation(1);
    for batch in batches(id, 10_001) {
        commit(subject.store(), batch).expect("it is stored");
    }
    let alice = user("alice");
    let wanted = [1, 10_001, 10_002, 5_000];
    let keys = wanted.map(|seq| (alice.clone(), client_id(seq))).to_vec();
    let expected = [Some(entry(1)), Some(entry(10_001)), None, Some(entry(5_000))];
    assert_eq!(ok(subject.store().find(id, keys.clone())), expected);
    let subject = subject.reopen();
    assert_eq!(ok(subject.store().find(id, keys)), expected);
}

/// The same client id is another key of another sender, and in another conversation.
pub fn a_key_is_the_senders_and_the_conversations<S: Subject>() {
    let subject = S::new();
    let id = conversation(1);
    let of_bob = Entry { from: user("bob"), client_message_id: client_id(1), ..entry(2) };
    let entries = vec![entry(1), of_bob.clone()];
    commit(subject.store(), of(id, entries)).expect("it is stored");
    let find = |id, who| ok(subject.store().find(id, vec![(user(who), client_id(1))]));
    assert_eq!(find(id, "alice"), [Some(entry(1))]);
    assert_eq!(find(id, "bob"), [Some(of_bob)]);
    assert_eq!(find(id, "bo"), [None]);
    assert_eq!(find(conversation(2), "alice"), [None]);
}
