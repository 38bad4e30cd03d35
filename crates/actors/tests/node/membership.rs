//! Who is in, who is out, and who is blocked.

use causerie_actors::Change;
use causerie_protocol::frame::ErrorCode;
use causerie_protocol::frame::down::HistoryAccess;
use causerie_protocol::{Seq, Title};
use serde_json::json;

use crate::support::{Node, key, start, text, until, user};

#[tokio::test]
async fn who_is_removed_hears_of_it_and_of_nothing_after() {
    let node = Node::start().await;
    let (alice, carol) = (node.user("alice"), node.client("carol", "phone").await);
    let members = vec![user("bob"), user("carol")];
    let title = Title::new("Team").unwrap();
    let group = alice.create_group(title, members, HistoryAccess::SinceJoin, key(0)).await.unwrap();
    let id = group.conversation;
    assert_eq!(carol.expect("message").await["seq"], 1);
    // Carol's message waits behind the change that removes her, and is refused in its turn.
    node.store.hold();
    let removal = {
        let alice = alice.clone();
        start(async move { alice.change(id, Change::Remove(vec![user("carol")])).await })
    };
    until(|| node.store.held() == 1).await;
    carol.send(id, 7).await;
    carol.drain().await;
    node.store.release();
    assert_eq!(removal.await.unwrap().unwrap(), Some(Seq(2)));
    assert_eq!(carol.expect("message").await["body"]["change"], "removed");
    assert_eq!(carol.expect("error").await["code"], "not_found");
    alice.send(id, key(8), text("8")).await.unwrap();
    for frame in [
        json!({ "type": "sync", "id": 1, "conversation": id, "after": 0 }),
        json!({ "type": "history", "id": 2, "conversation": id }),
        json!({ "type": "conversation", "id": 3, "conversation": id }),
        json!({ "type": "members", "id": 4, "conversation": id }),
    ] {
        carol.say(frame).await;
        assert_eq!(carol.expect("error").await["code"], "not_found");
    }
    carol.say(json!({ "type": "conversations", "id": 5 })).await;
    assert_eq!(carol.expect("page").await["items"], json!([]));
    assert_eq!(node.user("carol").send(id, key(7), text("7")).await.unwrap_err().code, ErrorCode::NotFound);
}

#[tokio::test]
async fn a_block_holds_from_the_first_message_on() {
    let node = Node::start().await;
    let (alice, bob) = (node.client("alice", "phone").await, node.client("bob", "phone").await);
    bob.say(json!({ "type": "block", "id": 1, "user": "alice" })).await;
    bob.expect("ok").await;
    alice.send_to("bob", 1).await;
    assert_eq!(alice.expect("error").await["code"], "forbidden");
    bob.say(json!({ "type": "unblock", "id": 2, "user": "alice" })).await;
    bob.expect("ok").await;
    alice.send_to("bob", 1).await;
    assert_eq!(alice.expect("sent").await["seq"], 1);
    bob.say(json!({ "type": "block", "id": 3, "user": "alice" })).await;
    bob.expect("message").await;
    bob.expect("ok").await;
    alice.send_to("bob", 2).await;
    assert_eq!(alice.expect("error").await["code"], "forbidden");
}

#[tokio::test]
async fn what_was_on_its_way_when_a_user_is_erased_is_erased_too() {
    let node = Node::start().await;
    let (alice, bob) = (node.user("alice"), node.user("bob"));
    alice.send_to(user("bob"), key(1), text("secret")).await.unwrap();
    node.store.hold();
    let id = causerie_protocol::ConversationId::direct(&user("alice"), &user("bob"));
    let late = {
        let alice = alice.clone();
        start(async move { alice.send(id, key(2), text("secret too")).await })
    };
    until(|| node.store.held() == 1).await;
    let erasure = {
        let chat = node.chat.clone();
        start(async move { chat.erase(&user("alice")).await })
    };
    tokio::task::yield_now().await;
    node.store.release();
    late.await.unwrap().unwrap();
    erasure.await.unwrap().unwrap();
    let page = bob.sync(id, Seq(0), 10).await.unwrap();
    assert_eq!(page.items.len(), 2);
    for message in page.items {
        assert!(!message.body.as_json().contains("secret"), "{}", message.body.as_json());
    }
}

#[tokio::test]
async fn a_group_is_no_larger_than_it_may_be() {
    let node = Node::with(causerie_actors::Settings { group_members: 2, ..Default::default() }).await;
    let alice = node.user("alice");
    let title = || Title::new("Team").unwrap();
    let three =
        alice.create_group(title(), vec![user("bob"), user("carol")], HistoryAccess::Full, key(0)).await;
    assert_eq!(three.unwrap_err().code, ErrorCode::TooLarge);
    assert!(alice.create_group(title(), vec![user("bob")], HistoryAccess::Full, key(0)).await.is_ok());
}
