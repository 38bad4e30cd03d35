//! Delivery in real time: to all devices of all members, in order, without a gap; and to those who were away.

use std::collections::BTreeSet;

use serde_json::json;

use crate::support::frames::{direct, group, send, seq, seqs, texts};
use crate::support::server::Server;
use crate::support::socket::Socket;

#[tokio::test]
async fn a_message_reaches_every_device_of_every_member_and_the_other_devices_of_its_sender() {
    let server = Server::start().await;
    let mut phone = Socket::sign_in(&server, "alice", "phone").await;
    let mut others = Vec::new();
    for (user, device) in
        [("alice", "laptop"), ("alice", "tablet"), ("bob", "phone"), ("bob", "laptop"), ("carol", "phone")]
    {
        others.push(Socket::sign_in(&server, user, device).await);
    }
    let team = phone.create(group("Team", &["bob", "carol"])).await;
    let sent = phone.done(send(&team, "Hello")).await;
    for other in &mut others {
        let message = other.message(&team, 2).await;
        assert_eq!(message["message_id"], sent["message_id"]);
        assert_eq!((message["from"].as_str(), message["device"].as_str()), (Some("alice"), Some("phone")));
        assert_eq!(message["client_message_id"], sent["client_message_id"]);
        assert_eq!(message["time"], sent["time"]);
    }
    phone.settle().await;
    assert_eq!(seqs(&phone.live(&team)), [1], "the sending device has `sent`, and not its message too");
}

#[tokio::test]
async fn the_sending_device_hears_its_own_sent_in_its_place_among_the_messages_of_others() {
    let server = Server::start().await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let mut bob = Socket::sign_in(&server, "bob", "phone").await;
    let conversation = alice.create(direct("bob")).await;
    let frames = |words: &str| (0..150).map(|_| send(&conversation, words)).collect::<Vec<_>>();
    tokio::join!(alice.pipeline(frames("a"), 32), bob.pipeline(frames("b"), 32));
    for user in [&mut alice, &mut bob] {
        user.settle().await;
        let heard = user.heard(|frame| frame["type"] == "sent" || frame["type"] == "message");
        assert_eq!(seqs(&heard), (1..=300).collect::<Vec<u64>>(), "as they came, in one line");
    }
}

#[tokio::test]
async fn who_was_away_finds_everything_on_its_return() {
    let mut server = Server::start().await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let team = alice.create(group("Team", &["bob"])).await;
    let private = alice.create(direct("bob")).await;
    for conversation in [&team, &private] {
        let frames = (0..40).map(|number| send(conversation, &number.to_string())).collect();
        alice.pipeline(frames, 32).await;
    }
    for _ in 0..2 {
        let mut bob = Socket::sign_in(&server, "bob", "phone").await;
        let page = bob.done(json!({ "type": "conversations" })).await;
        let items = page["items"].as_array().unwrap();
        let unread: BTreeSet<_> =
            items.iter().map(|item| (item["conversation"].as_str(), item["unread"].as_u64())).collect();
        assert_eq!(unread, [(Some(&*private), Some(40)), (Some(&*team), Some(41))].into());
        let words: Vec<String> = (0..40).map(|number| number.to_string()).collect();
        assert_eq!(texts(&bob.sync_all(&private, 0, 7).await), words);
        assert_eq!(texts(&bob.sync_all(&team, 1, 200).await), words);
        server.kill().await;
        server.restart().await;
    }
}

#[tokio::test]
async fn nothing_is_missed_between_the_welcome_and_the_sync() {
    let server = Server::start().await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let conversation = alice.create(direct("bob")).await;
    // Bob comes again and again while alice writes without a pause.
    let writing = async {
        let frames = (0..600).map(|number| send(&conversation, &number.to_string())).collect();
        alice.pipeline(frames, 16).await
    };
    let coming = async {
        let mut have = 0;
        while have < 600 {
            let mut bob = Socket::sign_in(&server, "bob", "phone").await;
            let synced = bob.sync_all(&conversation, have, 200).await;
            assert!(synced.first().is_none_or(|first| seq(first) == have + 1));
            have = synced.last().map_or(have, seq);
            // What is live goes on where the sync ended, or before.
            bob.settle().await;
            for live in seqs(&bob.live(&conversation)) {
                assert!(live <= have + 1, "{live} came after a sync up to {have}");
                have = have.max(live);
            }
        }
    };
    tokio::join!(writing, coming);
}

#[tokio::test]
async fn a_new_device_of_the_same_name_takes_the_place_of_the_old_one() {
    let server = Server::start().await;
    let mut old = Socket::sign_in(&server, "alice", "phone").await;
    let mut new = Socket::sign_in(&server, "alice", "phone").await;
    assert_eq!(old.end().await.code, Some(4003));
    let goodbye = old.heard(|frame| frame["type"] == "goodbye");
    assert_eq!(goodbye[0]["reason"], "replaced", "{goodbye:?}");
    assert!(goodbye[0]["reconnect_after_ms"].is_null(), "it must not come back by itself: {goodbye:?}");
    let conversation = new.create(direct("bob")).await;
    let mut bob = Socket::sign_in(&server, "bob", "phone").await;
    bob.done(send(&conversation, "Hello")).await;
    new.message(&conversation, 1).await;
}
