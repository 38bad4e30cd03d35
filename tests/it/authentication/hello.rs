//! The first frame.

use serde_json::{Value, json};

use crate::support::frames::direct;
use crate::support::http;
use crate::support::raw::{Raw, handshake};
use crate::support::server::Server;
use crate::support::socket::{End, Socket, sign_in};

fn hello(token: &str) -> Value {
    json!({ "type": "hello", "token": token, "device": "phone" })
}

/// Says one frame to a new connection; returns the error, and how it ended.
async fn rejected(server: &Server, frame: Value) -> (Value, End) {
    let mut socket = Socket::open(server).await;
    let error = socket.ask(frame).await;
    assert_eq!((&error["type"], &error["outcome"]), (&json!("error"), &json!("none")), "{error}");
    (error, socket.end().await)
}

#[tokio::test]
async fn without_a_good_token_nobody_comes_in() {
    let server = Server::start().await;
    let other = Server::start().await;
    let foreign = sign_in(&other, "alice").await;
    let good = sign_in(&server, "alice").await;
    let cut = good[..good.len() - 4].to_owned();
    let (head, rest) = good.split_once('.').unwrap();
    let (claims, _) = rest.split_once('.').unwrap();
    for token in ["", "nonsense", "a.b.c", &foreign, &cut, &format!("{head}.{claims}.")] {
        let (error, end) = rejected(&server, hello(token)).await;
        assert_eq!((error["code"].as_str(), end.code), (Some("unauthenticated"), Some(4001)), "{error}");
        let message = error["message"].as_str().unwrap();
        assert!(token.is_empty() || !message.contains(token), "a token is not repeated: {message}");
    }
    let (error, end) = rejected(&server, json!({ "type": "hello", "device": "phone" })).await;
    assert_eq!((error["code"].as_str(), end.code), (Some("unauthenticated"), Some(4001)), "{error}");
}

#[tokio::test]
async fn the_first_frame_is_hello_and_there_is_one() {
    let server = Server::start().await;
    let (error, end) = rejected(&server, json!({ "type": "ping" })).await;
    assert_eq!((error["code"].as_str(), end.code), (Some("unauthenticated"), Some(4009)), "{error}");
    let (error, end) = rejected(&server, json!({ "type": "no such type" })).await;
    assert_eq!((error["code"].as_str(), end.code), (Some("unknown_type"), Some(4009)), "{error}");
    let token = sign_in(&server, "alice").await;
    let (error, end) = rejected(&server, json!({ "type": "hello", "token": token })).await;
    assert_eq!((error["code"].as_str(), end.code), (Some("invalid_frame"), Some(4009)), "no device: {error}");

    let (mut alice, welcome) = Socket::hello(&server, &token, "phone").await;
    assert_eq!((&welcome["user"], &welcome["device"]), (&json!("alice"), &json!("phone")), "{welcome}");
    assert_eq!(welcome["heartbeat_ms"], 30_000, "{welcome}");
    let limits = json!({ "body_bytes": 16_384, "sends_in_flight": 32, "watch_users": 256 });
    assert_eq!(welcome["limits"], limits, "{welcome}");
    let error = alice.ask(hello(&token)).await;
    assert_eq!(error["code"], "invalid_frame", "{error}");
    alice.create(direct("bob")).await;
}

#[tokio::test]
async fn who_says_nothing_is_closed() {
    let server = Server::start_with(&["timeouts.hello_s=1", "timeouts.handshake_s=1"]).await;
    let mut socket = Socket::open(&server).await;
    let end = socket.end().await;
    assert_eq!(end.code, Some(4001), "{end:?}");
    assert_eq!(socket.next("goodbye").await["reason"], "no hello in time");
    // Nor may the handshake take for ever.
    let mut raw = Raw::connect(server.addresses().public).await;
    raw.write(b"GET /v1/ws HTTP/1.1\r\n").await;
    assert!(raw.next().await.is_none());
}

#[tokio::test]
async fn the_handshake_may_carry_the_token_in_its_head_but_not_in_its_address() {
    let server = Server::start().await;
    let token = sign_in(&server, "alice").await;
    let bearer = format!("Bearer {token}");
    let bare = json!({ "type": "hello", "device": "phone" });
    let mut alice = Socket::open_with(&server, &[("Authorization", &bearer)]).await.unwrap();
    assert_eq!(alice.ask(bare.clone()).await["user"], "alice");

    // What is in the frame counts.
    let mut bob = Socket::open_with(&server, &[("Authorization", &bearer)]).await.unwrap();
    let bobs = sign_in(&server, "bob").await;
    assert_eq!(bob.ask(hello(&bobs)).await["user"], "bob");

    let address = server.addresses().public;
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let host_and_path = format!("{address}/v1/ws?token={token}&access_token={token}#");
    let mut socket = Socket::over(Box::new(stream), &host_and_path, &[]).await;
    if let Ok(socket) = &mut socket {
        assert_eq!(socket.ask(bare).await["code"], "unauthenticated");
    }
}

#[tokio::test]
async fn another_subprotocol_is_refused_and_ours_is_confirmed() {
    let server = Server::start().await;
    for (offer, accepted) in
        [("causerie.v1", true), ("other, causerie.v1", true), ("other", false), ("causerie.v2", false)]
    {
        let opened = Socket::open_with(&server, &[("Sec-WebSocket-Protocol", offer)]).await;
        match opened {
            Ok(_) => assert!(accepted, "{offer}"),
            Err(error) => assert!(!accepted && error.status == 400, "{offer}: {error:?}"),
        }
    }
    let address = server.addresses().public;
    let mut raw = Raw::connect(address).await;
    raw.write(handshake(address).replace("Version: 13", "Version: 8").as_bytes()).await;
    assert_ne!(raw.status().await, 101, "only version 13 is spoken");
}

#[tokio::test]
async fn a_name_is_checked_where_it_enters() {
    let server = Server::start().await;
    let address = server.addresses().public;
    for name in [json!(""), json!(" bob"), json!("b\u{0}b"), json!("x".repeat(129)), json!(7), json!(null)] {
        let answer = http::post(address, "/v1/session", &json!({ "name": name })).await;
        assert_eq!(answer.status, 400, "{name}: {}", answer.body);
    }
    for name in ["Zoë 🦀", "auth0|5f7c", &"x".repeat(128), "a/b?c#d%20"] {
        let mut socket = Socket::sign_in(&server, name, "phone").await;
        socket.create(direct(name)).await;
    }
    let info = http::get(address, "/v1/info").await;
    let info: Value = serde_json::from_str(&info.body).unwrap();
    assert_eq!((&info["sign_in"], &info["protocol"]), (&json!("name"), &json!("causerie.v1")), "{info}");
}
