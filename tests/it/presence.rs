//! Who is online, and who may know.

use serde_json::{Value, json};

use crate::support::frames::{direct, group, of, send};
use crate::support::server::Server;
use crate::support::socket::Socket;

fn watch(users: &[&str]) -> Value {
    json!({ "type": "presence.watch", "users": users })
}

/// Waits until `user` is told to be online, or not; returns that frame.
async fn told(socket: &mut Socket, user: &str, online: bool) -> Value {
    let wanted =
        |frame: &Value| frame["type"] == "presence" && frame["user"] == user && frame["online"] == online;
    socket.wait_for(&format!("{user} online: {online}"), wanted).await
}

/// The changes that a socket was told of a user.
fn history(socket: &Socket, user: &str) -> Vec<bool> {
    let told = socket.heard(|frame| frame["type"] == "presence" && frame["user"] == user);
    let mut states: Vec<_> = told.iter().map(|frame| frame["online"] == true).collect();
    states.dedup();
    states
}

#[tokio::test]
async fn a_watcher_is_told_the_present_state_and_every_change() {
    let server = Server::start_with(&["presence.grace_s=0"]).await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    alice.create(direct("bob")).await;
    alice.done(watch(&["bob", "alice"])).await;
    told(&mut alice, "alice", true).await;
    let offline = told(&mut alice, "bob", false).await;
    assert!(offline["last_seen"].is_null(), "he was never here: {offline}");

    let phone = Socket::sign_in(&server, "bob", "phone").await;
    told(&mut alice, "bob", true).await;
    let laptop = Socket::sign_in(&server, "bob", "laptop").await;
    phone.leave().await;
    let mut carol = Socket::sign_in(&server, "carol", "phone").await;
    carol.create(direct("bob")).await;
    carol.done(watch(&["bob"])).await;
    told(&mut carol, "bob", true).await;
    laptop.leave().await;
    let offline = told(&mut alice, "bob", false).await;
    assert!(offline["last_seen"].is_string(), "{offline}");
    told(&mut carol, "bob", false).await;
    assert_eq!(history(&alice, "bob"), [false, true, false], "with the last of his devices, not before");

    alice.done(json!({ "type": "presence.unwatch", "users": ["bob"] })).await;
    let _bob = Socket::sign_in(&server, "bob", "phone").await;
    told(&mut carol, "bob", true).await;
    alice.settle().await;
    assert_eq!(history(&alice, "bob"), [false, true, false], "she watches no longer");
}

#[tokio::test]
async fn a_reload_is_not_an_absence_and_going_is_one_after_the_grace() {
    let mut server = Server::start_with(&["presence.grace_s=5"]).await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let mut bob = Socket::sign_in(&server, "bob", "phone").await;
    let conversation = alice.create(direct("bob")).await;
    alice.done(watch(&["bob"])).await;
    told(&mut alice, "bob", true).await;
    for _ in 0..3 {
        bob.leave().await;
        bob = Socket::sign_in(&server, "bob", "phone").await;
    }
    // Dropped without a word, as a browser does that goes to another page.
    drop(bob);
    let mut bob = Socket::sign_in(&server, "bob", "phone").await;
    bob.done(send(&conversation, "back")).await;
    bob.leave().await;
    let offline = told(&mut alice, "bob", false).await;
    assert_eq!(history(&alice, "bob"), [true, false]);

    server.terminate().await;
    server.restart().await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    alice.done(watch(&["bob"])).await;
    let after = told(&mut alice, "bob", false).await;
    assert_eq!(after["last_seen"], offline["last_seen"], "it is kept when somebody was last seen");
}

#[tokio::test]
async fn a_silent_client_is_closed_and_is_offline_at_once() {
    let server =
        Server::start_with(&["presence.heartbeat_s=5", "presence.ttl_s=10", "presence.grace_s=300"]).await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let mut bob = Socket::sign_in(&server, "bob", "phone").await;
    alice.create(direct("bob")).await;
    alice.done(watch(&["bob"])).await;
    told(&mut alice, "bob", true).await;
    let gone =
        |frame: &Value| frame["type"] == "presence" && frame["user"] == "bob" && frame["online"] == false;
    alice.wait_alive("bob's end", gone).await;
    assert_eq!(bob.end().await.code, Some(4000), "he may come back");
    assert_eq!(bob.next("goodbye").await["reason"], "silent");
    assert!(!alice.has_ended(), "who says something stays");
}

#[tokio::test]
async fn only_those_who_share_a_conversation_may_watch() {
    let server = Server::start_with(&["limits.watch_users=3"]).await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let mut mallory = Socket::sign_in(&server, "mallory", "phone").await;
    let team = alice.create(group("Team", &["bob", "carol", "dave"])).await;
    mallory.refused(watch(&["alice"]), "not_found").await;
    mallory.refused(watch(&["nobody"]), "not_found").await;
    alice.refused(watch(&["bob", "mallory"]), "not_found").await;
    alice.done(watch(&["bob", "carol", "dave"])).await;
    alice.refused(watch(&["alice"]), "too_large").await;
    alice.done(json!({ "type": "presence.unwatch", "users": ["dave"] })).await;
    alice.done(watch(&["alice"])).await;
    told(&mut alice, "alice", true).await;
    mallory.settle().await;
    assert_eq!(history(&mallory, "alice"), Vec::<bool>::new());
    // A former member may watch no longer.
    let mut bob = Socket::sign_in(&server, "bob", "phone").await;
    alice.done(of("members.remove", &team, &json!({ "users": ["bob"] }))).await;
    bob.refused(watch(&["alice"]), "not_found").await;
}
