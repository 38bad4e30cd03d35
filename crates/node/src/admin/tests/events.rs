//! The event stream.

use axum::body::BodyDataStream;
use futures_util::StreamExt;

use super::*;
use crate::admin::lines::STREAMS;

/// A stream that is being followed, line by line.
struct Followed {
    stream: BodyDataStream,
    text: String,
}

impl Followed {
    async fn new(room: &Room, path: &str) -> Self {
        let response = room.router.clone().oneshot(get(path)).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/x-ndjson");
        Self { stream: response.into_body().into_data_stream(), text: String::new() }
    }

    /// The next event; `None` when the stream ended in order.
    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some((line, rest)) = self.text.split_once('\n') {
                let event = serde_json::from_str(line).unwrap();
                self.text = rest.to_owned();
                return Some(event);
            }
            let bytes = self.stream.next().await?.unwrap();
            self.text.push_str(std::str::from_utf8(&bytes).unwrap());
        }
    }
}

#[tokio::test]
async fn events_are_cloud_events_whose_data_is_the_frame() {
    let room = Room::new().await;
    let sent = room.send("alice", "bob", "hello").await;
    let (bob, _) = room.client("bob", "phone").await;
    let mut events = Followed::new(&room, "/events?follow=true").await;
    let first = events.next().await.unwrap();
    let conversation = sent.conversation.to_string();
    let expected = json!({
        "specversion": "1.0",
        "id": format!("{conversation}:1"),
        "source": "/causerie",
        "type": "causerie.message",
        "subject": conversation,
        "time": sent.time,
        "partitionkey": conversation,
        "position": "1",
        "datacontenttype": "application/json",
        "data": {
            "type": "message", "conversation": conversation, "seq": 1, "message_id": sent.message_id,
            "kind": "message", "from": "alice", "device": "test", "client_message_id": sent.client_message_id,
            "time": sent.time, "body": { "content_type": "text/plain", "text": "hello" },
        },
    });
    assert_eq!(first, expected);
    bob.send(json!({ "type": "read", "conversation": conversation, "seq": 1 }).to_string()).await.unwrap();
    let receipt = events.next().await.unwrap();
    assert_eq!(
        (&receipt["type"], &receipt["id"], &receipt["position"], receipt.get("time")),
        (&json!("causerie.receipt"), &json!(format!("{conversation}:bob:1:1")), &json!("2"), None)
    );
    let data =
        json!({ "type": "receipt", "conversation": conversation, "user": "bob", "delivered": 1, "read": 1 });
    assert_eq!(receipt["data"], data);
}

#[tokio::test]
async fn reading_resumes_at_every_position_and_ends_at_the_end() {
    let room = Room::new().await;
    for number in 1..=150 {
        room.send("alice", "bob", &number.to_string()).await;
    }
    let all = room.lines("/events").await;
    let positions: Vec<_> = all.iter().map(|event| event["position"].as_str().unwrap().to_owned()).collect();
    assert_eq!(positions, (1..=150).map(|position| position.to_string()).collect::<Vec<_>>());
    for after in [0, 1, 63, 64, 65, 149, 150] {
        assert_eq!(room.lines(&format!("/events?after={after}")).await, all[after..], "{after}");
    }
}

#[tokio::test]
async fn a_followed_stream_wakes_for_each_event_and_ends_with_the_server() {
    let room = Room::new().await;
    let mut events = Followed::new(&room, "/events?follow=true").await;
    for number in 1..=3 {
        room.send("alice", "bob", &number.to_string()).await;
        assert_eq!(events.next().await.unwrap()["data"]["seq"], number);
    }
    room.send("alice", "bob", "the last").await;
    room.phase.send(Phase::Stopping).unwrap();
    assert_eq!(events.next().await.unwrap()["data"]["seq"], 4, "what was stored before the end is told");
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn streams_are_few_and_one_that_is_left_makes_room() {
    let room = Room::new().await;
    let mut streams = Vec::new();
    for _ in 0..STREAMS {
        streams.push(Followed::new(&room, "/events?follow=true").await);
    }
    assert_eq!(room.ask(get("/events?follow=true")).await.0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(room.ask(get("/admin/users/alice/export")).await.0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(room.ask(get("/admin/sessions")).await.0, StatusCode::OK, "other requests get through");
    streams.pop();
    assert_eq!(room.ask(get("/events")).await.0, StatusCode::OK);
}
