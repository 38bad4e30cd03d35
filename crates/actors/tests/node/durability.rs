//! Nothing is told before it is durable, and every send ends.

use std::time::Duration;

use causerie_protocol::Seq;
use causerie_protocol::frame::{ErrorCode, Outcome};
use causerie_store::port::messages::AppendError;
use serde_json::Value;

use crate::support::{Node, key, text, until, user};

const STEP: Duration = Duration::from_millis(300);

#[tokio::test]
async fn an_acknowledgement_waits_for_the_store() {
    let node = Node::start().await;
    let (alice, bob) = (node.client("alice", "phone").await, node.client("bob", "phone").await);
    node.store.hold();
    alice.send_to("bob", 1).await;
    until(|| node.store.held() == 1).await;
    assert_eq!((alice.drain().await, bob.drain().await), (Vec::<Value>::new(), Vec::new()));
    node.store.release();
    assert_eq!(alice.expect("sent").await["seq"], 1);
    assert_eq!(bob.expect("message").await["seq"], 1);
}

#[tokio::test]
async fn a_refused_append_is_a_definite_no() {
    let node = Node::start().await;
    let alice = node.user("alice");
    node.store.fail_next(AppendError::Refused("the disk is full".to_owned()));
    let error = alice.send_to(user("bob"), key(1), text("1")).await.unwrap_err();
    assert_eq!((error.code, error.outcome), (ErrorCode::Unavailable, Outcome::None));
    assert_eq!(alice.send_to(user("bob"), key(1), text("1")).await.unwrap().seq, Seq(1));
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_and_gives_one_position() {
    let node = Node::start().await;
    let alice = node.user("alice");
    node.store.lose_next_answer();
    let sent = node.meanwhile(STEP, alice.send_to(user("bob"), key(1), text("1"))).await.unwrap();
    assert_eq!(sent.seq, Seq(1));
    assert_eq!(alice.send_to(user("bob"), key(1), text("1")).await.unwrap().seq, Seq(1));
    assert_eq!(alice.send_to(user("bob"), key(2), text("2")).await.unwrap().seq, Seq(2));
}

#[tokio::test]
async fn a_store_that_says_nothing_leaves_no_send_without_an_end() {
    let node = Node::start().await;
    let alice = node.user("alice");
    node.store.hold();
    let first = alice.send_to(user("bob"), key(1), text("1"));
    let others = async {
        until(|| node.store.held() == 1).await;
        let second = alice.send_to(user("bob"), key(2), text("2"));
        let again = alice.send_to(user("bob"), key(1), text("1"));
        tokio::join!(second, again)
    };
    let (first, (second, again)) = node.meanwhile(STEP, async { tokio::join!(first, others) }).await;
    let (first, second, again) = (first.unwrap_err(), second.unwrap_err(), again.unwrap_err());
    assert_eq!((first.code, first.outcome), (ErrorCode::UnknownOutcome, Outcome::Unknown));
    assert_eq!((second.code, second.outcome), (ErrorCode::Unavailable, Outcome::None));
    assert_eq!(again.outcome, Outcome::Unknown, "it is on its way already, and may yet be stored");
    node.store.release();
    let sent = alice.send_to(user("bob"), key(1), text("1")).await.unwrap();
    assert_eq!(sent.seq, Seq(1));
    assert_eq!(alice.send_to(user("bob"), key(2), text("2")).await.unwrap().seq, Seq(2));
}
