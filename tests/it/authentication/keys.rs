//! Whose signature counts.

use std::time::Duration;

use serde_json::json;

use crate::support::frames::direct;
use crate::support::http;
use crate::support::keys::{Pair, in_seconds, set};
use crate::support::program;
use crate::support::server::{Folder, Server, Signal};
use crate::support::socket::Socket;

const HOUR: Duration = Duration::from_hours(1);

/// What a server says to a token: the user, or the code of the error.
async fn outcome(server: &Server, token: &str) -> String {
    let (_, answer) = Socket::hello(server, token, "phone").await;
    answer["user"].as_str().or(answer["code"].as_str()).unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_key_set_may_hold_keys_of_every_algorithm() {
    let folder = Folder::new();
    let (edwards, p256, rsa) = (Pair::ed25519(), Pair::p256(), Pair::rsa());
    let keys = set(&[edwards.jwk("ed"), p256.jwk("ec"), rsa.jwk("rsa")]);
    let setting = format!("auth.jwks_file={}", folder.write("keys.json", keys).display());
    let server = Server::start_in(folder, &[&setting]).await;
    for (pair, key_id) in [(&edwards, "ed"), (&p256, "ec"), (&rsa, "rsa")] {
        assert_eq!(outcome(&server, &pair.token(key_id, key_id, HOUR)).await, key_id);
        assert_eq!(
            outcome(&server, &pair.token("other", "alice", HOUR)).await,
            "unauthenticated",
            "an unknown key"
        );
    }
    assert_eq!(
        outcome(&server, &edwards.token("ec", "alice", HOUR)).await,
        "unauthenticated",
        "another's key"
    );
    let forged = Pair::Secret(keys_as_secret(&rsa)).token("rsa", "alice", HOUR);
    assert_eq!(outcome(&server, &forged).await, "unauthenticated", "a public key is no secret");
    assert_eq!(outcome(&server, &Pair::ed25519().token("ed", "alice", HOUR)).await, "unauthenticated");

    // With a key, a name is not enough.
    let address = server.addresses().public;
    assert_eq!(http::post(address, "/v1/session", &json!({ "name": "alice" })).await.status, 404);
    let info = http::get(address, "/v1/info").await.body;
    assert!(info.contains("\"sign_in\":\"token\""), "{info}");
}

fn keys_as_secret(pair: &Pair) -> Vec<u8> {
    pair.jwk("rsa").to_string().into_bytes()
}

#[tokio::test]
async fn issuer_audience_and_times_are_checked() {
    let folder = Folder::new();
    let secret = Pair::Secret(vec![7; 40]);
    folder.write(
        "causerie.toml",
        format!(
            "[auth]\nhmac_secret_file = \"{}\"\nissuer = \"https://id.example\"\naudience = [\"chat\"]\nleeway_s = 0\n",
            folder.write("secret", [7; 40]).display()
        ),
    );
    let server = Server::start_in(folder, &[]).await;
    let good = json!({ "sub": "alice", "exp": in_seconds(HOUR), "iss": "https://id.example", "aud": ["web", "chat"] });
    assert_eq!(outcome(&server, &secret.sign("", &good)).await, "alice");
    for (claim, value, expected) in [
        ("iss", json!("https://id.example.evil"), "unauthenticated"),
        ("iss", json!(null), "unauthenticated"),
        ("aud", json!("web"), "unauthenticated"),
        ("aud", json!(null), "unauthenticated"),
        ("sub", json!(null), "unauthenticated"),
        ("sub", json!(7), "unauthenticated"),
        ("sub", json!(" alice"), "unauthenticated"),
        ("exp", json!(null), "unauthenticated"),
        ("exp", json!("soon"), "unauthenticated"),
        ("exp", json!(1e300), "unauthenticated"),
        ("exp", json!(in_seconds(Duration::ZERO) - 1.0), "token_expired"),
        ("nbf", json!(in_seconds(HOUR)), "unauthenticated"),
        ("iat", json!(in_seconds(HOUR)), "unauthenticated"),
    ] {
        let mut claims = good.clone();
        claims[claim] = value.clone();
        assert_eq!(outcome(&server, &secret.sign("", &claims)).await, expected, "{claim} = {value}");
    }
}

#[tokio::test]
async fn keys_are_rotated_by_their_file_and_a_broken_one_changes_nothing() {
    let folder = Folder::new();
    let (first, second, third) = (Pair::ed25519(), Pair::p256(), Pair::ed25519());
    let setting = format!("auth.jwks_file={}", folder.write("keys.json", set(&[first.jwk("1")])).display());
    let server = Server::start_in(folder, &[&setting]).await;
    assert_eq!(outcome(&server, &first.token("1", "alice", HOUR)).await, "alice");
    assert_eq!(outcome(&server, &second.token("2", "alice", HOUR)).await, "unauthenticated");

    // Found by itself, the old one beside the new one.
    server.folder().write("keys.json", set(&[first.jwk("1"), second.jwk("2")]));
    server.says("have changed and were read again", 1).await;
    assert_eq!(outcome(&server, &second.token("2", "alice", HOUR)).await, "alice");
    let (mut alice, _) = Socket::hello(&server, &first.token("1", "alice", HOUR), "laptop").await;

    // At once when asked for.
    server.folder().write("keys.json", set(&[third.jwk("3")]));
    server.signal(Signal::HUP);
    server.says("reloaded", 1).await;
    assert_eq!(outcome(&server, &third.token("3", "alice", HOUR)).await, "alice");
    assert_eq!(outcome(&server, &first.token("1", "alice", HOUR)).await, "unauthenticated");
    alice.create(direct("bob")).await;

    server.folder().write("keys.json", "{ broken");
    server.signal(Signal::HUP);
    server.says("the old ones stay", 1).await;
    assert_eq!(outcome(&server, &third.token("3", "alice", HOUR)).await, "alice");
}

#[tokio::test]
async fn a_listener_for_others_needs_a_key() {
    let folder = Folder::new();
    let data = folder.data().display().to_string();
    for listen in ["0.0.0.0:0", "[::]:0"] {
        let serve = ["serve", "--data", &data, "--listen", listen, "--set", "admin.listen=127.0.0.1:0"];
        let refused = program::run(&serve).await;
        assert!(!refused.status.success(), "{refused:?}");
        for words in ["--listen", "no key is configured", "auth.jwks_url", "127.0.0.1"] {
            assert!(refused.stderr.contains(words), "{words}: {}", refused.stderr);
        }
    }
    assert!(!folder.data().exists(), "nothing was begun");
}
