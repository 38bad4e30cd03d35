//! Profiles, settings, and the list of blocks.

use serde_json::{Value, json};

use crate::support::server::Server;
use crate::support::socket::Socket;

fn get(users: &[&str]) -> Value {
    json!({ "type": "profile.get", "users": users })
}

#[tokio::test]
async fn a_profile_is_what_its_user_set_last_and_everybody_may_read_it() {
    let mut server = Server::start().await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    alice
        .done(json!({ "type": "profile.set", "display_name": "Alice", "picture": "https://example/a.png" }))
        .await;
    let mut bob = Socket::sign_in(&server, "bob", "phone").await;
    bob.done(json!({ "type": "profile.set", "display_name": "Bob 🦀" })).await;
    for _ in 0..2 {
        let profiles = bob.done(get(&["nobody", "alice", "bob", "alice"])).await;
        let alices = json!({ "user": "alice", "display_name": "Alice", "picture": "https://example/a.png" });
        let bobs = json!({ "user": "bob", "display_name": "Bob 🦀" });
        assert_eq!(
            profiles["items"],
            json!([{ "user": "nobody" }, alices, bobs, alices]),
            "in the order asked for"
        );
        server.kill().await;
        server.restart().await;
        alice = Socket::sign_in(&server, "alice", "phone").await;
        bob = Socket::sign_in(&server, "bob", "phone").await;
    }
    // Replaced whole.
    alice.done(json!({ "type": "profile.set", "picture": "https://example/b.png" })).await;
    let profiles = bob.done(get(&["alice"])).await;
    assert_eq!(profiles["items"], json!([{ "user": "alice", "picture": "https://example/b.png" }]));
}

#[tokio::test]
async fn profiles_and_settings_are_small() {
    let server = Server::start().await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let long = "x".repeat(1025);
    alice.refused(json!({ "type": "profile.set", "display_name": long }), "too_large").await;
    alice.refused(json!({ "type": "profile.set", "picture": long }), "too_large").await;
    alice.refused(json!({ "type": "profile.set", "display_name": 7 }), "invalid_frame").await;
    let many: Vec<String> = (0..257).map(|number| format!("user-{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    alice.refused(get(&many), "too_large").await;
    assert_eq!(alice.done(get(&many[..256])).await["items"].as_array().map(Vec::len), Some(256));
    let settings = |value: &Value| json!({ "type": "settings.set", "settings": value });
    alice.refused(settings(&json!({ "a": "x".repeat(4096) })), "too_large").await;
    for wrong in [json!([]), json!("text"), json!(null), json!(7)] {
        alice.refused(settings(&wrong), "invalid_frame").await;
    }
    assert_eq!(alice.done(json!({ "type": "settings.get" })).await["settings"], json!({}));
}

#[tokio::test]
async fn settings_are_ones_own_and_the_same_on_every_device() {
    let mut server = Server::start().await;
    let mut phone = Socket::sign_in(&server, "alice", "phone").await;
    let set = json!({ "type": "settings.set", "settings": { "theme": "dark", "muted": ["bob"], "n": 1.5 } });
    phone.done(set.clone()).await;
    for _ in 0..2 {
        let mut laptop = Socket::sign_in(&server, "alice", "laptop").await;
        assert_eq!(laptop.done(json!({ "type": "settings.get" })).await["settings"], set["settings"]);
        let mut bob = Socket::sign_in(&server, "bob", "phone").await;
        assert_eq!(bob.done(json!({ "type": "settings.get" })).await["settings"], json!({}));
        server.kill().await;
        server.restart().await;
    }
}

#[tokio::test]
async fn the_list_of_blocks_is_kept() {
    let mut server = Server::start().await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    for user in ["zoe", "bob", "mallory", "bob"] {
        alice.done(json!({ "type": "block", "user": user })).await;
    }
    alice.done(json!({ "type": "unblock", "user": "bob" })).await;
    alice.done(json!({ "type": "unblock", "user": "nobody" })).await;
    for _ in 0..2 {
        let blocks = alice.done(json!({ "type": "blocks" })).await;
        assert_eq!(blocks["users"], json!(["mallory", "zoe"]), "{blocks}");
        server.kill().await;
        server.restart().await;
        alice = Socket::sign_in(&server, "alice", "phone").await;
    }
}
