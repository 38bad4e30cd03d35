//! One key, one position: for ever, whatever a resend says of itself.

use serde_json::{Value, json};

use crate::support::frames::{direct, fresh_id, group, send, send_as, send_to, seq, seqs, text};
use crate::support::server::Server;
use crate::support::socket::Socket;

/// The same message again, in every way in which a client may say it.
fn resends(conversation: &str, id: &str, words: &str) -> Vec<Value> {
    let again = send_as(conversation, id, words);
    let with = |attempt: Value, after: Value| {
        let mut frame = again.clone();
        frame["attempt"] = attempt;
        frame["after"] = after;
        frame
    };
    let mut all = vec![again.clone()];
    all.extend([json!(0), json!(1), json!(7)].map(|attempt| with(attempt, json!(null))));
    all.extend([json!(0), json!(1)].map(|attempt| with(attempt, json!(0))));
    all
}

/// Asserts that each resend is answered with the one message.
async fn same(alice: &mut Socket, conversation: &str, id: &str, sent: &Value) {
    for resend in resends(conversation, id, "once") {
        let again = alice.done(resend.clone()).await;
        for member in ["conversation", "client_message_id", "seq", "message_id", "time"] {
            assert_eq!(again[member], sent[member], "{resend} was answered {again}, first {sent}");
        }
    }
}

#[tokio::test]
async fn a_resend_gets_the_same_answer_at_once_after_many_newer_messages_and_after_a_kill() {
    let mut server = Server::start().await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let conversation = alice.create(direct("bob")).await;
    alice.done(send(&conversation, "before")).await;
    let id = fresh_id();
    let mut first = send_as(&conversation, &id, "once");
    first["attempt"] = json!(0);
    first["after"] = json!(0);
    let sent = alice.done(first).await;
    assert_eq!(sent["seq"], 2, "{sent}");
    same(&mut alice, &conversation, &id, &sent).await;

    let newer = (0..1_500).map(|number| send(&conversation, &number.to_string())).collect();
    alice.pipeline(newer, 32).await;
    same(&mut alice, &conversation, &id, &sent).await;

    for _ in 0..2 {
        server.kill().await;
        server.restart().await;
        alice = Socket::sign_in(&server, "alice", "phone").await;
        same(&mut alice, &conversation, &id, &sent).await;
    }
    let page = alice.sync_all(&conversation, 0, 200).await;
    assert_eq!(page.len(), 1_502, "nothing was stored twice");
    let by_name = json!({ "type": "send", "to": "bob", "client_message_id": id, "body": text("once") });
    assert_eq!(alice.done(by_name).await["message_id"], sent["message_id"], "by the user's name too");
    let mut other_device = Socket::sign_in(&server, "alice", "laptop").await;
    same(&mut other_device, &conversation, &id, &sent).await;
}

/// It says that this is its first attempt, and that it knew everything when it made it.
#[tokio::test]
async fn a_client_that_lies_about_its_resend_gets_the_position_that_it_has() {
    let mut server = Server::start().await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let conversation = alice.create(direct("bob")).await;
    let id = fresh_id();
    let sent = alice.done(send_as(&conversation, &id, "once")).await;
    let newer: Vec<_> = (0..1_500).map(|number| send(&conversation, &number.to_string())).collect();
    alice.pipeline(newer, 32).await;
    for round in 0..2 {
        let mut lie = send_as(&conversation, &id, "once");
        lie["attempt"] = json!(0);
        lie["after"] = json!(1_501 + round);
        // Others, sent in the same breath, are not held up by it and stay in order.
        let around = |name: &str| send(&conversation, &format!("{name} {round}"));
        let answers = alice.pipeline(vec![around("before"), lie, around("behind")], 32).await;
        assert_eq!(answers[1]["seq"], sent["seq"], "{answers:?}");
        assert_eq!(answers[1]["message_id"], sent["message_id"]);
        let head = 1_501 + 2 * round;
        assert_eq!([&answers[0]["seq"], &answers[2]["seq"]], [&json!(head + 1), &json!(head + 2)]);
        server.kill().await;
        server.restart().await;
        alice = Socket::sign_in(&server, "alice", "phone").await;
    }
    let page = alice.sync_all(&conversation, 0, 200).await;
    assert_eq!(page.len(), 1_505, "nothing was stored twice");
}

#[tokio::test]
async fn one_key_sent_on_two_connections_at_once_becomes_one_message() {
    let server = Server::start().await;
    let mut phone = Socket::sign_in(&server, "alice", "phone").await;
    let mut laptop = Socket::sign_in(&server, "alice", "laptop").await;
    let mut bob = Socket::sign_in(&server, "bob", "phone").await;
    let conversation = phone.create(direct("bob")).await;
    let frames: Vec<_> = (0..64).map(|number| send(&conversation, &number.to_string())).collect();
    let (one, other) = tokio::join!(phone.pipeline(frames.clone(), 32), laptop.pipeline(frames, 32));
    for (one, other) in one.iter().zip(&other) {
        assert_eq!(one["type"], "sent", "{one}");
        assert_eq!((&one["seq"], &one["message_id"]), (&other["seq"], &other["message_id"]));
    }
    bob.message(&conversation, 64).await;
    bob.settle().await;
    assert_eq!(seqs(&bob.live(&conversation)), (1..=64).collect::<Vec<u64>>());
}

#[tokio::test]
async fn one_key_sent_many_times_in_one_breath_becomes_one_message() {
    let server = Server::start().await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let conversation = alice.create(group("Team", &[])).await;
    let id = fresh_id();
    let frames = (0..32).map(|_| send_as(&conversation, &id, "once")).collect();
    let answers = alice.pipeline(frames, 32).await;
    assert!(answers.iter().all(|answer| seq(answer) == 2), "{answers:?}");
    assert_eq!(alice.done(send(&conversation, "next")).await["seq"], 3);
}

#[tokio::test]
async fn the_same_key_with_another_body_is_a_conflict_and_changes_nothing() {
    let mut server = Server::start().await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let mut bob = Socket::sign_in(&server, "bob", "phone").await;
    let conversation = alice.create(direct("bob")).await;
    let id = fresh_id();
    let sent = alice.done(send_as(&conversation, &id, "once")).await;
    for _ in 0..2 {
        alice.refused(send_as(&conversation, &id, "twice"), "conflict").await;
        let mut later = send_as(&conversation, &id, "twice");
        later["attempt"] = json!(1);
        alice.refused(later, "conflict").await;
        // Written in another way it is still the same message.
        let mut spaced = send_as(&conversation, &id, "once");
        spaced["body"] = json!({ "text": "once", "content_type": "text/plain" });
        assert_eq!(alice.done(spaced).await["message_id"], sent["message_id"]);
        server.kill().await;
        server.restart().await;
        alice = Socket::sign_in(&server, "alice", "phone").await;
        bob = Socket::sign_in(&server, "bob", "phone").await;
    }
    // A key belongs to its sender and its conversation.
    assert_eq!(bob.done(send_as(&conversation, &id, "mine")).await["seq"], 2);
    let elsewhere = alice.create(group("Team", &[])).await;
    assert_eq!(alice.done(send_as(&elsewhere, &id, "elsewhere")).await["seq"], 2);
    assert_eq!(alice.done(send_to("bob", "the next")).await["seq"], 3);
}
