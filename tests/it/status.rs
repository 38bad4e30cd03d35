//! Sent, delivered, read: per user and per device, never back.

use serde_json::{Value, json};

use crate::support::frames::{direct, group, name, of, send};
use crate::support::server::Server;
use crate::support::socket::Socket;

fn cursor(kind: &str, conversation: &str, seq: u64) -> Value {
    json!({ "type": kind, "conversation": conversation, "seq": seq })
}

/// Waits until a receipt says that `user` is so far.
async fn receipt(socket: &mut Socket, conversation: &str, user: &str, (delivered, read): (u64, u64)) {
    let wanted = |frame: &Value| {
        frame["type"] == "receipt"
            && (&frame["conversation"], &frame["user"]) == (&json!(conversation), &json!(user))
            && (&frame["delivered"], &frame["read"]) == (&json!(delivered), &json!(read))
    };
    socket.wait_for(&format!("{user} at {delivered} and {read}"), wanted).await;
}

/// How far the members are, as `socket` sees it: user, delivered, read.
async fn members(socket: &mut Socket, conversation: &str) -> Vec<(String, u64, u64)> {
    let page = socket.done(of("members", conversation, &json!({}))).await;
    let number = |item: &Value, name: &str| item[name].as_u64().expect("a position");
    let item =
        |item: &Value| (name(item, "user").to_owned(), number(item, "delivered"), number(item, "read"));
    page["items"].as_array().expect("a page has items").iter().map(item).collect()
}

fn at(user: &str, delivered: u64, read: u64) -> (String, u64, u64) {
    (user.to_owned(), delivered, read)
}

/// Asserts that what a socket has heard of a user never went back.
fn never_back(socket: &Socket, user: &str) {
    let receipts = socket.heard(|frame| frame["type"] == "receipt" && frame["user"] == user);
    let steps: Vec<_> = receipts.iter().map(|it| (it["delivered"].as_u64(), it["read"].as_u64())).collect();
    assert!(steps.is_sorted_by(|one, next| one.0 <= next.0 && one.1 <= next.1), "{steps:?}");
}

#[tokio::test]
async fn delivered_and_read_reach_the_senders_devices_and_ones_own_other_devices() {
    let server = Server::start().await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let mut alices_laptop = Socket::sign_in(&server, "alice", "laptop").await;
    let mut bob = Socket::sign_in(&server, "bob", "phone").await;
    let mut bobs_laptop = Socket::sign_in(&server, "bob", "laptop").await;
    let conversation = alice.create(direct("bob")).await;
    let frames = (0..3).map(|number| send(&conversation, &number.to_string())).collect();
    alice.pipeline(frames, 3).await;

    bob.tell(&cursor("delivered", &conversation, 3)).await;
    for socket in [&mut alice, &mut alices_laptop, &mut bobs_laptop] {
        receipt(socket, &conversation, "bob", (3, 0)).await;
    }
    bob.tell(&cursor("read", &conversation, 2)).await;
    for socket in [&mut alice, &mut alices_laptop, &mut bobs_laptop] {
        receipt(socket, &conversation, "bob", (3, 2)).await;
    }
    let page = bobs_laptop.done(json!({ "type": "conversations" })).await;
    let item = &page["items"][0];
    assert_eq!(
        (&item["delivered"], &item["read"], &item["unread"]),
        (&json!(3), &json!(2), &json!(1)),
        "{page}"
    );
    assert_eq!(members(&mut alice, &conversation).await, [at("alice", 0, 0), at("bob", 3, 2)]);
}

#[tokio::test]
async fn a_position_never_goes_back_whichever_device_tells_it() {
    let mut server = Server::start().await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let mut bob = Socket::sign_in(&server, "bob", "phone").await;
    let mut bobs_laptop = Socket::sign_in(&server, "bob", "laptop").await;
    let conversation = alice.create(direct("bob")).await;
    let frames = (0..10).map(|number| send(&conversation, &number.to_string())).collect();
    alice.pipeline(frames, 10).await;

    bob.tell(&cursor("read", &conversation, 5)).await;
    receipt(&mut alice, &conversation, "bob", (5, 5)).await;
    // Lower ones, in any order and by any device, change nothing.
    for (kind, seq) in [("read", 1), ("delivered", 3), ("read", 0), ("delivered", 5)] {
        bob.tell(&cursor(kind, &conversation, seq)).await;
        bobs_laptop.tell(&cursor(kind, &conversation, seq)).await;
    }
    bobs_laptop.tell(&cursor("delivered", &conversation, 8)).await;
    receipt(&mut alice, &conversation, "bob", (8, 5)).await;
    bob.tell(&cursor("read", &conversation, 6)).await;
    receipt(&mut alice, &conversation, "bob", (8, 6)).await;
    assert_eq!(members(&mut bob, &conversation).await, [at("alice", 0, 0), at("bob", 8, 6)]);
    never_back(&alice, "bob");

    for _ in 0..2 {
        server.kill().await;
        server.restart().await;
        alice = Socket::sign_in(&server, "alice", "phone").await;
        assert_eq!(
            members(&mut alice, &conversation).await,
            [at("alice", 0, 0), at("bob", 8, 6)],
            "what was told is kept"
        );
    }
    bob = Socket::sign_in(&server, "bob", "phone").await;
    bob.tell(&cursor("delivered", &conversation, 2)).await;
    bob.tell(&cursor("read", &conversation, 7)).await;
    receipt(&mut alice, &conversation, "bob", (8, 7)).await;
    never_back(&alice, "bob");
}

