//! Making groups, and the entries that changes of them leave in the log.

use serde_json::json;

use super::{changes, roles};
use crate::support::frames::{fresh_id, group, of, send, seqs};
use crate::support::server::Server;
use crate::support::socket::Socket;

#[tokio::test]
async fn creating_a_group_twice_under_one_client_id_finds_the_same_group() {
    let mut server = Server::start().await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let mut bob = Socket::sign_in(&server, "bob", "phone").await;
    let create = group("Team", &["bob", "carol"]);
    let created = alice.done(create.clone()).await;
    let item = &created["conversation"];
    assert_eq!((item["title"].as_str(), item["role"].as_str()), (Some("Team"), Some("owner")), "{created}");
    assert_eq!((item["member_count"].as_u64(), item["head"].as_u64()), (Some(3), Some(1)), "{created}");
    assert_eq!(
        (item["history"].as_str(), item["first"].as_u64()),
        (Some("since_join"), Some(1)),
        "{created}"
    );
    let conversation = item["conversation"].as_str().unwrap().to_owned();
    assert_eq!(alice.create(create.clone()).await, conversation);

    let entry = bob.message(&conversation, 1).await;
    assert_eq!(
        (entry["kind"].as_str(), entry["from"].as_str()),
        (Some("membership"), Some("alice")),
        "{entry}"
    );
    assert_eq!(entry["body"]["change"], "created", "{entry}");
    assert_eq!(entry["body"]["users"], json!(["alice", "bob", "carol"]), "{entry}");
    assert_eq!(entry["body"]["content_type"], "application/vnd.causerie.membership+json", "{entry}");
    assert_ne!(bob.create(create.clone()).await, conversation, "bob's client ids are his own");

    server.kill().await;
    server.restart().await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    assert_eq!(alice.create(create).await, conversation, "after a restart too");
    assert_eq!(alice.sync_all(&conversation, 0, 10).await.len(), 1, "nothing was added");
}

#[tokio::test]
async fn a_group_needs_a_title_and_a_client_id() {
    let server = Server::start().await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    for create in [
        json!({ "type": "create", "kind": "group", "members": ["bob"], "client_id": fresh_id() }),
        json!({ "type": "create", "kind": "group", "members": ["bob"], "title": "Team" }),
        json!({ "type": "create", "kind": "group", "members": ["bob"], "title": "", "client_id": fresh_id() }),
        json!({ "type": "create", "kind": "group", "members": [" bob"], "title": "Team", "client_id": fresh_id() }),
        json!({ "type": "create", "kind": "party", "members": ["bob"], "title": "Team", "client_id": fresh_id() }),
    ] {
        alice.refused(create, "invalid_frame").await;
    }
    let many: Vec<String> = (0..257).map(|number| format!("user-{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    alice.refused(group("Team", &many), "too_large").await;
}

#[tokio::test]
async fn every_change_is_an_entry_that_all_members_see_in_one_order() {
    let server = Server::start().await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let mut bob = Socket::sign_in(&server, "bob", "phone").await;
    let team = alice.create(group("Team", &["bob"])).await;

    let steps = [
        ("rename", json!({ "title": "The team" }), "renamed"),
        ("members.add", json!({ "users": ["carol", "dave", "carol"] }), "added"),
        ("members.role", json!({ "user": "bob", "role": "admin" }), "role"),
        ("members.remove", json!({ "users": ["dave"] }), "removed"),
    ];
    for (index, (kind, more, _)) in steps.iter().enumerate() {
        let done = alice.done(of(kind, &team, more)).await;
        assert_eq!(done["seq"], 2 + index, "{kind}: {done}");
    }
    alice.done(send(&team, "that was it")).await;
    bob.message(&team, 6).await;
    let live = bob.live(&team);
    assert_eq!(seqs(&live), [1, 2, 3, 4, 5, 6]);
    let wanted: Vec<_> = ["created"].into_iter().chain(steps.iter().map(|step| step.2)).collect();
    assert_eq!(changes(&live), wanted);
    assert_eq!(live[1]["body"]["title"], "The team");
    assert_eq!(live[2]["body"]["users"], json!(["carol", "dave"]));
    assert_eq!((&live[3]["body"]["users"], &live[3]["body"]["role"]), (&json!(["bob"]), &json!("admin")));

    // The same log for whoever reads it later.
    let mut without_type = live.clone();
    for message in &mut without_type {
        message.as_object_mut().unwrap().remove("type");
    }
    assert_eq!(bob.sync_all(&team, 0, 2).await, without_type);
    let pair = |user: &str, role: &str| (user.to_owned(), role.to_owned());
    let expected = [pair("alice", "owner"), pair("bob", "admin"), pair("carol", "member")];
    assert_eq!(roles(&mut bob, &team).await, expected);
    let item = alice.done(of("conversation", &team, &json!({}))).await;
    assert_eq!(item["conversation"]["title"], "The team");
    assert_eq!(item["conversation"]["member_count"], 3);
}

#[tokio::test]
async fn a_change_that_changes_nothing_leaves_no_entry() {
    let server = Server::start().await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let team = alice.create(group("Team", &["bob"])).await;
    for (kind, more) in [
        ("rename", json!({ "title": "Team" })),
        ("members.add", json!({ "users": ["bob", "alice"] })),
        ("members.remove", json!({ "users": ["nobody"] })),
        ("members.role", json!({ "user": "bob", "role": "member" })),
    ] {
        let done = alice.done(of(kind, &team, &more)).await;
        assert!(done["seq"].is_null(), "{kind}: {done}");
    }
    assert_eq!(alice.done(send(&team, "the second entry")).await["seq"], 2);
}

#[tokio::test]
async fn members_are_listed_in_pages_by_user_id() {
    let server = Server::start().await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let team = alice.create(group("Team", &["dave", "bob", "erin", "carol"])).await;
    let mut users = Vec::new();
    let mut after = json!(null);
    loop {
        let page = alice.done(of("members", &team, &json!({ "limit": 2, "after": after }))).await;
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 2, "{page}");
        users.extend(items.iter().map(|item| item["user"].as_str().unwrap().to_owned()));
        after = page["next"].clone();
        if after.is_null() {
            break;
        }
    }
    assert_eq!(users, ["alice", "bob", "carol", "dave", "erin"]);
}
