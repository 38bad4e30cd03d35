//! How large frames may be.

use serde_json::json;

use crate::support::frames::{direct, text};
use crate::support::raw::{Raw, frame, header, opcode};
use crate::support::server::Server;
use crate::support::socket::{Socket, sign_in};

#[tokio::test]
async fn a_frame_is_refused_by_the_length_that_it_declares() {
    let server = Server::start_with(&["limits.frame_bytes=65536"]).await;
    let token = sign_in(&server, "alice").await;
    let hello = json!({ "type": "hello", "token": token, "device": "phone" }).to_string();
    for length in [65_537, 1 << 30, 1 << 62] {
        let mut raw = Raw::open(&server).await;
        raw.frame(opcode::TEXT, hello.as_bytes()).await;
        raw.next_of("welcome").await;
        // The header alone: nothing of the payload is waited for.
        raw.write(&header(true, opcode::TEXT, length, true)).await;
        raw.write(&[0; 4]).await;
        let error = raw.next_of("error").await;
        assert_eq!(error["code"], "too_large", "{error}");
        assert_eq!(raw.end().await, Some(4009));
    }
    // Nor may many fragments add up to more.
    let mut raw = Raw::open(&server).await;
    raw.frame(opcode::TEXT, hello.as_bytes()).await;
    raw.next_of("welcome").await;
    raw.write(&frame(false, opcode::TEXT, b"{\"type\":\"")).await;
    for _ in 0..70 {
        raw.write(&frame(false, opcode::CONTINUATION, &[b'x'; 1000])).await;
    }
    assert_eq!(raw.next_of("error").await["code"], "too_large");
    assert_eq!(raw.end().await, Some(4009));
}

#[tokio::test]
async fn a_large_frame_within_the_limit_is_read() {
    let server = Server::start_with(&["limits.body_bytes=65536"]).await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let mut bob = Socket::sign_in(&server, "bob", "phone").await;
    let conversation = alice.create(direct("bob")).await;
    let mut send = crate::support::frames::send(&conversation, "");
    send["body"] = text(&"é\"".repeat(21_000));
    alice.done(send.clone()).await;
    assert_eq!(bob.message(&conversation, 1).await["body"], send["body"]);
}

#[tokio::test]
async fn before_hello_a_client_may_say_four_kilobytes() {
    let server = Server::start().await;
    let token = sign_in(&server, "alice").await;
    let hello = |agent: usize| {
        json!({ "type": "hello", "token": token, "device": "phone", "agent": "x".repeat(agent) }).to_string()
    };
    let mut fits = Raw::open(&server).await;
    fits.frame(opcode::TEXT, hello(3_000).as_bytes()).await;
    fits.next_of("welcome").await;
    let mut large = Raw::open(&server).await;
    large.frame(opcode::TEXT, hello(4_096).as_bytes()).await;
    assert_eq!(large.next_of("error").await["code"], "too_large");
    assert_eq!(large.end().await, Some(4009));
    // In fragments it is no less.
    let mut parts = Raw::open(&server).await;
    parts.write(&frame(false, opcode::TEXT, b"{")).await;
    for _ in 0..5 {
        parts.write(&frame(false, opcode::CONTINUATION, &[b' '; 1000])).await;
    }
    assert_eq!(parts.end().await, Some(4009));
    // Nor are pings free.
    let mut pings = Raw::open(&server).await;
    for _ in 0..100 {
        pings.frame(opcode::PING, &[b'x'; 125]).await;
    }
    assert_eq!(pings.next_of("error").await["code"], "too_large");
    assert_eq!(pings.end().await, Some(4009));
}

#[tokio::test]
async fn a_request_head_has_a_limit_too() {
    let server = Server::start().await;
    let mut raw = Raw::connect(server.addresses().public).await;
    raw.write(b"GET /v1/ws HTTP/1.1\r\nCookie: ").await;
    raw.write(&[b'x'; 64 * 1024]).await;
    assert!(raw.next().await.is_none());
}
