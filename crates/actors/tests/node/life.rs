//! How connections and conversations end, and what is left of them.

use std::sync::Arc;
use std::time::Duration;

use causerie_actors::connection::End;
use causerie_actors::{AuthenticateError, Authenticator, BoxFuture, Identity, Settings, channel};
use causerie_protocol::frame::CloseCode;
use causerie_protocol::{Clock, Seq, Timestamp};
use causerie_store::model::Revocation;
use serde_json::json;

use crate::support::{Burst, Client, Node, device, key, start, text, until, user};

const STEP: Duration = Duration::from_millis(500);

/// The token is the user's name; it ends in ten seconds, and its id is the token itself.
struct Names;

impl Authenticator for Names {
    fn authenticate<'a>(
        &'a self,
        token: &'a str,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Identity, AuthenticateError>> {
        let (name, _) = token.split_once('.').unwrap_or((token, ""));
        let expires = Some(now.plus(Duration::from_secs(10)));
        let identity = Identity { expires, token_id: Some(token.into()), ..Identity::of(user(name)) };
        Box::pin(async { Ok(identity) })
    }
}

async fn with_tokens() -> Node {
    Node::build(|builder| builder.authenticator(Arc::new(Names))).await
}

async fn sign_in(node: &Node, token: &str) -> Client {
    let (transport, client) = channel();
    node.chat.accept(transport, None);
    let client = Client::new(client);
    client.say(json!({ "type": "hello", "id": 1, "token": token, "device": "phone" })).await;
    client
}

#[tokio::test]
async fn a_newer_connection_of_the_same_device_takes_over() {
    let node = Node::start().await;
    let older = node.client("alice", "phone").await;
    let newer = node.client("alice", "phone").await;
    let (frames, code) = older.end().await;
    assert_eq!(frames.last().unwrap()["reason"], "replaced");
    assert_eq!(code, Some(CloseCode::Replaced));
    node.user("bob").send_to(user("alice"), key(1), text("1")).await.unwrap();
    assert_eq!(newer.expect("message").await["seq"], 1);
    assert_eq!(node.chat.sessions().len(), 1);
}

#[tokio::test]
async fn a_connection_ends_with_its_token_unless_it_is_refreshed() {
    let node = with_tokens().await;
    let (alice, bob) = (sign_in(&node, "alice").await, sign_in(&node, "bob").await);
    alice.expect("welcome").await;
    bob.expect("welcome").await;
    node.clock.advance(Duration::from_secs(8));
    alice.say(json!({ "type": "refresh", "id": 2, "token": "alice.2" })).await;
    alice.expect("ok").await;
    let (frames, code) = node.meanwhile(STEP, bob.end()).await;
    assert_eq!((frames[0]["reason"].as_str(), code), (Some("expired"), Some(CloseCode::TokenExpired)));
    assert!(
        node.clock.wall() < Timestamp(1_800_000_000_000).plus(Duration::from_secs(17)),
        "and not long after"
    );
    alice.drain().await;
    let (_, code) = node.meanwhile(STEP, alice.end()).await;
    assert_eq!(code, Some(CloseCode::TokenExpired));
}

#[tokio::test]
async fn a_wall_clock_that_is_set_forward_ends_what_is_over_then() {
    let node = with_tokens().await;
    let alice = sign_in(&node, "alice").await;
    alice.expect("welcome").await;
    node.clock.set_forward(Duration::from_mins(60));
    // No other time passes: nothing but the jump itself can be what is noticed.
    let (frames, code) = alice.end().await;
    assert_eq!((frames[0]["reason"].as_str(), code), (Some("expired"), Some(CloseCode::TokenExpired)));
}

#[tokio::test]
async fn a_revoked_token_ends_its_connection_and_opens_no_other() {
    let node = with_tokens().await;
    let (alice, other) = (sign_in(&node, "alice.1").await, sign_in(&node, "bob").await);
    alice.expect("welcome").await;
    other.expect("welcome").await;
    node.chat.revoke(Revocation::Token("alice.1".into(), Timestamp(u64::MAX))).await.unwrap();
    let (frames, code) = alice.end().await;
    assert_eq!((frames[0]["reason"].as_str(), code), (Some("revoked"), Some(CloseCode::Unauthenticated)));
    let (frames, code) = sign_in(&node, "alice.1").await.end().await;
    assert_eq!(
        (frames[0]["code"].as_str(), code),
        (Some("unauthenticated"), Some(CloseCode::Unauthenticated))
    );
    other.drain().await;
    let again = sign_in(&node, "alice.2").await;
    again.expect("welcome").await;
    again.say(json!({ "type": "refresh", "id": 2, "token": "alice.1" })).await;
    assert_eq!(again.expect("error").await["code"], "unauthenticated");
}

