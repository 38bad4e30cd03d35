//! How fast, and how many at a time.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::interval;

use crate::support::frames::{direct, group, of, send, send_as, seqs};
use crate::support::server::Server;
use crate::support::socket::Socket;

/// The refusals among answers; each says when to try again.
fn refusals(answers: &[Value]) -> usize {
    let refused: Vec<_> = answers.iter().filter(|answer| answer["type"] == "error").collect();
    for error in &refused {
        assert_eq!((&error["code"], &error["outcome"]), (&json!("rate_limited"), &json!("none")), "{error}");
        assert_eq!(error["retry"], true, "{error}");
        assert!(error["retry_after_ms"].as_u64() > Some(0), "{error}");
    }
    refused.len()
}

#[tokio::test]
async fn who_sends_too_fast_is_told_when_to_try_again() {
    let server =
        Server::start_with(&["rates.connection_sends_per_s=1", "rates.connection_sends_burst=5"]).await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let conversation = alice.create(direct("bob")).await;
    let ids: Vec<_> = (0..20).map(|_| crate::support::frames::fresh_id()).collect();
    let frames = ids.iter().map(|id| send_as(&conversation, id, "Hello")).collect();
    let answers = alice.pipeline(frames, 20).await;
    let refused = refusals(&answers);
    assert!((1..=15).contains(&refused), "{refused} of 20");
    // A refused message is not there; the same again is, once there is room.
    let stored = 20 - refused as u64;
    assert_eq!(alice.sync_all(&conversation, 0, 100).await.len() as u64, stored);
    let index = answers.iter().position(|answer| answer["type"] == "error").unwrap();
    let last = send_as(&conversation, &ids[index], "Hello");
    let mut again = interval(Duration::from_millis(200));
    loop {
        again.tick().await;
        let answer = alice.ask(last.clone()).await;
        if refusals(std::slice::from_ref(&answer)) == 0 {
            assert_eq!(answer["seq"], stored + 1, "{answer}");
            break;
        }
    }
    assert!(server.metric("causerie_errors_total{code=\"rate_limited\"}").await >= 1.0);
    // Another user is not concerned.
    let mut bob = Socket::sign_in(&server, "bob", "phone").await;
    bob.done(send(&conversation, "Hello")).await;
}

#[tokio::test]
async fn a_users_share_is_that_of_all_its_devices() {
    let server = Server::start_with(&["rates.user_sends_per_s=1", "rates.user_sends_burst=10"]).await;
    let mut phone = Socket::sign_in(&server, "alice", "phone").await;
    let mut laptop = Socket::sign_in(&server, "alice", "laptop").await;
    let conversation = phone.create(direct("bob")).await;
    let frames = || (0..10).map(|_| send(&conversation, "Hello")).collect::<Vec<_>>();
    let refused =
        refusals(&phone.pipeline(frames(), 10).await) + refusals(&laptop.pipeline(frames(), 10).await);
    assert!(refused >= 1, "20 sends of a user that may send 10 at once");
}

#[tokio::test]
async fn a_conversation_and_its_other_requests_have_shares_too() {
    let server = Server::start_with(&[
        "rates.conversation_sends_per_s=1",
        "rates.conversation_sends_burst=5",
        "rates.connection_requests_per_s=1",
        "rates.connection_requests_burst=30",
    ])
    .await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let (busy, quiet) = (alice.create(direct("bob")).await, alice.create(direct("carol")).await);
    let frames = (0..15).map(|_| send(&busy, "Hello")).collect();
    assert!(refusals(&alice.pipeline(frames, 15).await) >= 1);
    alice.done(send(&quiet, "Hello")).await;
    let asked = (0..60).map(|_| of("conversation", &quiet, &json!({}))).collect();
    assert!(refusals(&alice.pipeline(asked, 32).await) >= 1);
}

#[tokio::test]
async fn what_is_too_much_at_a_time_waits_unread_and_nothing_is_refused_or_lost() {
    let server = Server::start_with(&["limits.sends_in_flight=4"]).await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let conversation = alice.create(direct("bob")).await;
    let frames = (0..500).map(|number| send(&conversation, &number.to_string())).collect();
    let answers = alice.pipeline(frames, 500).await;
    assert_eq!(seqs(&answers), (1..=500).collect::<Vec<u64>>());
    assert!(server.metric("causerie_reads_paused_total").await >= 1.0, "the limit was reached");
    // Requests of every kind wait in the same line, and each is answered.
    let mixed = (0..500).map(|number| match number % 4 {
        0 => send(&conversation, "Hello"),
        1 => of("history", &conversation, &json!({ "limit": 1 })),
        2 => json!({ "type": "ping" }),
        _ => json!({ "type": "blocks" }),
    });
    for answer in alice.pipeline(mixed.collect(), 500).await {
        assert_ne!(answer["type"], "error", "{answer}");
    }
}

#[tokio::test]
async fn a_flood_of_cheap_requests_is_answered_to_the_last() {
    let server = Server::start_with(&["rates.connection_requests_burst=50000"]).await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let frames = (0..20_000).map(|_| json!({ "type": "ping" })).collect();
    assert_eq!(alice.pipeline(frames, 20_000).await.len(), 20_000);
}

#[tokio::test]
async fn a_group_has_at_most_so_many_members() {
    let server = Server::start_with(&["limits.group_members=4"]).await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let team = alice.create(group("Team", &["bob", "carol"])).await;
    let add = |users: &[&str]| of("members.add", &team, &json!({ "users": users }));
    alice.refused(add(&["dave", "erin"]), "too_large").await;
    alice.done(add(&["dave", "bob"])).await;
    alice.refused(add(&["erin"]), "too_large").await;
    alice.refused(group("Too many", &["b", "c", "d", "e"]), "too_large").await;
}
