//! A connection ends with its token: when that expires, when it is revoked; and `refresh` prolongs it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::frames::direct;
use crate::support::keys::{Pair, in_seconds};
use crate::support::server::{Folder, Server};
use crate::support::socket::{Socket, sign_in};

const HOUR: Duration = Duration::from_hours(1);

/// A server that accepts tokens of a secret, and the secret.
async fn server() -> (Server, Pair) {
    let folder = Folder::new();
    let secret = b"a secret of forty bytes, more or less...".to_vec();
    let path = folder.write("secret", &secret);
    let setting = format!("auth.hmac_secret_file={}", path.display());
    (Server::start_in(folder, &[&setting]).await, Pair::Secret(secret))
}

fn refresh(token: &str) -> Value {
    json!({ "type": "refresh", "token": token })
}

#[tokio::test]
async fn a_connection_ends_with_its_token_unless_it_is_refreshed() {
    let (server, secret) = server().await;
    let short = || secret.token("", "alice", Duration::from_secs(5));
    let (mut ending, welcome) = Socket::hello(&server, &short(), "phone").await;
    assert!(welcome["expires"].is_string(), "{welcome}");
    let (mut staying, _) = Socket::hello(&server, &short(), "laptop").await;
    staying.done(refresh(&secret.token("", "alice", HOUR))).await;

    let end = ending.end().await;
    assert_eq!(end.code, Some(4002), "{end:?}");
    let goodbye = ending.next("goodbye").await;
    assert_eq!(goodbye["reason"], "expired", "{goodbye}");
    assert!(goodbye["reconnect_after_ms"].is_u64(), "it may come back with a new token: {goodbye}");
    staying.create(direct("bob")).await;

    let expired = secret.sign("", &json!({ "sub": "alice", "exp": in_seconds(Duration::ZERO) - 1.0 }));
    let (mut late, error) = Socket::hello(&server, &expired, "tablet").await;
    assert_eq!(error["code"], "token_expired", "{error}");
    assert_eq!(late.end().await.code, Some(4002));
}

#[tokio::test]
async fn a_refresh_that_is_not_accepted_changes_nothing() {
    let (server, secret) = server().await;
    let (mut alice, _) = Socket::hello(&server, &secret.token("", "alice", HOUR), "phone").await;
    alice.refused(refresh("nonsense"), "unauthenticated").await;
    alice.refused(refresh(&secret.token("", "bob", HOUR)), "unauthenticated").await;
    let expired = secret.sign("", &json!({ "sub": "alice", "exp": 1_000_000_000 }));
    alice.refused(refresh(&expired), "token_expired").await;
    let endless = secret.sign("", &json!({ "sub": "alice" }));
    alice.refused(refresh(&endless), "unauthenticated").await;
    alice.create(direct("bob")).await;
}

#[tokio::test]
async fn revoking_a_user_closes_all_its_connections_and_refuses_its_old_tokens() {
    let mut server = Server::start().await;
    let token = sign_in(&server, "alice").await;
    let (mut phone, _) = Socket::hello(&server, &token, "phone").await;
    let (mut laptop, _) = Socket::hello(&server, &token, "laptop").await;
    let mut bob = Socket::sign_in(&server, "bob", "phone").await;
    let answer = server.admin("/admin/revoke", &json!({ "user": "alice" })).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    for socket in [&mut phone, &mut laptop] {
        assert_eq!(socket.end().await.code, Some(4001));
        assert_eq!(socket.next("goodbye").await["reason"], "revoked");
    }
    for _ in 0..2 {
        let mut old = Socket::open(&server).await;
        old.tell(&json!({ "type": "hello", "token": token, "device": "phone" })).await;
        assert_eq!(old.end().await.code, Some(4001), "the token is refused from now on");
        Socket::sign_in(&server, "alice", "phone").await.create(direct("bob")).await;
        bob.settle().await;
        server.kill().await;
        server.restart().await;
        bob = Socket::sign_in(&server, "bob", "phone").await;
    }
}

#[tokio::test]
async fn one_token_can_be_revoked_by_its_id() {
    let (server, secret) = server().await;
    let token = |id: &str| {
        secret.sign(
            "",
            &json!({ "sub": "alice", "exp": in_seconds(HOUR), "iat": in_seconds(Duration::ZERO), "jti": id }),
        )
    };
    let (mut lost, _) = Socket::hello(&server, &token("lost"), "phone").await;
    let (mut kept, _) = Socket::hello(&server, &token("kept"), "laptop").await;
    let answer = server.admin("/admin/revoke", &json!({ "token_id": "lost" })).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(lost.end().await.code, Some(4001));
    kept.create(direct("bob")).await;
    kept.refused(refresh(&token("lost")), "unauthenticated").await;
}