#[tokio::test]
async fn one_that_is_told_to_end_before_it_is_welcomed_leaves_nothing() {
    let node = Node::start().await;
    let socket = Burst::default();
    node.chat.attach(Identity::of(user("alice")), device("phone"), socket.clone()).end(End::KICKED);
    until(|| node.chat.open().0 == 0).await;
    assert_eq!(socket.closed(), (Some(CloseCode::GoingAway), 0), "nothing follows the close");
    assert_eq!(node.chat.sessions().len(), 0);
}

#[tokio::test]
async fn draining_lets_everybody_have_the_last_answers() {
    let node = Node::start().await;
    let (alice, bob) = (node.client("alice", "phone").await, node.client("bob", "phone").await);
    node.store.hold();
    alice.send_to("bob", 1).await;
    until(|| node.store.held() == 1).await;
    let chat = node.chat.clone();
    let drain = start(async move { chat.drain(Duration::from_secs(1), Duration::from_secs(20)).await });
    let (frames, code) = bob.end().await;
    assert_eq!((frames[0]["reason"].as_str(), code), (Some("draining"), Some(CloseCode::GoingAway)));
    node.store.release();
    let (frames, _) = alice.end().await;
    let kinds: Vec<_> = frames.iter().map(|frame| frame["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["sent", "goodbye"]);
    drain.await.unwrap();
    let (transport, late) = channel();
    node.chat.attach(Identity::of(user("carol")), device("phone"), transport);
    let (frames, code) = Client::new(late).end().await;
    assert_eq!((frames[0]["type"].as_str(), code), (Some("goodbye"), Some(CloseCode::GoingAway)));
}

#[tokio::test]
async fn a_thousand_conversations_close_when_idle_and_come_back_as_they_were() {
    let settings =
        Settings { conversation_idle: Duration::from_secs(1), recent_keys: 2, ..Settings::default() };
    let node = Node::with(settings).await;
    let alice = node.user("alice");
    for round in 1..=3 {
        for number in 0..1000 {
            let to = user(&format!("user-{number}"));
            let sent = alice.send_to(to.clone(), key(round), text("x")).await.unwrap();
            assert_eq!(sent.seq, Seq(round));
        }
        assert!(node.chat.open().1 > 0);
        let closed = until(|| node.chat.open().1 == 0);
        node.meanwhile(STEP, closed).await;
    }
    let first = alice.send_to(user("user-7"), key(1), text("x")).await.unwrap();
    assert_eq!(first.seq, Seq(1), "a key is known however long ago it was");
}

#[tokio::test]
async fn a_node_that_stops_lets_go_of_its_store() {
    let node = Node::start().await;
    let alice = node.client("alice", "phone").await;
    alice.send_to("bob", 1).await;
    alice.expect("sent").await;
    let conversation = causerie_protocol::ConversationId::direct(&user("alice"), &user("bob"));
    alice.say(json!({ "type": "read", "conversation": conversation, "seq": 1 })).await;
    alice.drain().await;
    node.chat.stop().await;
    assert_eq!(node.chat.open(), (0, 0));
    let mine = node.chat.store().conversation_of(user("alice"), conversation).await.unwrap().unwrap();
    assert_eq!(mine.cursor.read, Seq(1), "the last position is kept");
}

/// Conversations that close at every turn of the wheel, while many write into them from many threads.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_conversation_that_closes_under_its_writers_loses_and_doubles_nothing() {
    let settings = Settings { conversation_idle: Duration::ZERO, recent_keys: 4, ..Settings::default() };
    let node = Node::with(settings).await;
    let (writers, rooms, rounds) = (6, 4, 40);
    let mut tasks = Vec::new();
    for writer in 0..writers {
        let alice = node.user("alice");
        let to = move |room: u64| user(&format!("room-{room}"));
        tasks.push(start(async move {
            let mut turns = tokio::time::interval(Duration::from_millis(5));
            let mut seqs = Vec::new();
            for round in 0..rounds {
                turns.tick().await;
                for room in 0..rooms {
                    let number = key(writer * rounds + round);
                    let sent = alice.send_to(to(room), number, text("x")).await.unwrap();
                    let again = alice.send_to(to(room), number, text("x")).await.unwrap();
                    assert_eq!(sent.seq, again.seq);
                    seqs.push((room, sent.seq.0));
                }
            }
            seqs
        }));
    }
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await.unwrap());
    }
    all.sort_unstable();
    let expected: Vec<_> =
        (0..rooms).flat_map(|room| (1..=writers * rounds).map(move |seq| (room, seq))).collect();
    assert_eq!(all, expected);
}
