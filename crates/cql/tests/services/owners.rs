//! Nodes that end between two steps of an append, and nodes that go on after another has taken over.

use std::sync::mpsc::{Receiver, sync_channel};

use causerie_cql::hooks::Step;
use causerie_protocol::frame::down::{EntryKind, Role};
use causerie_protocol::{ConversationId, Seq};
use causerie_store::committed::AppendResult;
use causerie_store::contract::sample::{
    ALL, END, batch, change, conversation, cursor, device, group, member, update, user,
};
use causerie_store::contract::{commit, ok};
use causerie_store::model::Projection;
use causerie_store::port::{Conversations, Messages, Ownership, Store, Users};
use causerie_store::{Batch, PendingAppend};

use crate::subject::{Instance, Keyspaces, awaiting, block_on};

fn added(who: &str, role: Role, since: u64) -> Projection {
    Projection::Member(user(who), member(role, since))
}

fn removed(who: &str) -> Projection {
    Projection::Removed(user(who))
}

/// A group of Alice and Bob, made at position 1.
fn founding(id: ConversationId) -> Batch {
    let members = [added("alice", Role::Owner, 1), added("bob", Role::Member, 1)];
    change(id, 1, [Projection::Conversation(group(2))].into_iter().chain(members).collect())
}

fn members(store: &impl Store, id: ConversationId) -> Vec<(String, Role)> {
    let state = ok(store.load(id)).expect("it is there");
    state.members.into_iter().map(|(user, row, _)| (user.to_string(), row.role)).collect()
}

fn named(members: &[(&str, Role)]) -> Vec<(String, Role)> {
    members.iter().map(|(name, role)| ((*name).to_owned(), *role)).collect()
}

/// An append that stands at this step: the step is reached when this returns.
fn stand(instance: &Instance, step: Step, batch: Batch) -> Receiver<AppendResult> {
    let (reply, answer) = sync_channel(1);
    instance.hold.hold(step);
    instance.store().append(PendingAppend::new(batch, move |result| drop(reply.send(result))));
    block_on(instance.hold.standing());
    answer
}

/// Whoever loads the conversation next applies what the log has and the tables have not.
#[test]
fn what_a_crash_left_undone_is_done_when_the_conversation_is_loaded() {
    let Some(keyspaces) = Keyspaces::new() else { return };
    let _awaiting = awaiting();
    let id = conversation(1);
    let mut instance = Instance::open(keyspaces.config.clone());
    for step in [Step::Written, Step::Gated] {
        commit(instance.store(), founding(conversation(2))).expect("it is stored, or there already");
        drop(stand(&instance, step, founding(id)));
        instance.kill();
        instance = Instance::open(keyspaces.config.clone());
        if step == Step::Written {
            assert_eq!(ok(instance.store().conversations_of(user("bob"))).len(), 1, "not applied yet");
        }
        assert_eq!(members(instance.store(), id), named(&[("alice", Role::Owner), ("bob", Role::Member)]));
        assert_eq!(ok(instance.store().conversations_of(user("bob"))).len(), 2);
    }
    // And of several batches, in their order; cursors end with the membership.
    ok(instance.store().put_cursors(vec![update(id, "bob", "phone", cursor(1, 1))]));
    drop(stand(&instance, Step::Gated, change(id, 2, vec![removed("bob"), added("carol", Role::Admin, 2)])));
    instance.kill();
    let instance = Instance::open(keyspaces.config.clone());
    let store = instance.store();
    assert_eq!(ok(store.device_cursors(user("bob"), id)).len(), 1, "not applied yet");
    assert_eq!(members(store, id), named(&[("alice", Role::Owner), ("carol", Role::Admin)]));
    assert_eq!(ok(store.device_cursors(user("bob"), id)), []);
    assert!(ok(store.conversation_of(user("bob"), id)).expect("it is listed").removed);
}

