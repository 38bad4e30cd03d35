//! What an operator does to users: `causerie admin`, over the operators' listener.

use serde_json::{Value, json};

use crate::support::frames::{direct, group, name, send, send_to, texts};
use crate::support::http;
use crate::support::program::{self, Finished};
use crate::support::server::Server;
use crate::support::socket::{Socket, sign_in};

async fn admin(server: &Server, arguments: &[&str]) -> Finished {
    let url = server.admin_url();
    program::run(&[&["admin", "--admin", &url], arguments].concat()).await
}

/// What a command printed that did what it was asked, one JSON object a line.
async fn lines(server: &Server, arguments: &[&str]) -> Vec<Value> {
    let finished = admin(server, arguments).await;
    assert!(finished.status.success(), "{arguments:?}: {finished:?}");
    finished.stdout.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

#[tokio::test]
async fn sessions_and_conversations_are_listed_and_users_are_kicked() {
    let server = Server::start().await;
    let mut phone = Socket::sign_in(&server, "alice", "phone").await;
    let mut laptop = Socket::sign_in(&server, "alice", "laptop").await;
    let mut bob = Socket::sign_in(&server, "bob", "phone").await;
    let conversation = bob.create(direct("alice")).await;
    let sessions = lines(&server, &["sessions"]).await;
    let who: Vec<_> = sessions.iter().map(|it| (name(it, "user"), name(it, "device"))).collect();
    assert_eq!(who, [("alice", "phone"), ("alice", "laptop"), ("bob", "phone")]);
    assert_eq!(sessions[0]["agent"], "causerie-tests", "{}", sessions[0]);
    let listed = lines(&server, &["conversations", "--user", "bob"]).await;
    assert_eq!(listed[0]["conversation"], *conversation, "{listed:?}");

    lines(&server, &["kick", "--user", "alice", "--device", "phone"]).await;
    assert_eq!(phone.end().await.code, Some(4000), "kicked clients may come back");
    assert_eq!(phone.next("goodbye").await["reason"], "kicked");
    assert!(!laptop.has_ended());
    lines(&server, &["kick", "--user", "alice"]).await;
    laptop.end().await;
    bob.done(send(&conversation, "Hello")).await;
}

#[tokio::test]
async fn a_blocked_user_is_out_until_it_is_unblocked() {
    let mut server = Server::start().await;
    let token = sign_in(&server, "mallory").await;
    let (mut mallory, _) = Socket::hello(&server, &token, "phone").await;
    lines(&server, &["block", "--user", "mallory"]).await;
    assert_eq!(mallory.end().await.code, Some(4001));
    for _ in 0..2 {
        let (mut again, answer) = Socket::hello_or_goodbye(&server, &token, "phone").await;
        assert_ne!(answer["type"], "welcome", "{answer}");
        assert_eq!(again.end().await.code, Some(4001));
        server.kill().await;
        server.restart().await;
    }
    lines(&server, &["unblock", "--user", "mallory"]).await;
    Socket::sign_in(&server, "mallory", "phone").await.create(direct("bob")).await;
}

#[tokio::test]
async fn what_is_kept_of_a_user_is_exported_and_erased() {
    let mut server = Server::start().await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let mut bob = Socket::sign_in(&server, "bob", "phone").await;
    alice.done(json!({ "type": "profile.set", "display_name": "Alice" })).await;
    let conversation = alice.create(direct("bob")).await;
    alice.done(send(&conversation, "a secret")).await;
    bob.done(send(&conversation, "an answer")).await;
    let team = bob.create(group("Team", &["alice"])).await;
    alice.done(send(&team, "another secret")).await;

    let export = lines(&server, &["export-user", "alice"]).await;
    let of_type = |kind: &str| export.iter().filter(|line| line["type"] == kind).count();
    assert_eq!((of_type("profile"), of_type("conversation")), (1, 2), "{export:?}");
    assert!(export.iter().any(|line| line["body"]["text"] == "another secret"), "{export:?}");

    let refused = admin(&server, &["erase-user", "alice"]).await;
    assert!(!refused.status.success() && refused.stderr.contains("--yes"), "{refused:?}");
    lines(&server, &["erase-user", "alice", "--yes"]).await;
    alice.end().await;
    for _ in 0..2 {
        let stored = bob.sync_all(&conversation, 0, 100).await;
        assert_eq!(texts(&stored), ["", "an answer"], "hers are overwritten, in their places");
        assert!(!texts(&bob.sync_all(&team, 0, 100).await).contains(&"another secret"));
        let members = bob.done(json!({ "type": "members", "conversation": team })).await;
        assert_eq!(members["items"].as_array().map(Vec::len), Some(1), "{members}");
        let profile = bob.done(json!({ "type": "profile.get", "users": ["alice"] })).await;
        assert_eq!(profile["items"], json!([{ "user": "alice" }]));
        server.kill().await;
        server.restart().await;
        bob = Socket::sign_in(&server, "bob", "phone").await;
    }
}

#[tokio::test]
async fn the_operators_listener_wants_its_token_and_no_web_page() {
    let server = Server::start_with(&["admin.token=sixteen-bytes-or-more"]).await;
    let address = server.addresses().admin;
    let kick = json!({ "user": "alice" });
    assert_eq!(http::post(address, "/admin/kick", &kick).await.status, 401);
    assert_eq!(http::get(address, "/metrics").await.status, 401);
    let wrong = [("Authorization", "Bearer sixteen-bytes-or-less")];
    assert_eq!(http::post_with(address, "/admin/kick", &kick, &wrong).await.status, 401);
    let right = ("Authorization", "Bearer sixteen-bytes-or-more");
    assert_eq!(http::post_with(address, "/admin/kick", &kick, &[right]).await.status, 200);
    let page =
        http::post_with(address, "/admin/kick", &kick, &[right, ("Origin", "http://evil.example")]).await;
    assert_eq!(page.status, 403, "{}", page.body);
    // Clients' own listener has none of it.
    let public = server.addresses().public;
    assert_ne!(http::post_with(public, "/admin/kick", &kick, &[right]).await.status, 200);
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    alice.done(send_to("bob", "Hello")).await;
}
