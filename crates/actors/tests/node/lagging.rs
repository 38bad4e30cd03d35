//! A client that reads too slowly is told where the end is, and catches up without a gap.

use std::time::Duration;

use causerie_actors::Identity;
use causerie_actors::{Settings, channel};
use causerie_protocol::frame::CloseCode;
use causerie_protocol::{ConversationId, Seq};
use serde_json::json;

use crate::support::{Client, Node, device, key, text, user};

/// More than the transport and the bytes on their way to it hold, so that the outbox has to.
const MESSAGES: u64 = 1000;

fn small() -> Settings {
    Settings { out_queue_frames: 8, ..Settings::default() }
}

#[tokio::test]
async fn a_slow_reader_lags_and_recovers() {
    let node = Node::with(small()).await;
    let (bob, alice) = (node.client("bob", "phone").await, node.user("alice"));
    for number in 1..=MESSAGES {
        alice.send_to(user("bob"), key(number), text("x")).await.unwrap();
    }
    let conversation = ConversationId::direct(&user("alice"), &user("bob"));
    let mut have = 0;
    let head = loop {
        let frame = bob.hear().await.unwrap();
        match frame["type"].as_str() {
            Some("message") => {
                have += 1;
                assert_eq!(frame["seq"], have, "a gap");
            }
            Some("head") => break frame["seq"].as_u64().unwrap(),
            _ => panic!("{frame}"),
        }
    };
    assert!(have < MESSAGES && head == MESSAGES);
    while have < head {
        bob.say(json!({ "type": "sync", "conversation": conversation, "after": have })).await;
        for item in bob.expect("page").await["items"].as_array().unwrap() {
            have += 1;
            assert_eq!(item["seq"], have);
        }
    }
    alice.send_to(user("bob"), key(9999), text("x")).await.unwrap();
    assert_eq!(bob.expect("message").await["seq"], head + 1, "live again");
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_closed_and_holds_up_nobody() {
    let node = Node::with(small()).await;
    let (transport, stuck) = channel();
    node.chat.attach(Identity::of(user("bob")), device("phone"), transport);
    let alice = node.user("alice");
    for number in 1..=MESSAGES {
        alice.send_to(user("bob"), key(number), text("x")).await.unwrap();
    }
    let gone = crate::support::until(|| node.chat.open().0 == 0);
    node.meanwhile(Duration::from_secs(2), gone).await;
    let (_, code) = Client::new(stuck).end().await;
    assert_eq!(code, Some(CloseCode::Lagging));
    let page = node.user("bob").sync(ConversationId::direct(&user("alice"), &user("bob")), Seq(0), 200).await;
    assert_eq!(page.unwrap().head, Seq(MESSAGES));
}
