//! An embedder's rule that panics ends one conversation's actor, and nothing is lost, doubled or left unseen.

use std::time::Duration;

use causerie_actors::{BoxFuture, Draft, Rules, SendContext, Settings, Verdict};
use causerie_protocol::frame::Outcome;
use causerie_protocol::{ConversationId, Seq};
use serde_json::json;

use crate::support::{Node, key, text, until, user};

/// Fails at the message `boom`.
struct Fragile;

impl Rules for Fragile {
    fn may_send(&self, send: &SendContext<'_>) -> Verdict {
        let content = send.body.content().unwrap();
        assert_ne!(content.text.as_deref(), Some("boom"), "the rule's own defect");
        Verdict::Allow
    }
}

fn conversation() -> ConversationId {
    ConversationId::direct(&user("alice"), &user("bob"))
}

#[tokio::test]
async fn a_panic_is_answered_and_the_conversation_goes_on() {
    let node = Node::build(|builder| builder.rules(Fragile)).await;
    let (alice, bob) = (node.user("alice"), node.client("bob", "phone").await);
    assert_eq!(alice.send_to(user("bob"), key(1), text("1")).await.unwrap().seq, Seq(1));
    bob.expect("message").await;
    let error = alice.send_to(user("bob"), key(2), text("boom")).await.unwrap_err();
    assert_eq!(error.outcome, Outcome::Unknown);
    let sent = loop {
        match alice.send_to(user("bob"), key(3), text("3")).await {
            Ok(sent) => break sent,
            Err(error) => assert!(error.retry, "{error:?}"),
        }
    };
    assert_eq!(sent.seq, Seq(2), "what was refused has no position");
    // The failed actor's members are told where the end is, and sync.
    while bob.expect("head").await["seq"] != 2 {}
    bob.say(json!({ "type": "sync", "conversation": conversation(), "after": 1 })).await;
    let page = bob.expect("page").await;
    assert_eq!((page["items"][0]["body"]["text"].as_str(), page["head"].as_u64()), (Some("3"), Some(2)));
    alice.send_to(user("bob"), key(4), text("4")).await.unwrap();
    assert_eq!(bob.expect("message").await["seq"], 3, "live again");
}

#[tokio::test]
async fn a_batch_under_way_is_settled_and_told_before_the_conversation_is_opened_anew() {
    let node = Node::build(|builder| builder.rules(Fragile)).await;
    let (alice, bob) = (node.client("alice", "phone").await, node.client("bob", "phone").await);
    alice.send_to("bob", 1).await;
    alice.expect("sent").await;
    bob.expect("message").await;
    node.store.hold();
    alice.send(conversation(), 2).await;
    until(|| node.store.held() == 1).await;
    // A change of the group's title is drafted only when nothing is under way, and so is this message: the rule fails
    // while the batch is on its way only if it is asked then.
    let boom = json!({ "content_type": "text/plain", "text": "boom" });
    let key9 = key(9).to_string();
    alice.say(json!({ "type": "send", "id": 9, "to": "bob", "client_message_id": key9, "body": boom })).await;
    alice.drain().await;
    node.store.release();
    let mut unknown = 0;
    while unknown == 0 {
        let frame = alice.hear().await.unwrap();
        match frame["type"].as_str() {
            Some("sent") => assert_eq!(frame["seq"], 2, "decided before the rule was asked"),
            Some("error") => unknown += usize::from(frame["outcome"] == "unknown" && frame["id"] == 9),
            Some("head") => {}
            _ => panic!("{frame}"),
        }
    }
    assert_eq!(bob.expect("message").await["seq"], 2, "what is durable was told all the same");
    assert_eq!(bob.expect("head").await["seq"], 2);
}

/// Never comes to an end about the message `hang`.
struct Slow;

impl Rules for Slow {
    fn review<'a>(&'a self, draft: Draft<'a>) -> Option<BoxFuture<'a, Verdict>> {
        let hangs = draft.body.content().unwrap().text.as_deref() == Some("hang");
        hangs.then(|| -> BoxFuture<'a, Verdict> { Box::pin(std::future::pending()) })
    }
}

#[tokio::test]
async fn a_review_that_hangs_is_given_up_and_the_connection_goes_on() {
    let settings = Settings { send_deadline: Duration::from_millis(20), ..Settings::default() };
    let node = Node::build(|builder| builder.rules(Slow).settings(settings)).await;
    let alice = node.client("alice", "phone").await;
    let body = json!({ "content_type": "text/plain", "text": "hang" });
    let key1 = key(1).to_string();
    alice.say(json!({ "type": "send", "id": 1, "to": "bob", "client_message_id": key1, "body": body })).await;
    let error = alice.expect("error").await;
    assert_eq!((error["code"].as_str(), error["outcome"].as_str()), (Some("unavailable"), Some("none")));
    alice.send_to("bob", 2).await;
    assert_eq!(alice.expect("sent").await["seq"], 1);
}
