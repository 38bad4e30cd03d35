//! What a device finds when it comes: its conversations, the most recently active first.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::frames::{direct, group, name, send};
use crate::support::server::Server;
use crate::support::socket::Socket;

/// The peers and titles of a page's items.
fn names(page: &Value) -> Vec<&str> {
    let items = page["items"].as_array().expect("a page has items").iter();
    items.map(|item| item["peer"].as_str().or(item["title"].as_str()).unwrap_or_default()).collect()
}

/// Asserts that these are all, the most recently active first. What was written in the same millisecond may stand in any
/// order.
fn assert_newest_first(items: &[Value], expected: &[&str]) {
    let times: Vec<_> = items.iter().map(|item| name(&item["last"], "time")).collect();
    assert!(times.is_sorted_by(|one, next| one >= next), "{times:?}");
    let expected: BTreeSet<&str> = expected.iter().copied().collect();
    let page = json!({ "items": items });
    assert_eq!(names(&page).into_iter().collect::<BTreeSet<_>>(), expected);
    assert_eq!(items.len(), expected.len());
}

#[tokio::test]
async fn conversations_come_most_recently_active_first_with_their_last_message() {
    let mut server = Server::start().await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let mut bob = Socket::sign_in(&server, "bob", "phone").await;
    let with_bob = alice.create(direct("bob")).await;
    alice.done(send(&with_bob, "first")).await;
    let with_carol = alice.create(direct("carol")).await;
    alice.done(send(&with_carol, "second")).await;
    let team = alice.create(group("Team", &["bob"])).await;
    alice.done(send(&team, "third")).await;
    bob.done(send(&with_bob, "fourth")).await;
    for _ in 0..2 {
        let page = alice.done(json!({ "type": "conversations" })).await;
        let items = page["items"].as_array().unwrap();
        assert_newest_first(items, &["bob", "Team", "carol"]);
        let item = items.iter().find(|item| item["peer"] == "bob").unwrap();
        assert_eq!(item["last"]["body"]["text"], "fourth", "{item}");
        assert_eq!(
            (&item["head"], &item["last"]["seq"], &item["last"]["from"]),
            (&json!(2), &json!(2), &json!("bob"))
        );
        assert!(page["next"].is_null(), "{page}");
        let one = alice.done(json!({ "type": "conversation", "conversation": with_bob })).await;
        assert_eq!(one["conversation"], *item, "the same as when it is asked for alone");
        server.kill().await;
        server.restart().await;
        alice = Socket::sign_in(&server, "alice", "phone").await;
    }
}

#[tokio::test]
async fn the_list_is_paged_without_loss() {
    let server = Server::start().await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let users: Vec<String> = (0..25).map(|number| format!("user-{number:02}")).collect();
    for user in &users {
        let conversation = alice.create(direct(user)).await;
        alice.done(send(&conversation, "Hello")).await;
    }
    let (mut found, mut after) = (Vec::new(), json!(null));
    loop {
        let page = alice.done(json!({ "type": "conversations", "limit": 10, "after": after })).await;
        assert!(names(&page).len() <= 10);
        found.extend(page["items"].as_array().unwrap().iter().cloned());
        after = page["next"].clone();
        if after.is_null() {
            break;
        }
    }
    assert_newest_first(&found, &users.iter().map(String::as_str).collect::<Vec<_>>());
    alice.refused(json!({ "type": "conversations", "after": "somewhere" }), "invalid_frame").await;
}

#[tokio::test]
async fn what_a_client_has_already_is_left_out() {
    let server = Server::start().await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let mut known = Vec::new();
    for user in ["bob", "carol", "dave"] {
        let conversation = alice.create(direct(user)).await;
        alice.done(send(&conversation, "Hello")).await;
        known.push(json!({ "conversation": conversation, "seq": 1 }));
    }
    let page = alice.done(json!({ "type": "conversations", "known": known })).await;
    assert_eq!(page["items"], json!([]), "{page}");
    alice.done(send(name(&known[1], "conversation"), "news")).await;
    let page = alice.done(json!({ "type": "conversations", "known": known })).await;
    assert_eq!(names(&page), ["carol"]);
}

#[tokio::test]
async fn unread_counts_what_came_after_the_read_position() {
    let server = Server::start().await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let mut bob = Socket::sign_in(&server, "bob", "phone").await;
    let conversation = alice.create(direct("bob")).await;
    for number in 1..=5 {
        alice.done(send(&conversation, "Hello")).await;
        let page = bob.done(json!({ "type": "conversations" })).await;
        assert_eq!(page["items"][0]["unread"], number, "{page}");
    }
    bob.tell(&json!({ "type": "read", "conversation": conversation, "seq": 4 })).await;
    bob.next("receipt").await;
    let page = bob.done(json!({ "type": "conversations" })).await;
    assert_eq!(page["items"][0]["unread"], 1, "{page}");
}

#[tokio::test]
async fn a_new_device_reads_the_last_messages_first_and_older_ones_on_demand_while_others_write() {
    let server = Server::start().await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let conversation = alice.create(direct("bob")).await;
    let frames = |count: usize| (0..count).map(|_| send(&conversation, "Hello")).collect::<Vec<_>>();
    alice.pipeline(frames(300), 32).await;
    let arriving = async {
        let mut new = Socket::sign_in(&server, "bob", "new phone").await;
        let page = new.done(json!({ "type": "conversations", "limit": 20 })).await;
        let head = page["items"][0]["head"].as_u64().unwrap();
        let last = new.done(json!({ "type": "history", "conversation": conversation, "limit": 50 })).await;
        let mut have: BTreeSet<u64> =
            last["items"].as_array().unwrap().iter().map(crate::support::frames::seq).collect();
        assert!(have.last().copied() >= Some(head), "what is live by now is there");
        while let Some(first) = have.first().copied().filter(|first| *first > 1) {
            let older =
                json!({ "type": "history", "conversation": conversation, "before": first, "limit": 50 });
            let page = new.done(older).await;
            have.extend(page["items"].as_array().unwrap().iter().map(crate::support::frames::seq));
        }
        (new, have)
    };
    let (_, (mut new, mut have)) = tokio::join!(alice.pipeline(frames(300), 16), arriving);
    new.settle().await;
    have.extend(new.live(&conversation).iter().map(crate::support::frames::seq));
    assert_eq!(have.into_iter().collect::<Vec<_>>(), (1..=600).collect::<Vec<u64>>());
}
