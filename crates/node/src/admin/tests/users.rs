//! What operators do to users and see of them.

use causerie_protocol::Seq;
use causerie_store::port::Messages;
use causerie_store::port::messages::ReadLimit;

use super::*;

/// The reason of the goodbye that comes next.
async fn goodbye(client: &ChannelClient) -> String {
    let frame = frame(client).await;
    assert_eq!(frame["type"], "goodbye", "{frame}");
    frame["reason"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn sessions_are_listed_and_ended_by_user_or_device() {
    let room = Room::new().await;
    let (phone, _) = room.client("alice", "phone").await;
    let (tv, welcome) = room.client("alice", "tv").await;
    let (_bob, _) = room.client("bob", "phone").await;
    let listed = room.lines("/admin/sessions").await;
    assert_eq!(listed.len(), 3);
    let tv_line = &listed[1];
    assert_eq!(
        (&tv_line["user"], &tv_line["device"], &tv_line["agent"], &tv_line["peer"], &tv_line["session"]),
        (&json!("alice"), &json!("tv"), &json!("test/1"), &json!("in process"), &welcome["session"])
    );
    assert!(tv_line["since"].as_str().unwrap().ends_with('Z') && tv_line["connection"].is_u64());
    let closed = room.post("/admin/kick", json!({ "user": "alice", "device": "tv" })).await;
    assert_eq!(closed, json!({ "closed": 1 }));
    assert_eq!(goodbye(&tv).await, "kicked");
    assert_eq!(room.post("/admin/kick", json!({ "user": "alice" })).await, json!({ "closed": 1 }));
    assert_eq!(goodbye(&phone).await, "kicked");
    assert_eq!(room.post("/admin/kick", json!({ "user": "nobody" })).await, json!({ "closed": 0 }));
    let (_back, welcome) = room.client("alice", "phone").await;
    assert_eq!(welcome["type"], "welcome", "a kicked user may come back");
}

#[tokio::test]
async fn revoked_tokens_are_refused_and_newer_ones_are_not() {
    let room = Room::new().await;
    let (alice, _) = room.client("alice/t1/1700000000", "phone").await;
    let (other, _) = room.client("alice/t2/1700000000", "tv").await;
    let one = room.post("/admin/revoke", json!({ "token_id": "t1" })).await;
    assert_eq!(one, json!({ "checked": 2 }));
    assert_eq!(goodbye(&alice).await, "revoked");
    let refresh = json!({ "type": "refresh", "id": 5, "token": "alice/t1/1700000000" });
    other.send(refresh.to_string()).await.unwrap();
    let refused = frame(&other).await;
    assert_eq!((&refused["id"], &refused["code"]), (&json!(5), &json!("unauthenticated")), "{refused}");
    let all = room.post("/admin/revoke", json!({ "user": "alice" })).await;
    assert_eq!(all, json!({ "closed": 1 }));
    assert_eq!(goodbye(&other).await, "revoked");
    let (_old, refused) = room.client("alice/t3/1700000000", "phone").await;
    assert_eq!(refused["message"], "the token is not accepted: it has been revoked.");
    let (_new, welcome) = room.client("alice/t4/4102444800", "phone").await;
    assert_eq!(welcome["type"], "welcome");
}

#[tokio::test]
async fn a_blocked_user_stays_out_over_a_restart_until_unblocked() {
    let store = MemoryStore::new();
    let room = Room::over(Arc::new(store.clone()), None).await;
    let (mallory, _) = room.client("mallory", "phone").await;
    assert_eq!(room.post("/admin/block", json!({ "user": "mallory" })).await, json!({ "closed": 1 }));
    assert_eq!(goodbye(&mallory).await, "suspended");
    let (_again, refused) = room.client("mallory/new/4102444800", "phone").await;
    assert_eq!(refused["message"], "the token is not accepted: its user is suspended.");
    let room = Room::over(Arc::new(store.crash()), None).await;
    assert_eq!(room.lines("/admin/blocked").await, [json!({ "user": "mallory" })]);
    let (_again, refused) = room.client("mallory", "phone").await;
    assert_eq!(refused["code"], "unauthenticated");
    room.post("/admin/unblock", json!({ "user": "mallory" })).await;
    let (_again, welcome) = room.client("mallory", "phone").await;
    assert_eq!(welcome["type"], "welcome");
    assert!(room.lines("/admin/blocked").await.is_empty());
}

#[tokio::test]
async fn conversations_are_listed_by_user_and_found_by_id() {
    let room = Room::new().await;
    room.send("alice", "bob", "one").await;
    let sent = room.send("bob", "alice", "two").await;
    let listed = room.lines("/admin/conversations?user=alice").await;
    assert_eq!(listed.len(), 1);
    let (line, id) = (&listed[0], sent.conversation);
    assert_eq!(
        (&line["conversation"], &line["kind"], &line["created_by"], &line["with"], &line["removed"]),
        (&json!(id), &json!("direct"), &json!("alice"), &json!("bob"), &json!(false))
    );
    assert!(room.lines("/admin/conversations?user=carol").await.is_empty());
    let one = room.lines(&format!("/admin/conversations/{id}")).await.remove(0);
    assert_eq!((&one["members"], &one["head"], &one["last"]), (&json!(2), &json!(2), &json!(sent.time)));
    assert!(!one.to_string().contains("two"), "what was said is not shown here");
}

#[tokio::test]
async fn an_erasure_goes_on_without_who_asked_and_the_end_waits_for_it() {
    let store = MemoryStore::new();
    let room = Room::over(Arc::new(store.clone()), None).await;
    let sent = room.send("alice", "bob", "secret-of-alice").await;
    store.hold();
    let request = Request::delete("/admin/users/alice").header(header::HOST, "localhost");
    let ask = room.ask(request.body(Body::empty()).unwrap());
    let begun = async {
        while store.held() == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        _ = ask => panic!("answered although nothing is durable"),
        () = begun => {}
    }
    let ((), ()) = tokio::join!(crate::admin::finish(&room.shared.tasks), async { store.release() });
    let log =
        store.read(sent.conversation, Seq(1), sent.seq, ReadLimit { items: 9, bytes: 9 }).await.unwrap();
    assert!(log[0].body.as_json().contains("erased"), "{}", log[0].body.as_json());
}

#[tokio::test]
async fn an_erased_user_is_gone_and_its_words_with_it() {
    let room = Room::new().await;
    room.send("alice", "bob", "secret-of-alice").await;
    let kept = room.send("bob", "alice", "words-of-bob").await;
    room.send("alice", "bob", "last-secret-of-alice").await;
    let (alice, _) = room.client("alice/t/1700000000", "phone").await;
    let request = Request::delete("/admin/users/alice").header(header::HOST, "localhost");
    let (status, text) = room.ask(request.body(Body::empty()).unwrap()).await;
    assert_eq!((status, text.as_str()), (StatusCode::OK, r#"{"erased":"alice"}"#));
    assert_eq!(goodbye(&alice).await, "revoked");
    let (bob, _) = room.client("bob", "phone").await;
    bob.send(json!({ "type": "sync", "id": 2, "conversation": kept.conversation, "after": 0 }).to_string())
        .await
        .unwrap();
    let page = frame(&bob).await.to_string();
    assert!(page.contains("words-of-bob") && !page.contains("secret"), "{page}");
    // The list shows the last message; it must not be the one that was erased.
    bob.send(json!({ "type": "conversations", "id": 3 }).to_string()).await.unwrap();
    let list = frame(&bob).await.to_string();
    assert!(list.contains("\"items\":[{") && !list.contains("secret"), "{list}");
    let events = room.ask(get("/events")).await.1;
    assert!(events.lines().count() >= 3 && !events.contains("secret"), "{events}");
    let (_back, refused) = room.client("alice/t/1700000000", "phone").await;
    assert_eq!(refused["code"], "unauthenticated");
}
