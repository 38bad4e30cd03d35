//! Who may read from where: members that came later, members that went, members that came back.

use serde_json::json;

use super::changes;
use crate::support::frames::{fresh_id, group, of, send, seqs, sync, texts};
use crate::support::server::Server;
use crate::support::socket::Socket;

#[tokio::test]
async fn a_later_member_reads_since_it_joined_or_everything_as_the_group_says() {
    let mut server = Server::start().await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let mut dave = Socket::sign_in(&server, "dave", "phone").await;
    for (history, first) in [("since_join", 4), ("full", 1)] {
        let create = json!({
            "type": "create", "kind": "group", "title": history, "members": ["bob"], "client_id": fresh_id(),
            "history": history,
        });
        let team = alice.create(create).await;
        alice.done(send(&team, "before")).await;
        alice.done(send(&team, "before, too")).await;
        dave.refused(sync(&team, 0, 10), "not_found").await;
        alice.done(of("members.add", &team, &json!({ "users": ["dave"] }))).await;
        alice.done(send(&team, "after")).await;

        let entry = dave.message(&team, 4).await;
        assert_eq!(entry["body"]["change"], "added", "{entry}");
        let readable: Vec<u64> = (first..=5).collect();
        assert_eq!(seqs(&dave.sync_all(&team, 0, 10).await), readable, "{history}");
        let page = dave.done(of("history", &team, &json!({ "before": 1000, "limit": 10 }))).await;
        assert_eq!(seqs(page["items"].as_array().unwrap()), readable, "{history}");
        assert_eq!(page["more"], false, "{page}");
        let item = dave.done(of("conversation", &team, &json!({}))).await;
        assert_eq!(item["conversation"]["first"], first, "{item}");
        assert_eq!(item["conversation"]["unread"], 6 - first, "{item}");

        server.kill().await;
        server.restart().await;
        alice = Socket::sign_in(&server, "alice", "phone").await;
        dave = Socket::sign_in(&server, "dave", "phone").await;
        assert_eq!(seqs(&dave.sync_all(&team, 0, 10).await), readable, "{history}, after a restart");
    }
}

#[tokio::test]
async fn a_removed_member_gets_the_entry_that_removes_it_and_nothing_after_by_any_path() {
    let mut server = Server::start().await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let mut bob = Socket::sign_in(&server, "bob", "phone").await;
    let mut carol = Socket::sign_in(&server, "carol", "phone").await;
    let team = alice.create(group("Team", &["bob", "carol"])).await;
    alice.done(send(&team, "for all")).await;
    // Written in one breath, so that what follows the removal could share its batch.
    let frames = vec![
        of("members.remove", &team, &json!({ "users": ["bob"] })),
        send(&team, "without bob"),
        send(&team, "still without"),
        of("rename", &team, &json!({ "title": "Without bob" })),
    ];
    alice.pipeline(frames, 4).await;
    carol.message(&team, 6).await;

    let removal = bob.message(&team, 3).await;
    assert_eq!(removal["body"]["change"], "removed", "{removal}");
    for _ in 0..2 {
        bob.settle().await;
        assert!(seqs(&bob.live(&team)).iter().all(|seq| *seq <= 3), "live: {:?}", seqs(&bob.live(&team)));
        for (kind, more) in [
            ("sync", json!({ "after": 0 })),
            ("sync", json!({ "after": 3 })),
            ("history", json!({})),
            ("members", json!({})),
            ("conversation", json!({})),
            ("leave", json!({})),
        ] {
            bob.refused(of(kind, &team, &more), "not_found").await;
        }
        bob.refused(send(&team, "me too"), "not_found").await;
        let page = bob.done(json!({ "type": "conversations" })).await;
        assert_eq!(page["items"], json!([]), "{page}");
        bob.tell(&of("read", &team, &json!({ "seq": 3 }))).await;
        assert_eq!(bob.next("error").await["code"], "not_found");

        server.kill().await;
        server.restart().await;
        bob = Socket::sign_in(&server, "bob", "phone").await;
        alice = Socket::sign_in(&server, "alice", "phone").await;
        alice.done(send(&team, "after the restart")).await;
    }
}

#[tokio::test]
async fn a_member_that_comes_back_does_not_read_what_it_missed() {
    let server = Server::start().await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let mut bob = Socket::sign_in(&server, "bob", "phone").await;
    let team = alice.create(group("Team", &["bob"])).await;
    alice.done(of("members.remove", &team, &json!({ "users": ["bob"] }))).await;
    alice.done(send(&team, "a secret")).await;
    alice.done(of("members.add", &team, &json!({ "users": ["bob"] }))).await;
    alice.done(send(&team, "welcome back")).await;

    bob.message(&team, 5).await;
    assert_eq!(seqs(&bob.live(&team)), [1, 2, 4, 5]);
    let all = bob.sync_all(&team, 0, 10).await;
    assert_eq!((changes(&all), texts(&all)), (vec!["added"], vec!["", "welcome back"]));
    let page = bob.done(json!({ "type": "conversations" })).await;
    assert_eq!(page["items"][0]["first"], 4, "{page}");
    bob.done(send(&team, "thank you")).await;
}

#[tokio::test]
async fn who_left_is_treated_like_who_was_removed() {
    let server = Server::start().await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let mut bob = Socket::sign_in(&server, "bob", "phone").await;
    let team = alice.create(group("Team", &["bob"])).await;
    bob.done(of("leave", &team, &json!({}))).await;
    alice.done(send(&team, "alone")).await;
    assert_eq!(bob.message(&team, 2).await["body"]["change"], "left");
    bob.refused(sync(&team, 0, 10), "not_found").await;
    bob.settle().await;
    assert_eq!(seqs(&bob.live(&team)), [1, 2]);
    assert_eq!(bob.done(json!({ "type": "conversations" })).await["items"], json!([]));
}
