//! What is kept of users, with clocks that do not agree.

use causerie_store::contract::ok;
use causerie_store::contract::sample::user;
use causerie_store::model::Profile;
use causerie_store::port::Users;

use crate::subject::{Instance, Keyspaces, awaiting};

/// A write that begins after another was answered wins, though that one was made by a clock a day ahead.
#[test]
fn the_last_write_wins_whatever_the_clocks_say() {
    let Some(keyspaces) = Keyspaces::new() else { return };
    let _awaiting = awaiting();
    let instance = Instance::open(keyspaces.config.clone());
    let store = instance.store();
    let profile = |name: &str| Profile { display_name: Some(name.into()), picture: None };
    ok(store.put_profile(user("alice"), profile("first")));
    ok(store.put_settings(user("alice"), "{\"n\":1}".into()));
    ok(store.put_block(user("alice"), user("eve"), true));
    ok(store.put_suspended(user("alice"), true));
    // All of it was written by a node whose clock is a day ahead.
    let written: Vec<(i64,)> = keyspaces.rows("SELECT version FROM $data.users WHERE user = 'alice'");
    let ahead = written[0].0 + 24 * 3_600 * 1_000_000;
    keyspaces.execute(&format!(
        "UPDATE $data.users USING TIMESTAMP {ahead} SET version = {ahead}, settings = 'theirs' WHERE user = 'alice'"
    ));
    keyspaces.execute(&format!(
        "UPDATE $data.blocks USING TIMESTAMP {ahead} SET version = {ahead} WHERE user = 'alice'"
    ));
    keyspaces.execute(&format!(
        "INSERT INTO $data.blocks (user, other) VALUES ('alice', 'eve') USING TIMESTAMP {ahead}"
    ));
    let bucket: Vec<(i32,)> = keyspaces.rows("SELECT bucket FROM $data.suspensions");
    keyspaces.execute(&format!(
        "UPDATE $data.suspensions USING TIMESTAMP {ahead} SET suspended = true WHERE bucket = {} AND user = 'alice'",
        bucket[0].0
    ));
    assert_eq!(&*ok(store.settings(user("alice"))), "theirs");
    ok(store.put_settings(user("alice"), "{\"n\":2}".into()));
    ok(store.put_profile(user("alice"), profile("second")));
    ok(store.put_block(user("alice"), user("eve"), false));
    ok(store.put_suspended(user("alice"), false));
    assert_eq!(ok(store.suspended()), []);
    assert_eq!(&*ok(store.settings(user("alice"))), "{\"n\":2}");
    assert_eq!(ok(store.profiles(vec![user("alice")])), [profile("second")]);
    assert_eq!(ok(store.blocks(user("alice"))), []);
    // An erasure is above them too, and what comes after it counts.
    ok(store.put_block(user("alice"), user("mallory"), true));
    ok(store.erase_user(user("alice")));
    assert_eq!(&*ok(store.settings(user("alice"))), "{}");
    assert_eq!(ok(store.blocks(user("alice"))), []);
    ok(store.put_block(user("alice"), user("eve"), true));
    ok(store.put_settings(user("alice"), "{\"n\":3}".into()));
    assert_eq!(ok(store.blocks(user("alice"))), [user("eve")]);
    assert_eq!(&*ok(store.settings(user("alice"))), "{\"n\":3}");
}
