//! Conversations of two users.

use serde_json::json;

use crate::support::frames::{direct, of, send, send_to, seqs, texts};
use crate::support::server::Server;
use crate::support::socket::Socket;

#[tokio::test]
async fn both_sides_find_the_same_conversation_with_and_without_creating_it() {
    let server = Server::start().await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let mut bob = Socket::sign_in(&server, "bob", "phone").await;

    let created = alice.done(direct("bob")).await;
    let item = &created["conversation"];
    assert_eq!((item["kind"].as_str(), item["peer"].as_str()), (Some("direct"), Some("bob")), "{created}");
    assert_eq!((item["member_count"].as_u64(), item["head"].as_u64()), (Some(2), Some(0)), "{created}");
    let conversation = item["conversation"].as_str().unwrap();
    assert_eq!(bob.create(direct("alice")).await, conversation, "from the other side");
    assert_eq!(alice.create(direct("bob")).await, conversation, "a second time");

    let sent = bob.done(send_to("alice", "by name")).await;
    assert_eq!((sent["conversation"].as_str(), sent["seq"].as_u64()), (Some(conversation), Some(1)));
    let sent = alice.done(send(conversation, "by id")).await;
    assert_eq!(sent["seq"], 2, "{sent}");
    assert_eq!(alice.message(conversation, 1).await["from"], "bob");
    assert_eq!(bob.message(conversation, 2).await["from"], "alice");
}

#[tokio::test]
async fn a_message_begins_a_conversation_that_nobody_created() {
    let server = Server::start().await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let mut bob = Socket::sign_in(&server, "bob", "phone").await;
    let sent = alice.done(send_to("bob", "Hello")).await;
    let conversation = sent["conversation"].as_str().unwrap();
    assert_eq!(bob.message(conversation, 1).await["body"]["text"], "Hello");
    for (one, other) in [(&mut alice, "bob"), (&mut bob, "alice")] {
        let found = one.done(of("conversation", conversation, &json!({}))).await;
        assert_eq!(found["conversation"]["peer"], other, "{found}");
        assert_eq!(one.create(direct(other)).await, conversation);
    }
}

#[tokio::test]
async fn one_may_write_to_oneself() {
    let server = Server::start().await;
    let mut phone = Socket::sign_in(&server, "alice", "phone").await;
    let mut laptop = Socket::sign_in(&server, "alice", "laptop").await;
    let created = phone.done(direct("alice")).await;
    assert_eq!(created["conversation"]["member_count"], 1, "{created}");
    let conversation = created["conversation"]["conversation"].as_str().unwrap();
    let sent = phone.done(send_to("alice", "buy milk")).await;
    assert_eq!(sent["conversation"], conversation);
    assert_eq!(laptop.message(conversation, 1).await["body"]["text"], "buy milk");
    laptop.done(send(conversation, "done")).await;
    let all = phone.sync_all(conversation, 0, 100).await;
    assert_eq!((seqs(&all), texts(&all)), (vec![1, 2], vec!["buy milk", "done"]));
}

#[tokio::test]
async fn a_third_user_does_not_learn_that_a_conversation_exists() {
    let server = Server::start().await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let mut mallory = Socket::sign_in(&server, "mallory", "phone").await;
    let there = alice.create(direct("bob")).await;
    alice.done(send(&there, "secret")).await;
    let absent = "00000000-0000-8000-8000-000000000000";
    for (kind, more) in [
        ("conversation", json!({})),
        ("members", json!({})),
        ("sync", json!({ "after": 0 })),
        ("history", json!({})),
        ("rename", json!({ "title": "mine" })),
        ("leave", json!({})),
        ("members.add", json!({ "users": ["mallory"] })),
        ("members.remove", json!({ "users": ["alice"] })),
        ("members.role", json!({ "user": "mallory", "role": "owner" })),
    ] {
        let real = mallory.refused(of(kind, &there, &more), "not_found").await;
        let guess = mallory.refused(of(kind, absent, &more), "not_found").await;
        assert_eq!(real["message"], guess["message"], "the same answer for absent and forbidden: {kind}");
    }
    let real = mallory.refused(send(&there, "me too"), "not_found").await;
    let guess = mallory.refused(send(absent, "me too"), "not_found").await;
    assert_eq!(real["message"], guess["message"]);
    mallory.settle().await;
    assert_eq!(mallory.live(&there).len(), 0);
}

#[tokio::test]
async fn a_direct_conversation_cannot_be_changed_like_a_group() {
    let server = Server::start().await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let conversation = alice.create(direct("bob")).await;
    for (kind, more) in [
        ("rename", json!({ "title": "us" })),
        ("leave", json!({})),
        ("members.add", json!({ "users": ["carol"] })),
        ("members.remove", json!({ "users": ["bob"] })),
        ("members.role", json!({ "user": "bob", "role": "admin" })),
    ] {
        alice.refused(of(kind, &conversation, &more), "forbidden").await;
    }
    alice.refused(json!({ "type": "create", "kind": "direct", "members": [] }), "invalid_frame").await;
    let two = json!({ "type": "create", "kind": "direct", "members": ["bob", "carol"] });
    alice.refused(two, "invalid_frame").await;
}
