//! How many connections.

use std::time::Duration;

use serde_json::json;
use tokio::time::interval;

use crate::support::frames::direct;
use crate::support::http;
use crate::support::server::Server;
use crate::support::socket::{Socket, sign_in};

#[tokio::test]
async fn a_full_server_refuses_and_lets_in_again_when_somebody_has_left() {
    let server = Server::start_with(&["limits.max_connections=3"]).await;
    let token = sign_in(&server, "alice").await;
    let mut open = Vec::new();
    let mut tick = interval(Duration::from_millis(50));
    let refused = loop {
        match Socket::open_with(&server, &[]).await {
            Ok(socket) => open.push(socket),
            Err(refused) => break refused,
        }
    };
    assert!(open.len() <= 3, "{}", open.len());
    assert!(matches!(refused.status, 429 | 0), "{refused:?}: the answer may be lost with the connection");
    let mut alice = open.remove(0);
    alice.done(json!({ "type": "hello", "token": token, "device": "phone" })).await;
    alice.create(direct("bob")).await;
    drop(open);
    while Socket::open_with(&server, &[]).await.is_err() {
        tick.tick().await;
    }
}

#[tokio::test]
async fn an_address_has_its_share_of_connections() {
    let server = Server::start_with(&["limits.connections_per_address=2"]).await;
    let mut open = Vec::new();
    while let Ok(socket) = Socket::open_with(&server, &[]).await {
        open.push(socket);
        assert!(open.len() <= 2, "{}", open.len());
    }
    drop(open);
    let mut tick = interval(Duration::from_millis(50));
    while Socket::open_with(&server, &[]).await.is_err() {
        tick.tick().await;
    }
}

#[tokio::test]
async fn an_address_may_not_connect_too_fast() {
    let server =
        Server::start_with(&["rates.address_connects_per_s=1", "rates.address_connects_burst=5"]).await;
    let mut opened = 0;
    while Socket::open_with(&server, &[]).await.is_ok() {
        opened += 1;
        assert!(opened <= 60, "one a second would be enough for no more");
    }
    assert!(opened >= 5, "{opened}");
    assert_eq!(http::get(server.addresses().admin, "/health/live").await.status, 200);
}

#[tokio::test]
async fn a_user_has_its_share_of_connections_and_a_device_does_not_stand_in_its_own_way() {
    let server = Server::start_with(&["limits.connections_per_user=2"]).await;
    let mut phone = Socket::sign_in(&server, "alice", "phone").await;
    let mut laptop = Socket::sign_in(&server, "alice", "laptop").await;
    let token = sign_in(&server, "alice").await;
    let mut third = Socket::open(&server).await;
    third.tell(&json!({ "type": "hello", "token": token, "device": "tablet" })).await;
    let goodbye = third.next("goodbye").await;
    assert_eq!(goodbye["reason"], "too many connections of this user", "{goodbye}");
    assert!(goodbye["reconnect_after_ms"].as_u64() > Some(0), "{goodbye}");
    assert_eq!(third.end().await.code, Some(4029));
    assert!(!phone.has_ended() && !laptop.has_ended(), "those who are there stay");

    // A phone whose old connection hangs comes back: that one is replaced, so there is room.
    let mut again = Socket::sign_in(&server, "alice", "phone").await;
    assert_eq!(phone.end().await.code, Some(4003));
    again.create(direct("bob")).await;
    laptop.create(direct("bob")).await;
    Socket::sign_in(&server, "bob", "phone").await.create(direct("alice")).await;
}
