//! Who hears what, and in which order.

use causerie_protocol::ConversationId;
use serde_json::json;

use crate::support::{Node, user};

#[tokio::test]
async fn two_users_chat_and_every_device_hears_it_once() {
    let node = Node::start().await;
    let (alice, tablet) = (node.client("alice", "phone").await, node.client("alice", "tablet").await);
    let bob = node.client("bob", "phone").await;
    alice.send_to("bob", 1).await;
    bob.send_to("alice", 2).await;
    let mut seqs = Vec::new();
    for (client, number) in [(&alice, 1), (&bob, 2)] {
        let frames = [client.hear().await.unwrap(), client.hear().await.unwrap()];
        let sent = frames.iter().find(|frame| frame["type"] == "sent").unwrap();
        let other = frames.iter().find(|frame| frame["type"] == "message").unwrap();
        assert_eq!(
            (sent["id"].as_u64(), sent["seq"].as_u64()),
            (Some(number), frames.iter().position(|frame| frame["type"] == "sent").map(|at| at as u64 + 1))
        );
        assert_ne!(sent["seq"], other["seq"]);
        seqs.push(sent["seq"].as_u64());
    }
    assert!(
        seqs.contains(&Some(1)) && seqs.contains(&Some(2)),
        "the sides began at once, and it is one conversation"
    );
    for seq in 1..=2 {
        assert_eq!(tablet.expect("message").await["seq"], seq);
    }
    for client in [&alice, &tablet, &bob] {
        assert_eq!(client.drain().await, Vec::<serde_json::Value>::new());
    }
}

#[tokio::test]
async fn positions_are_told_once_they_are_kept_and_never_go_back() {
    let node = Node::start().await;
    let (alice, bob) = (node.client("alice", "phone").await, node.client("bob", "phone").await);
    for number in 1..=3 {
        alice.send_to("bob", number).await;
        alice.expect("sent").await;
        bob.expect("message").await;
    }
    let conversation = ConversationId::direct(&user("alice"), &user("bob"));
    node.store.hold();
    bob.say(json!({ "type": "read", "conversation": conversation, "seq": 2 })).await;
    bob.say(json!({ "type": "delivered", "conversation": conversation, "seq": 1 })).await;
    crate::support::until(|| node.store.held() > 0).await;
    assert_eq!(alice.drain().await, Vec::<serde_json::Value>::new(), "told before it is kept");
    node.store.release();
    let receipt = alice.hear().await.unwrap();
    assert_eq!(
        (receipt["type"].as_str(), receipt["delivered"].as_u64(), receipt["read"].as_u64()),
        (Some("receipt"), Some(2), Some(2))
    );
    bob.say(json!({ "type": "read", "conversation": conversation, "seq": 9 })).await;
    let error = bob.expect("error").await;
    assert_eq!(error["code"], "invalid_frame", "a position that is not there yet");
}
