//! The export of a user.

use causerie_actors::Change;
use causerie_protocol::Title;
use causerie_protocol::frame::down::HistoryAccess;
use causerie_store::model::{Cursor, CursorUpdate, Profile};

use super::*;

fn of_type<'a>(lines: &'a [Value], kind: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["type"] == kind).collect()
}

#[tokio::test]
async fn an_export_has_all_that_is_kept_and_nothing_that_is_not_theirs() {
    let room = Room::new().await;
    let store = Arc::clone(room.chat.store());
    let profile = Profile { display_name: Some("Alice".into()), picture: None };
    store.put_profile(user("alice"), profile).await.unwrap();
    store.put_settings(user("alice"), r#"{"theme":"dark"}"#.into()).await.unwrap();
    store.put_block(user("alice"), user("eve"), true).await.unwrap();
    let direct = room.send("bob", "alice", "hello-alice").await;
    room.send("bob", "carol", "not-for-alice").await;
    let cursor = Cursor { delivered: direct.seq, read: direct.seq };
    let update = CursorUpdate {
        conversation: direct.conversation,
        user: user("alice"),
        device: device("phone"),
        cursor,
    };
    store.put_cursors(vec![update]).await.unwrap();
    // A group that she has left: of that, what she wrote.
    let bob = room.as_user("bob");
    let (id, title) = (ClientMessageId(uuid::Uuid::now_v7()), Title::new("a group").unwrap());
    let group = bob.create_group(title, vec![user("alice")], HistoryAccess::SinceJoin, id).await.unwrap();
    let alice = room.as_user("alice");
    for (who, text) in [(&bob, "by-bob"), (&alice, "by-alice")] {
        let id = ClientMessageId(uuid::Uuid::now_v7());
        who.send(group.conversation, id, MessageBody::text(text)).await.unwrap();
    }
    alice.change(group.conversation, Change::Leave).await.unwrap();

    let lines = room.lines("/admin/users/alice/export").await;
    assert_eq!(of_type(&lines, "profile")[0]["display_name"], "Alice");
    assert_eq!(of_type(&lines, "settings")[0]["settings"]["theme"], "dark");
    assert_eq!(of_type(&lines, "blocks")[0]["users"], json!(["eve"]));
    let conversations = of_type(&lines, "conversation");
    assert_eq!(conversations.len(), 2);
    let left = conversations.iter().find(|line| line["kind"] == "group").unwrap();
    assert_eq!((&left["title"], &left["removed"]), (&json!("a group"), &json!(true)));
    assert_eq!(of_type(&lines, "cursor")[0]["read"], 1);
    let texts: Vec<_> =
        of_type(&lines, "message").iter().filter_map(|line| line["body"]["text"].as_str()).collect();
    assert!(texts.contains(&"hello-alice") && texts.contains(&"by-alice"), "{texts:?}");
    assert!(!texts.contains(&"by-bob") && !texts.contains(&"not-for-alice"), "{texts:?}");
    let whole = room.lines("/admin/users/nobody/export").await;
    assert_eq!(whole.len(), 3, "somebody of whom nothing is kept");
}

#[tokio::test]
async fn an_export_of_many_pages_is_complete_and_in_order() {
    let room = Room::new().await;
    for number in 1..=600 {
        room.send("alice", "bob", &number.to_string()).await;
    }
    let lines = room.lines("/admin/users/bob/export").await;
    let seqs: Vec<_> = of_type(&lines, "message").iter().map(|line| line["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, (1..=600).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_export_that_is_cut_off_does_not_look_complete() {
    let room = Room::new().await;
    for number in 1..=600 {
        room.send("alice", "bob", &number.to_string()).await;
    }
    let response = room.router.clone().oneshot(get("/admin/users/bob/export")).await.unwrap();
    room.phase.send(Phase::Stopping).unwrap();
    assert!(to_bytes(response.into_body(), usize::MAX).await.is_err());
}
