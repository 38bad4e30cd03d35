//! What a message may contain.

use serde_json::{Value, json};

use crate::support::frames::{direct, fresh_id, send, send_to, text};
use crate::support::server::Server;
use crate::support::socket::Socket;

fn with_body(conversation: &str, body: &Value) -> Value {
    json!({ "type": "send", "conversation": conversation, "client_message_id": fresh_id(), "body": body })
}

#[tokio::test]
async fn a_body_comes_back_as_it_was_written() {
    let mut server = Server::start().await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let mut bob = Socket::sign_in(&server, "bob", "phone").await;
    let conversation = alice.create(direct("bob")).await;
    let bodies = [
        text("naïve 🦀 \u{202e}right to left\u{0}nul\n\ttab \"quoted\" \\"),
        text(""),
        text(&"é".repeat(8 * 1024)),
        json!({ "content_type": "image/png", "data": "iVBORw0KGgo=" }),
        json!({ "content_type": "text/markdown", "text": "*a*", "mentions": [{ "user": "bob" }], "big": 1e300 }),
    ];
    for body in &bodies {
        alice.done(with_body(&conversation, body)).await;
    }
    for (index, body) in bodies.iter().enumerate() {
        let live = bob.message(&conversation, index as u64 + 1).await;
        assert_eq!(live["body"], *body);
    }
    server.kill().await;
    server.restart().await;
    let mut bob = Socket::sign_in(&server, "bob", "phone").await;
    let stored = bob.sync_all(&conversation, 0, 100).await;
    assert_eq!(
        stored.iter().map(|message| &message["body"]).collect::<Vec<_>>(),
        bodies.iter().collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn a_body_that_is_too_large_or_malformed_is_refused_and_nothing_is_stored() {
    let server = Server::start_with(&["limits.body_bytes=1000"]).await;
    let token = crate::support::socket::sign_in(&server, "alice").await;
    let (mut alice, welcome) = Socket::hello(&server, &token, "phone").await;
    assert_eq!(welcome["limits"]["body_bytes"], 1000, "{welcome}");
    let conversation = alice.create(direct("bob")).await;
    alice.done(with_body(&conversation, &text(&"x".repeat(1000)))).await;
    alice.refused(with_body(&conversation, &text(&"x".repeat(1001))), "too_large").await;
    alice.refused(with_body(&conversation, &text(&"é".repeat(501))), "too_large").await;
    let data = |bytes: usize| json!({ "content_type": "a/b", "data": "A".repeat(bytes / 3 * 4) });
    alice.done(with_body(&conversation, &data(999))).await;
    alice.refused(with_body(&conversation, &data(1002)), "too_large").await;
    for body in [
        json!({ "text": "no content type" }),
        json!({ "content_type": "text/plain" }),
        json!({ "content_type": "", "text": "a" }),
        json!({ "content_type": "x".repeat(129), "text": "a" }),
        json!({ "content_type": "text/plain", "text": "a", "data": "QQ==" }),
        json!({ "content_type": "text/plain", "data": "not base64!" }),
        json!({ "content_type": "text/plain", "text": 7 }),
        json!("just a text"),
        json!(["text/plain", "a"]),
        json!(null),
    ] {
        alice.refused(with_body(&conversation, &body), "invalid_frame").await;
    }
    assert_eq!(alice.done(send(&conversation, "the third")).await["seq"], 3);
}

#[tokio::test]
async fn a_send_names_one_place_and_a_key() {
    let server = Server::start().await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let conversation = alice.create(direct("bob")).await;
    let mut both = send_to("bob", "Hello");
    both["conversation"] = json!(conversation);
    let mut neither = send_to("bob", "Hello");
    neither.as_object_mut().unwrap().remove("to");
    let mut no_key = send_to("bob", "Hello");
    no_key.as_object_mut().unwrap().remove("client_message_id");
    let mut bad_key = send_to("bob", "Hello");
    bad_key["client_message_id"] = json!("7");
    let mut negative = send_to("bob", "Hello");
    negative["after"] = json!(-1);
    for frame in
        [both, neither, no_key, bad_key, negative, send_to("", "Hello"), send_to(&"x".repeat(129), "Hello")]
    {
        alice.refused(frame, "invalid_frame").await;
    }
}