/// The earlier owner was the owner when its append was written, so it may go on to the tables at any time.
#[test]
fn a_late_change_of_an_earlier_owner_undoes_no_newer_one() {
    let Some(keyspaces) = Keyspaces::new() else { return };
    let _awaiting = awaiting();
    let id = conversation(1);
    let earlier = Instance::open(keyspaces.config.clone());
    commit(earlier.store(), founding(id)).expect("it is stored");
    ok(earlier.store().put_cursors(vec![update(id, "bob", "phone", cursor(1, 1))]));
    let changes = vec![removed("bob"), added("carol", Role::Admin, 2), Projection::Conversation(group(7))];
    let answer = stand(&earlier, Step::Gated, change(id, 2, changes));

    let later = Instance::open(keyspaces.config.clone());
    assert_eq!(members(later.store(), id), named(&[("alice", Role::Owner), ("carol", Role::Admin)]));
    let changes = vec![added("bob", Role::Admin, 3), removed("carol"), Projection::Conversation(group(2))];
    commit(later.store(), change(id, 3, changes)).expect("it is stored");
    ok(later.store().put_cursors(vec![update(id, "bob", "tv", cursor(1, 0))]));

    earlier.hold.release();
    answer.recv().expect("it is answered").expect("the fence was open after it was written");
    for _ in 0..2 {
        let state = ok(later.store().load(id)).expect("it is there");
        let found: Vec<_> =
            state.members.iter().map(|(user, row, at)| (user.as_str(), row.role, *at)).collect();
        assert_eq!(found, [("alice", Role::Owner, cursor(0, 0)), ("bob", Role::Admin, cursor(1, 0))]);
        assert_eq!(state.row, group(2));
        assert!(ok(later.store().conversation_of(user("carol"), id)).expect("it is listed").removed);
        assert!(!ok(later.store().conversation_of(user("bob"), id)).expect("it is listed").removed);
        assert_eq!(ok(later.store().device_cursors(user("bob"), id)), [(device("tv"), cursor(1, 0))]);
    }
    // And it acknowledges nothing more.
    // It learns it from the fence after it has written, or has learnt it before.
    commit(earlier.store(), batch(id, 3..=3)).expect_err("it is fenced");
    assert!(!earlier.store().gate_open());
    commit(later.store(), batch(id, 4..=4)).expect("it is stored");
    let log = ok(later.store().read(id, Seq(1), END, ALL));
    let kinds: Vec<_> = log.iter().map(|entry| (entry.seq.0, entry.kind)).collect();
    let membership = |seq| (seq, EntryKind::Membership);
    assert_eq!(kinds, [membership(1), membership(2), membership(3), (4, EntryKind::Message)]);
}

/// A removal, or an erasure, begins anew: what was read before is forgotten, and low positions count again.
#[test]
fn cursors_begin_anew_after_a_removal_and_after_an_erasure() {
    let Some(keyspaces) = Keyspaces::new() else { return };
    let _awaiting = awaiting();
    let instance = Instance::open(keyspaces.config.clone());
    let (store, id) = (instance.store(), conversation(1));
    let put = |delivered, read| {
        ok(store.put_cursors(vec![update(id, "bob", "phone", cursor(delivered, read))]));
        let listed = ok(store.conversation_of(user("bob"), id)).expect("it is listed").cursor;
        let state = ok(store.load(id)).expect("it is there");
        let loaded = state.members.iter().find(|(who, ..)| *who == user("bob")).map(|(.., cursor)| *cursor);
        assert_eq!(loaded, Some(listed));
        listed
    };
    commit(store, founding(id)).expect("it is stored");
    assert_eq!(put(900, 800), cursor(900, 800));
    commit(store, change(id, 2, vec![removed("bob")])).expect("it is stored");
    commit(store, change(id, 3, vec![added("bob", Role::Member, 3)])).expect("it is stored");
    assert_eq!(ok(store.device_cursors(user("bob"), id)), []);
    assert_eq!(put(2, 1), cursor(2, 1));
    ok(store.erase_user(user("bob")));
    assert_eq!(ok(store.device_cursors(user("bob"), id)), []);
    assert_eq!(put(1, 1), cursor(1, 1));
}

/// Above ten thousand members a group is in 256 partitions; who was in it before is found in the first.
#[test]
fn a_group_that_grows_beyond_one_partition_keeps_its_members() {
    let Some(keyspaces) = Keyspaces::new() else { return };
    let _awaiting = awaiting();
    let instance = Instance::open(keyspaces.config.clone());
    let (store, id) = (instance.store(), conversation(1));
    let apply = |seq, projections| commit(store, change(id, seq, projections)).expect("it is stored");
    commit(store, founding(id)).expect("it is stored");
    apply(2, vec![added("carol", Role::Member, 2)]);
    apply(3, vec![added("dave", Role::Member, 3), Projection::Conversation(group(10_001))]);
    let [alice, carol] = [("alice", Role::Owner), ("carol", Role::Member)];
    let all = named(&[alice, ("bob", Role::Member), carol, ("dave", Role::Member)]);
    assert_eq!(members(store, id), all);
    let buckets = || {
        let mut rows: Vec<(String, i32)> = keyspaces.rows("SELECT user, bucket FROM $data.members");
        rows.sort_unstable();
        rows
    };
    let in_the_first =
        |name: &str| buckets().into_iter().find(|(user, _)| user == name).map(|(_, at)| at == 0);
    assert_eq!(["alice", "bob", "carol", "dave"].map(in_the_first), [true, true, true, false].map(Some));
    // Whoever changes moves, and leaves once.
    apply(4, vec![added("bob", Role::Admin, 1), removed("dave")]);
    assert_eq!(members(store, id), named(&[alice, ("bob", Role::Admin), carol]));
    apply(5, vec![removed("bob"), removed("carol"), Projection::Conversation(group(1))]);
    assert_eq!(members(store, id), named(&[alice]));
    // It stays spread, however small it becomes.
    apply(6, vec![added("carol", Role::Member, 6)]);
    assert_eq!(members(store, id), named(&[alice, carol]));
    assert_eq!(["alice", "bob", "carol"].map(in_the_first), [Some(true), None, Some(false)]);
    assert_eq!(buckets().len(), 2);
}
