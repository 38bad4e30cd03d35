//! The order of messages.

use serde_json::json;

use crate::support::frames::{direct, group, send, seq, seqs, texts};
use crate::support::server::Server;
use crate::support::socket::Socket;

#[tokio::test]
async fn sends_written_in_one_breath_keep_their_order() {
    let server = Server::start().await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let mut bob = Socket::sign_in(&server, "bob", "phone").await;
    let conversation = alice.create(direct("bob")).await;
    let words: Vec<String> = (0..300).map(|number| number.to_string()).collect();
    let frames = words.iter().map(|words| send(&conversation, words)).collect();
    // Far more at once than may be unanswered: what is too many waits in the socket, unread.
    let answers = alice.pipeline(frames, 300).await;
    assert_eq!(seqs(&answers), (1..=300).collect::<Vec<u64>>());
    bob.message(&conversation, 300).await;
    assert_eq!(texts(&bob.live(&conversation)), words);
    let times: Vec<_> = answers.iter().map(|answer| answer["time"].as_str().unwrap()).collect();
    assert!(times.is_sorted(), "times of one conversation do not run back");
}

#[tokio::test]
async fn sends_to_several_conversations_keep_their_order_in_each() {
    let server = Server::start().await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let mut conversations = Vec::new();
    for user in ["bob", "carol", "dave", "erin"] {
        conversations.push(alice.create(direct(user)).await);
    }
    let frames = (0..200).map(|number| send(&conversations[number % 4], &number.to_string())).collect();
    let answers = alice.pipeline(frames, 32).await;
    for (index, conversation) in conversations.iter().enumerate() {
        let mine: Vec<u64> = answers.iter().skip(index).step_by(4).map(seq).collect();
        assert_eq!(mine, (1..=50).collect::<Vec<u64>>());
        let words: Vec<String> = (0..50).map(|number| (number * 4 + index).to_string()).collect();
        assert_eq!(texts(&alice.sync_all(conversation, 0, 200).await), words);
    }
}

#[tokio::test]
async fn every_observer_sees_the_messages_of_many_senders_in_the_same_order() {
    let server = Server::start().await;
    let mut users = Vec::new();
    for name in ["alice", "bob", "carol"] {
        users.push(Socket::sign_in(&server, name, "phone").await);
    }
    let team = users[0].create(group("Team", &["bob", "carol"])).await;
    let frames =
        |who: &str| (0..100).map(|number| send(&team, &format!("{who} {number}"))).collect::<Vec<_>>();
    let [alice, bob, carol] = &mut users[..] else { panic!("three users") };
    let (a, b, c) = tokio::join!(
        alice.pipeline(frames("a"), 16),
        bob.pipeline(frames("b"), 16),
        carol.pipeline(frames("c"), 16)
    );
    for answers in [&a, &b, &c] {
        assert!(seqs(answers).is_sorted_by(|one, next| one < next), "rising in the order sent");
    }
    let log = alice.sync_all(&team, 0, 200).await;
    assert_eq!(seqs(&log), (1..=301).collect::<Vec<u64>>());
    for user in &mut users {
        user.settle().await;
        // One's own come as `sent`; together with the others' nothing is missing.
        let own = user.heard(|frame| frame["type"] == "sent");
        let mut all = user.live(&team);
        all.extend(own);
        all.sort_by_key(seq);
        assert_eq!(seqs(&all), (1..=301).collect::<Vec<u64>>());
        let ids = |frames: &[serde_json::Value]| {
            frames.iter().map(|frame| frame["message_id"].clone()).collect::<Vec<_>>()
        };
        assert_eq!(ids(&all), ids(&log));
    }
}

#[tokio::test]
async fn what_is_answered_was_stored_before() {
    let mut server = Server::start().await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let conversation = alice.create(direct("bob")).await;
    for round in 1..=3 {
        let sent = alice.done(send(&conversation, &round.to_string())).await;
        assert_eq!(sent["seq"], round, "{sent}");
        server.kill().await;
        server.restart().await;
        alice = Socket::sign_in(&server, "alice", "phone").await;
        let page = alice.done(json!({ "type": "history", "conversation": conversation, "limit": 1 })).await;
        assert_eq!(page["items"][0]["message_id"], sent["message_id"], "{page}");
    }
}
