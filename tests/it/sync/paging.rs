//! Pages of messages: exactly what there is, from any position, in both directions, while others write.

use serde_json::{Value, json};

use crate::support::frames::{direct, of, send, seq, seqs, sync};
use crate::support::server::Server;
use crate::support::socket::Socket;

/// So many messages, written as fast as the server takes them.
async fn write(socket: &mut Socket, conversation: &str, count: usize) {
    let frames = (0..count).map(|number| send(conversation, &number.to_string())).collect();
    for answer in socket.pipeline(frames, 256).await {
        assert_eq!(answer["type"], "sent", "{answer}");
    }
}

/// Everything below a position, page by page.
async fn back(socket: &mut Socket, conversation: &str, mut before: Value, limit: u64) -> Vec<Value> {
    let mut all = Vec::new();
    loop {
        let page =
            socket.done(of("history", conversation, &json!({ "before": before, "limit": limit }))).await;
        let mut items = page["items"].as_array().expect("a page has items").clone();
        before = json!(items.first().map(seq));
        items.append(&mut all);
        all = items;
        if page["more"] == false {
            return all;
        }
    }
}

#[tokio::test]
async fn pages_are_complete_across_the_4096_border_in_both_directions_also_after_a_restart() {
    let mut server = Server::start_with(&[
        "rates.connection_sends_burst=10000",
        "rates.user_sends_burst=10000",
        "limits.sends_in_flight=256",
    ])
    .await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let conversation = alice.create(direct("bob")).await;
    write(&mut alice, &conversation, 4_300).await;
    let everything: Vec<u64> = (1..=4_300).collect();
    for _ in 0..2 {
        let mut bob = Socket::sign_in(&server, "bob", "phone").await;
        assert_eq!(seqs(&bob.sync_all(&conversation, 0, 200).await), everything);
        assert_eq!(seqs(&back(&mut bob, &conversation, json!(null), 200).await), everything);
        for after in [4_090, 4_094, 4_095, 4_096, 4_097, 4_299] {
            let page = bob.done(sync(&conversation, after, 3)).await;
            let end = (after + 3).min(4_300);
            assert_eq!(seqs(page["items"].as_array().unwrap()), (after + 1..=end).collect::<Vec<u64>>());
            assert_eq!((&page["head"], &page["more"]), (&json!(4_300), &json!(end < 4_300)), "{page}");
            let page = bob.done(of("history", &conversation, &json!({ "before": after, "limit": 3 }))).await;
            assert_eq!(seqs(page["items"].as_array().unwrap()), (after - 3..after).collect::<Vec<u64>>());
            assert_eq!(page["more"], true, "{page}");
        }
        server.kill().await;
        server.restart().await;
    }
}

#[tokio::test]
async fn the_ends_of_a_conversation_are_empty_pages() {
    let server = Server::start().await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let conversation = alice.create(direct("bob")).await;
    let empty = |page: &Value| page["items"] == json!([]) && page["more"] == false;
    assert!(empty(&alice.done(sync(&conversation, 0, 10)).await));
    assert!(empty(&alice.done(of("history", &conversation, &json!({}))).await));
    write(&mut alice, &conversation, 3).await;
    for after in [3, 4, 1_000, (1 << 53) - 1] {
        let page = alice.done(sync(&conversation, after, 10)).await;
        assert!(empty(&page) && page["head"] == 3, "{page}");
    }
    for before in [0, 1] {
        let page = alice.done(of("history", &conversation, &json!({ "before": before }))).await;
        assert!(empty(&page), "{page}");
    }
    let page = alice.done(of("history", &conversation, &json!({ "before": 1_000_000 }))).await;
    assert_eq!(seqs(page["items"].as_array().unwrap()), [1, 2, 3]);
    assert_eq!(page["more"], false);
}

#[tokio::test]
async fn a_page_has_at_most_so_many_items_and_so_many_bytes() {
    let server = Server::start().await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let conversation = alice.create(direct("bob")).await;
    write(&mut alice, &conversation, 250).await;
    let count = |page: &Value| page["items"].as_array().unwrap().len();
    assert_eq!(count(&alice.done(sync(&conversation, 0, 1_000)).await), 200);
    assert_eq!(count(&alice.done(of("sync", &conversation, &json!({ "after": 0 }))).await), 100);
    assert_eq!(count(&alice.done(sync(&conversation, 0, 0)).await), 1);

    let large = "x".repeat(16 * 1024);
    let frames = (0..60).map(|_| send(&conversation, &large)).collect();
    alice.pipeline(frames, 32).await;
    let page = alice.done(sync(&conversation, 250, 200)).await;
    assert!(count(&page) < 60 && page["more"] == true, "{} items", count(&page));
    assert_eq!(seqs(&alice.sync_all(&conversation, 0, 200).await), (1..=310).collect::<Vec<u64>>());
    assert_eq!(
        seqs(&back(&mut alice, &conversation, json!(null), 200).await),
        (1..=310).collect::<Vec<u64>>()
    );
}

#[tokio::test]
async fn pages_neither_skip_nor_repeat_while_others_write() {
    let server = Server::start().await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let mut bob = Socket::sign_in(&server, "bob", "phone").await;
    let conversation = alice.create(direct("bob")).await;
    write(&mut alice, &conversation, 100).await;
    let reading = async {
        let mut heads = Vec::new();
        for _ in 0..5 {
            let forward = seqs(&bob.sync_all(&conversation, 0, 50).await);
            let backward = seqs(&back(&mut bob, &conversation, json!(null), 50).await);
            for all in [&forward, &backward] {
                let head = all.last().copied().unwrap();
                assert_eq!(*all, (1..=head).collect::<Vec<u64>>());
                heads.push(head);
            }
        }
        heads
    };
    let ((), heads) = tokio::join!(write(&mut alice, &conversation, 900), reading);
    assert!(heads.is_sorted(), "a later sync never knows less: {heads:?}");
    assert_eq!(bob.sync_all(&conversation, 0, 200).await.len(), 1_000);
}

#[tokio::test]
async fn a_sync_begun_after_an_answer_contains_what_was_answered() {
    let server = Server::start().await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let mut bob = Socket::sign_in(&server, "bob", "phone").await;
    let conversation = alice.create(direct("bob")).await;
    for number in 1..=100 {
        alice.done(send(&conversation, "fresh")).await;
        let page = bob.done(sync(&conversation, number - 1, 10)).await;
        assert_eq!((&page["head"], &page["items"][0]["seq"]), (&json!(number), &json!(number)), "{page}");
    }
}
