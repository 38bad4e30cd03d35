//! Slow readers: told where the end is, never left with a hole.

use serde_json::{Value, json};

use crate::support::frames::{direct, group, send, seq, seqs};
use crate::support::server::Server;
use crate::support::socket::Socket;

/// So many messages of a kilobyte.
fn frames(conversation: &str, count: usize) -> Vec<Value> {
    let words = "x".repeat(1024);
    (0..count).map(|_| send(conversation, &words)).collect()
}

#[tokio::test]
async fn a_slow_reader_gets_the_head_and_loses_nothing() {
    let settings =
        ["limits.out_queue_frames=16", "limits.out_queue_bytes=131072", "limits.send_buffer_bytes=4096"];
    let server = Server::start_with(&settings).await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let mut slow = Socket::sign_in(&server, "bob", "phone").await;
    let mut quick = Socket::sign_in(&server, "carol", "phone").await;
    let team = alice.create(group("Team", &["bob", "carol"])).await;
    slow.message(&team, 1).await;
    for round in 0..2 {
        slow.pause(true);
        alice.pipeline(frames(&team, 4_000), 32).await;
        let end = 1 + (round + 1) * 4_000;
        quick.sync_all(&team, end - 1, 10).await;
        slow.pause(false);
        let head = slow.wait_for("the head", |frame| frame["type"] == "head" && frame["seq"] == end).await;
        assert_eq!(head["conversation"], *team, "{head}");
        assert!(server.metric("causerie_replaced_by_head_total").await > 0.0, "it is counted");
        let live = seqs(&slow.live(&team));
        let have = live.last().copied().unwrap();
        assert!(have < end, "something was replaced by the head");
        let missed = slow.sync_all(&team, have, 200).await;
        assert_eq!(seqs(&missed), (have + 1..=end).collect::<Vec<u64>>());
        // From there on it is live again.
        if round == 1 {
            let sent = alice.done(send(&team, "Hello again")).await;
            assert_eq!(slow.message(&team, seq(&sent)).await["body"]["text"], "Hello again");
        }
    }
}

#[tokio::test]
async fn a_reader_that_takes_nothing_is_closed_and_finds_everything_when_it_comes_back() {
    let settings = ["timeouts.lagging_close_s=1", "limits.send_buffer_bytes=4096"];
    let server = Server::start_with(&settings).await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let mut stuck = Socket::sign_in(&server, "bob", "phone").await;
    let conversation = alice.create(direct("bob")).await;
    stuck.pause(true);
    alice.pipeline(frames(&conversation, 4_000), 32).await;
    server.metric_reaches("causerie_connections_closed_total{reason=\"lagging\"}", 1.0).await;
    stuck.pause(false);
    let end = stuck.end().await;
    assert!(matches!(end.code, Some(4008) | None), "{end:?}: the close frame may have had no room");
    alice.done(send(&conversation, "after")).await;

    let mut back = Socket::sign_in(&server, "bob", "phone").await;
    assert_eq!(back.sync_all(&conversation, 0, 200).await.len(), 4_001);
}

#[tokio::test]
async fn a_client_that_asks_and_does_not_listen_is_not_read() {
    let server = Server::start_with(&["limits.send_buffer_bytes=4096", "timeouts.lagging_close_s=600"]).await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let conversation = alice.create(direct("bob")).await;
    alice.pipeline(frames(&conversation, 200), 32).await;
    alice.pause(true);
    // Far more than the sockets of both sides hold, if it were all answered at once.
    let ask = json!({ "type": "sync", "conversation": conversation, "after": 0, "limit": 200 });
    let mut begun = Vec::new();
    for _ in 0..300 {
        begun.push(alice.begin(ask.clone()).await);
    }
    server.metric_reaches("causerie_reads_paused_total", 1.0).await;
    alice.pause(false);
    for id in begun {
        let page = alice.answer(id).await;
        assert_eq!(
            (&page["type"], &page["items"][0]["seq"]),
            (&json!("page"), &json!(1)),
            "{}",
            page["code"]
        );
    }
}
