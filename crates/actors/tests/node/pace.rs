//! The window: what a client says at once is answered in the end, however much it is.

use causerie_actors::{Identity, Settings};
use serde_json::json;

use crate::support::{Burst, Node, device, send, until, user};

#[tokio::test]
async fn a_burst_beyond_the_window_is_answered_to_the_last() {
    let node = Node::with(Settings { sends_in_flight: 8, ..Settings::default() }).await;
    let socket = Burst::default();
    node.chat.attach(Identity::of(user("alice")), device("phone"), socket.clone());
    socket.arrive((1..=100).map(|number| send(json!({ "to": "bob" }), number)));
    until(|| socket.count("sent") == 100).await;
    let seqs: Vec<_> = socket.written().iter().filter_map(|frame| frame["seq"].as_u64()).collect();
    assert_eq!(seqs, (1..=100).collect::<Vec<_>>(), "in the order in which they were sent");
}

#[tokio::test]
async fn the_window_opens_again_when_the_store_goes_on() {
    let node = Node::with(Settings { sends_in_flight: 8, ..Settings::default() }).await;
    let socket = Burst::default();
    node.chat.attach(Identity::of(user("alice")), device("phone"), socket.clone());
    node.store.hold();
    socket.arrive((1..=100).map(|number| send(json!({ "to": "bob" }), number)));
    until(|| node.store.held() == 1).await;
    node.store.release();
    until(|| socket.count("sent") == 100).await;
}

#[tokio::test]
async fn answers_that_need_no_window_stop_reading_only_until_they_are_written() {
    let node = Node::start().await;
    let socket = Burst::default();
    node.chat.attach(Identity::of(user("alice")), device("phone"), socket.clone());
    let long = "x".repeat(60);
    for _ in 0..4 {
        socket.arrive((0..1000).map(|_| json!({ "type": "ping", "id": long })));
    }
    until(|| socket.count("pong") + socket.count("error") == 4000).await;
}

#[tokio::test]
async fn what_the_transport_holds_back_gets_out_without_anything_behind_it() {
    let node = Node::start().await;
    let socket = Burst::default();
    node.chat.attach(Identity::of(user("alice")), device("phone"), socket.clone());
    until(|| socket.count("welcome") == 1).await;
    socket.stall(true);
    socket.arrive([send(json!({ "to": "bob" }), 1)]);
    until(|| socket.held("sent") == 1).await;
    socket.stall(false);
    until(|| socket.count("sent") == 1).await;
}
