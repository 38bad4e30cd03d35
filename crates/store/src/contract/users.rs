//! What is kept of users.

use causerie_protocol::frame::down::Role;

use super::sample::{change, conversation, cursor, group, member, time, update, user};
use super::{Subject, commit, ok};
use crate::model::{Cursor, Profile, Projection, Revocation};
use crate::port::{Conversations, Users};

fn profile(name: &str) -> Profile {
    Profile { display_name: Some(name.into()), picture: Some("https://example.invalid/🦀.png".into()) }
}

/// Whole, and empty before.
pub fn profiles_and_settings_are_replaced<S: Subject>() {
    let subject = S::new();
    let store = subject.store();
    let (alice, bob) = (user("alice"), user("bob"));
    assert_eq!(&*ok(store.settings(alice.clone())), "{}");
    ok(store.put_profile(alice.clone(), profile("Alice")));
    ok(store.put_settings(alice.clone(), r#"{"theme":"dark"}"#.into()));
    let both = ok(store.profiles(vec![bob, alice.clone()]));
    assert_eq!(both, [Profile::default(), profile("Alice")]);
    let plain = Profile { display_name: None, picture: None };
    ok(store.put_profile(alice.clone(), plain.clone()));
    assert_eq!(ok(store.profiles(vec![alice.clone()])), [plain]);
    let subject = subject.reopen();
    assert_eq!(&*ok(subject.store().settings(alice)), r#"{"theme":"dark"}"#);
}

/// Of one user only, by user id.
pub fn blocks_are_kept_one_by_one<S: Subject>() {
    let subject = S::new();
    let store = subject.store();
    for (who, other, blocked) in [
        ("alice", "eve", true),
        ("alice", "bob", true),
        ("al", "ice", true),
        ("alice", "eve", false),
        ("alice", "dan", true),
    ] {
        ok(store.put_block(user(who), user(other), blocked));
    }
    ok(store.put_block(user("alice"), user("nobody"), false));
    assert_eq!(ok(store.blocks(user("alice"))), [user("bob"), user("dan")]);
    assert_eq!(ok(store.blocks(user("al"))), [user("ice")]);
    assert_eq!(ok(store.blocks(user("bob"))), []);
}

/// In the order asked for.
pub fn last_seen_is_kept<S: Subject>() {
    let subject = S::new();
    ok(subject.store().put_last_seen(vec![(user("alice"), time(5)), (user("bob"), time(6))]));
    ok(subject.store().put_last_seen(vec![(user("alice"), time(9))]));
    let users = ["bob", "carol", "alice"].map(user).to_vec();
    assert_eq!(ok(subject.store().last_seen(users)), [Some(time(6)), None, Some(time(9))]);
}

/// Those of users for ever, the latest; those of tokens until the token would have ended anyway.
pub fn revocations_are_kept_until_they_expire<S: Subject>() {
    let subject = S::new();
    let store = subject.store();
    let token = |id: &str, expires| Revocation::Token(id.into(), time(expires));
    ok(store.put_revocation(token("a", 10), time(1)));
    ok(store.put_revocation(token("b", 20), time(1)));
    ok(store.put_revocation(Revocation::User(user("eve"), time(7)), time(10)));
    let found = |mut found: Vec<Revocation>| {
        found.sort_by_key(|revocation| format!("{revocation:?}"));
        found
    };
    let eve = Revocation::User(user("eve"), time(7));
    assert_eq!(found(ok(store.revocations())), [token("a", 10), token("b", 20), eve.clone()]);
    ok(store.put_revocation(token("c", 30), time(11)));
    assert_eq!(found(ok(store.revocations())), [token("b", 20), token("c", 30), eve]);
    ok(store.put_revocation(Revocation::User(user("eve"), time(5)), time(21)));
    let subject = subject.reopen();
    let latest = Revocation::User(user("eve"), time(7));
    assert_eq!(found(ok(subject.store().revocations())), [token("c", 30), latest]);
}

/// By user id, over a restart, and whatever is erased.
pub fn suspensions_are_kept_until_they_are_lifted<S: Subject>() {
    let subject = S::new();
    let store = subject.store();
    for (who, suspended) in
        [("mallory", true), ("eve", true), ("mallory", true), ("bob", false), ("al", true)]
    {
        ok(store.put_suspended(user(who), suspended));
    }
    assert_eq!(ok(store.suspended()), [user("al"), user("eve"), user("mallory")]);
    ok(store.put_suspended(user("eve"), false));
    ok(store.erase_user(user("mallory")));
    let subject = subject.reopen();
    assert_eq!(ok(subject.store().suspended()), [user("al"), user("mallory")]);
}

/// And nobody else loses anything.
pub fn an_erased_user_leaves_nothing_but_memberships<S: Subject>() {
    let subject = S::new();
    let store = subject.store();
    let id = conversation(1);
    let mut projections = vec![Projection::Conversation(group(2))];
    for who in ["alice", "bob"] {
        projections.push(Projection::Member(user(who), member(Role::Member, 1)));
        ok(store.put_profile(user(who), profile(who)));
        ok(store.put_settings(user(who), "{\"a\":1}".into()));
        ok(store.put_block(user(who), user("eve"), true));
        ok(store.put_last_seen(vec![(user(who), time(5))]));
        ok(store
            .put_cursors(vec![update(id, who, "phone", cursor(1, 1)), update(id, who, "tv", cursor(1, 0))]));
    }
    commit(store, change(id, 1, projections)).expect("it is stored");
    ok(store.erase_user(user("alice")));
    let subject = subject.reopen();
    let store = subject.store();
    let both = || vec![user("alice"), user("bob")];
    assert_eq!(ok(store.profiles(both())), [Profile::default(), profile("bob")]);
    assert_eq!(ok(store.last_seen(both())), [None, Some(time(5))]);
    assert_eq!((&*ok(store.settings(user("alice"))), &*ok(store.settings(user("bob")))), ("{}", "{\"a\":1}"));
    assert_eq!((ok(store.blocks(user("alice"))).len(), ok(store.blocks(user("bob"))).len()), (0, 1));
    assert_eq!(ok(store.device_cursors(user("alice"), id)), []);
    assert_eq!(ok(store.device_cursors(user("bob"), id)).len(), 2);
    let members = ok(store.load(id)).expect("it is there").members;
    let cursors: Vec<_> = members.into_iter().map(|(user, _, cursor)| (user, cursor)).collect();
    assert_eq!(cursors, [(user("alice"), Cursor::default()), (user("bob"), cursor(1, 1))]);
}
