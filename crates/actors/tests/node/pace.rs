//! The window: what a client says at once is answered in the end, however much it is.

use causerie_actors::{Identity, Settings};
use causerie_protocol::ConversationId;
use serde_json::json;

use crate::support::{Burst, Node, device, key, send, text, until, user};

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

#[tokio::test]
async fn pages_that_are_asked_for_at_once_share_the_room_of_one() {
    let node = Node::with(Settings { page_bytes: 20_000, ..Settings::default() }).await;
    let (alice, socket) = (node.user("alice"), Burst::default());
    for number in 1..=15 {
        alice.send_to(user("bob"), key(number), text(&"x".repeat(1_000))).await.unwrap();
    }
    node.chat.attach(Identity::of(user("bob")), device("phone"), socket.clone());
    let id = ConversationId::direct(&user("alice"), &user("bob"));
    let sync = || json!({ "type": "sync", "conversation": id, "after": 0 });
    socket.arrive([sync()]);
    until(|| socket.count("page") == 1).await;
    socket.arrive((0..5).map(|_| sync()));
    until(|| socket.count("page") == 6).await;
    let pages = socket.written().into_iter().filter(|frame| frame["type"] == "page");
    let sizes: Vec<_> = pages.map(|page| page["items"].as_array().unwrap().len()).collect();
    assert_eq!(sizes, [15, 3, 3, 3, 3, 3]);
}
