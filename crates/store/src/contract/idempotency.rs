//! A sender's message is found by its key, however old it is.

use super::sample::{batches, client_id, conversation, entry, of, user};
use super::{Subject, commit, ok};
use crate::model::{Batch, Entry};
use crate::port::Messages;
use crate::port::messages::AppendError;

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

/// A batch that asks for it is refused as a whole when the log has a key of it, however old, and only then.
pub fn a_key_that_is_there_is_not_stored_again<S: Subject>() {
    let subject = S::new();
    let id = conversation(1);
    for batch in batches(id, 2_000) {
        commit(subject.store(), batch).expect("it is stored");
    }
    let subject = subject.reopen();
    let checked = |entries| Batch { check_keys: true, ..of(id, entries) };
    let again = |seq, old| Entry { client_message_id: client_id(old), ..entry(seq) };
    let error = commit(subject.store(), checked(vec![entry(2_001), again(2_002, 7), again(2_003, 1_999)]));
    assert_eq!(error.expect_err("two keys are there").1, AppendError::Exists(vec![1, 2]));
    assert_eq!(ok(subject.store().heads(vec![id])), [Some(entry(2_000))]);
    let of_bob = Entry { from: user("bob"), ..again(2_002, 7) };
    commit(subject.store(), checked(vec![entry(2_001), of_bob])).expect("these are other keys");
    commit(subject.store(), checked(vec![entry(2_003)])).expect("so is this");
    let error = commit(subject.store(), checked(vec![again(2_004, 2_003)]));
    assert_eq!(error.expect_err("it was stored just now").1, AppendError::Exists(vec![0]));
}

/// Whoever sent it, and after reopening.
pub fn the_highest_key_is_known<S: Subject>() {
    let subject = S::new();
    let (id, other) = (conversation(1), conversation(2));
    assert_eq!(ok(subject.store().highest_key(id)), None);
    let entries = [(1, 7, "alice"), (2, 9, "zoe"), (3, 8, "alice")].map(|(seq, key, who)| Entry {
        from: user(who),
        client_message_id: client_id(key),
        ..entry(seq)
    });
    commit(subject.store(), of(id, entries.to_vec())).expect("it is stored");
    commit(subject.store(), of(other, vec![entry(1)])).expect("it is stored");
    assert_eq!(ok(subject.store().highest_key(id)), Some(client_id(9)));
    let subject = subject.reopen();
    assert_eq!(ok(subject.store().highest_key(id)), Some(client_id(9)));
    assert_eq!(ok(subject.store().highest_key(other)), Some(client_id(1)));
}
