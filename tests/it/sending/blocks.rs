//! May Alice write to Bob?

use serde_json::json;

use crate::support::frames::{direct, group, send, send_to, sync};
use crate::support::server::Server;
use crate::support::socket::Socket;

#[tokio::test]
async fn a_block_refuses_messages_both_ways_until_it_is_lifted() {
    let mut server = Server::start().await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let mut bob = Socket::sign_in(&server, "bob", "phone").await;
    let conversation = alice.create(direct("bob")).await;
    alice.done(send(&conversation, "Hello")).await;
    bob.done(json!({ "type": "block", "user": "alice" })).await;
    assert_eq!(bob.done(json!({ "type": "blocks" })).await["users"], json!(["alice"]));
    for _ in 0..2 {
        alice.refused(send(&conversation, "Are you there?"), "forbidden").await;
        alice.refused(send_to("bob", "Are you there?"), "forbidden").await;
        bob.refused(send(&conversation, "I do not hear you"), "forbidden").await;
        // What there is stays readable.
        assert_eq!(alice.done(sync(&conversation, 0, 10)).await["head"], 1);
        server.kill().await;
        server.restart().await;
        alice = Socket::sign_in(&server, "alice", "phone").await;
        bob = Socket::sign_in(&server, "bob", "phone").await;
    }
    bob.done(json!({ "type": "unblock", "user": "alice" })).await;
    assert_eq!(bob.done(json!({ "type": "blocks" })).await["users"], json!([]));
    assert_eq!(alice.done(send(&conversation, "Hello again")).await["seq"], 2);
    assert_eq!(bob.done(send_to("alice", "Hello")).await["seq"], 3);
}

#[tokio::test]
async fn a_block_comes_before_the_first_message() {
    let mut server = Server::start().await;
    let mut bob = Socket::sign_in(&server, "bob", "phone").await;
    bob.done(json!({ "type": "block", "user": "mallory" })).await;
    let mut mallory = Socket::sign_in(&server, "mallory", "phone").await;
    for _ in 0..2 {
        mallory.refused(send_to("bob", "Buy this"), "forbidden").await;
        mallory.refused(direct("bob"), "forbidden").await;
        bob.refused(send_to("mallory", "Stop it"), "forbidden").await;
        server.kill().await;
        server.restart().await;
        mallory = Socket::sign_in(&server, "mallory", "phone").await;
        bob = Socket::sign_in(&server, "bob", "phone").await;
    }
    bob.settle().await;
    assert_eq!(bob.done(json!({ "type": "conversations" })).await["items"], json!([]));
    bob.done(json!({ "type": "unblock", "user": "mallory" })).await;
    assert_eq!(mallory.done(send_to("bob", "Sorry")).await["seq"], 1);
}

#[tokio::test]
async fn a_block_is_about_direct_messages_only() {
    let server = Server::start().await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let mut bob = Socket::sign_in(&server, "bob", "phone").await;
    let team = alice.create(group("Team", &["bob"])).await;
    bob.done(json!({ "type": "block", "user": "alice" })).await;
    assert_eq!(alice.done(send(&team, "for the team")).await["seq"], 2);
    assert_eq!(bob.message(&team, 2).await["from"], "alice");
    bob.refused(json!({ "type": "block", "user": "bob" }), "invalid_frame").await;
}