#[tokio::test]
async fn many_positions_in_one_breath_end_at_the_highest() {
    let server = Server::start().await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let mut bob = Socket::sign_in(&server, "bob", "phone").await;
    let conversation = alice.create(direct("bob")).await;
    let frames = (0..200).map(|number| send(&conversation, &number.to_string())).collect();
    alice.pipeline(frames, 32).await;
    for number in 1..=200 {
        bob.tell(&cursor("delivered", &conversation, number)).await;
        bob.tell(&cursor("read", &conversation, (number * 7) % 101)).await;
    }
    receipt(&mut alice, &conversation, "bob", (200, 100)).await;
    never_back(&alice, "bob");
}

#[tokio::test]
async fn a_position_above_the_last_message_or_of_a_strangers_conversation_is_refused() {
    let server = Server::start().await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let mut mallory = Socket::sign_in(&server, "mallory", "phone").await;
    let conversation = alice.create(direct("bob")).await;
    alice.done(send(&conversation, "Hello")).await;
    for kind in ["delivered", "read"] {
        alice.tell(&cursor(kind, &conversation, 2)).await;
        assert_eq!(alice.next("error").await["code"], "invalid_frame");
        mallory.tell(&cursor(kind, &conversation, 1)).await;
        assert_eq!(mallory.next("error").await["code"], "not_found");
    }
    assert_eq!(members(&mut alice, &conversation).await, [at("alice", 0, 0), at("bob", 0, 0)]);
}

#[tokio::test]
async fn a_small_group_shows_who_has_received_and_read_and_a_large_one_does_not() {
    let mut server = Server::start().await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let mut bob = Socket::sign_in(&server, "bob", "phone").await;
    let mut carol = Socket::sign_in(&server, "carol", "phone").await;
    let names: Vec<String> = (0..253).map(|number| format!("user-{number}")).collect();
    let mut users: Vec<&str> = names.iter().map(String::as_str).collect();
    users.extend(["bob", "carol"]);
    let team = alice.create(group("Team", &users)).await;
    alice.done(send(&team, "Hello, 256")).await;
    bob.tell(&cursor("read", &team, 2)).await;
    receipt(&mut alice, &team, "bob", (2, 2)).await;
    carol.tell(&cursor("delivered", &team, 2)).await;
    receipt(&mut alice, &team, "carol", (2, 0)).await;

    server.kill().await;
    server.restart().await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let seen = members(&mut alice, &team).await;
    let (delivered, read) =
        (seen.iter().filter(|it| it.1 >= 2).count(), seen.iter().filter(|it| it.2 >= 2).count());
    assert_eq!((delivered, read), (2, 1), "delivered to two, read by one");

    alice.done(of("members.add", &team, &json!({ "users": ["dave"] }))).await;
    let seen = members(&mut alice, &team).await;
    assert!(seen.iter().all(|it| (it.1, it.2) == (0, 0)), "of 257 nobody sees how far the others are");
    let mut bob = Socket::sign_in(&server, "bob", "phone").await;
    let own = bob.done(of("conversation", &team, &json!({}))).await;
    assert_eq!(
        (&own["conversation"]["read"], &own["conversation"]["unread"]),
        (&json!(2), &json!(1)),
        "{own}"
    );
}

#[tokio::test]
async fn a_member_that_comes_back_begins_anew_and_a_restart_changes_nothing() {
    let mut server = Server::start().await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let mut bob = Socket::sign_in(&server, "bob", "phone").await;
    let team = alice.create(group("Team", &["bob"])).await;
    alice.done(send(&team, "Hello")).await;
    bob.tell(&cursor("read", &team, 2)).await;
    receipt(&mut alice, &team, "bob", (2, 2)).await;
    alice.done(of("members.remove", &team, &json!({ "users": ["bob"] }))).await;
    alice.done(of("members.add", &team, &json!({ "users": ["bob"] }))).await;
    let before = members(&mut alice, &team).await;
    server.kill().await;
    server.restart().await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    assert_eq!(members(&mut alice, &team).await, before, "a restart changes nothing");
}
