//! Who is in what.

use causerie_protocol::frame::down::Role;

use super::sample::{change, conversation, cursor, direct, group, member, update, user};
use super::{Subject, commit, ok};
use crate::model::{ConversationRow, MemberRow, Projection};
use crate::port::{Conversations, Store};

fn apply(store: &impl Store, seq: u64, projections: Vec<Projection>) {
    commit(store, change(conversation(1), seq, projections)).expect("it is stored");
}

fn members(store: &impl Store) -> (ConversationRow, Vec<(String, MemberRow)>) {
    let state = ok(store.load(conversation(1))).expect("it is there");
    let members = state.members.into_iter().map(|(user, row, _)| (user.to_string(), row));
    (state.row, members.collect())
}

fn added(who: &str, role: Role, since: u64) -> Projection {
    Projection::Member(user(who), member(role, since))
}

fn begin<S: Subject>() -> S {
    let subject = S::new();
    let projections = vec![
        Projection::Conversation(group(2)),
        added("alice", Role::Owner, 1),
        added("bob", Role::Member, 1),
    ];
    apply(subject.store(), 1, projections);
    subject
}

/// Each in the step of its entry; also coming and going within one step.
pub fn members_come_change_go_and_come_back<S: Subject>() {
    let subject = begin::<S>();
    let store = subject.store();
    let (alice, bob) = (("alice".to_owned(), member(Role::Owner, 1)), "bob".to_owned());
    assert_eq!(members(store), (group(2), vec![alice.clone(), (bob.clone(), member(Role::Member, 1))]));
    apply(store, 2, vec![added("bob", Role::Admin, 1)]);
    assert_eq!(members(store).1, [alice.clone(), (bob.clone(), member(Role::Admin, 1))]);
    apply(store, 3, vec![Projection::Removed(user("bob")), Projection::Conversation(group(1))]);
    assert_eq!(members(store), (group(1), vec![alice.clone()]));
    apply(store, 4, vec![added("bob", Role::Member, 4), Projection::Conversation(group(2))]);
    assert_eq!(members(store), (group(2), vec![alice.clone(), (bob, member(Role::Member, 4))]));
    apply(store, 5, vec![added("carol", Role::Member, 5), Projection::Removed(user("carol"))]);
    apply(store, 6, vec![Projection::Removed(user("nobody"))]);
    assert_eq!(members(subject.reopen().store()).1.len(), 2);
}

/// A conversation that was left stays in the list, marked, with what the user was.
pub fn a_list_keeps_what_was_left<S: Subject>() {
    let subject = begin::<S>();
    let store = subject.store();
    let other = conversation(2);
    let projections = vec![Projection::Conversation(direct()), added("bob", Role::Member, 0)];
    commit(store, change(other, 0, projections)).expect("it is stored");
    ok(store.put_cursors(vec![update(conversation(1), "bob", "phone", cursor(1, 1))]));
    apply(store, 2, vec![Projection::Removed(user("bob")), Projection::Conversation(group(1))]);
    let list = ok(store.conversations_of(user("bob")));
    assert_eq!(list.iter().map(|listed| listed.conversation).collect::<Vec<_>>(), [conversation(1), other]);
    let left = &list[0];
    assert_eq!((left.removed, left.member, left.cursor), (true, member(Role::Member, 1), cursor(0, 0)));
    assert_eq!((&left.row, list[1].removed), (&group(1), false));
    for listed in &list {
        assert_eq!(ok(store.conversation_of(user("bob"), listed.conversation)).as_ref(), Some(listed));
    }
    apply(store, 3, vec![added("bob", Role::Member, 3)]);
    let back = ok(store.conversation_of(user("bob"), conversation(1))).expect("it is listed");
    assert_eq!((back.removed, back.member, back.cursor), (false, member(Role::Member, 3), cursor(0, 0)));
    assert_eq!(ok(store.conversation_of(user("bo"), conversation(1))), None);
    assert_eq!(ok(store.conversations_of(user("bo"))), []);
}

/// Not those that were.
pub fn only_current_members_share_a_conversation<S: Subject>() {
    let subject = begin::<S>();
    let store = subject.store();
    let share = |a, b| ok(store.share_conversation(user(a), user(b)));
    assert!(share("alice", "bob") && share("bob", "alice"));
    assert!(!share("alice", "carol") && !share("carol", "dave"));
    apply(store, 2, vec![Projection::Removed(user("bob"))]);
    assert!(!share("alice", "bob") && !share("bob", "alice"));
    apply(store, 3, vec![added("bob", Role::Member, 3)]);
    assert!(share("alice", "bob"));
}

/// Written in one step, with the cursors of some, and of one that has left.
pub fn a_group_of_ten_thousand_loads_with_its_cursors<S: Subject>() {
    let subject = S::new();
    let name = |number: u64| format!("user-{number:05}");
    let mut projections = vec![Projection::Conversation(group(10_000))];
    projections.extend((0..=10_000).map(|number| added(&name(number), Role::Member, 1)));
    apply(subject.store(), 1, projections);
    let with_cursors = (0..=10_000).step_by(100);
    let updates =
        with_cursors.map(|number| update(conversation(1), &name(number), "phone", cursor(number + 1, 1)));
    ok(subject.store().put_cursors(updates.collect()));
    apply(subject.store(), 2, vec![Projection::Removed(user(&name(5_000)))]);
    let state = ok(subject.store().load(conversation(1))).expect("it is there");
    assert_eq!(state.members.len(), 10_000);
    let expected = (0..=10_000).filter(|number| *number != 5_000);
    for ((user, row, found), number) in state.members.iter().zip(expected) {
        let position = if number % 100 == 0 { cursor(number + 1, 1) } else { cursor(0, 0) };
        assert_eq!((user.as_str(), *row, *found), (&*name(number), member(Role::Member, 1), position));
    }
}
