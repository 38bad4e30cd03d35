//! What owners, admins and members may do.

use serde_json::{Value, json};

use super::{changes, roles};
use crate::support::frames::{group, of, send};
use crate::support::server::Server;
use crate::support::socket::Socket;

/// Who may do what: `ok`, or the code of the refusal; for the owner, an admin, a member and somebody else.
fn table() -> Vec<(&'static str, Value, [&'static str; 4])> {
    let all = ["ok", "ok", "ok", "not_found"];
    let leading = ["ok", "ok", "forbidden", "not_found"];
    let owning = ["ok", "forbidden", "forbidden", "not_found"];
    vec![
        ("conversation", json!({}), all),
        ("members", json!({}), all),
        ("sync", json!({ "after": 0 }), all),
        ("history", json!({}), all),
        ("rename", json!({ "title": "Other" }), leading),
        ("members.add", json!({ "users": ["zoe"] }), leading),
        ("members.remove", json!({ "users": ["victim"] }), leading),
        ("members.remove", json!({ "users": ["other-admin"] }), owning),
        (
            "members.remove",
            json!({ "users": ["olga"] }),
            ["forbidden", "forbidden", "forbidden", "not_found"],
        ),
        ("members.role", json!({ "user": "victim", "role": "admin" }), owning),
        (
            "members.role",
            json!({ "user": "nobody", "role": "admin" }),
            ["not_found", "forbidden", "forbidden", "not_found"],
        ),
        ("leave", json!({}), all),
    ]
}

#[tokio::test]
async fn each_role_may_do_what_the_table_says() {
    let server = Server::start().await;
    let names = ["olga", "adam", "mia", "nick"];
    let mut users = Vec::new();
    for name in names {
        users.push(Socket::sign_in(&server, name, "phone").await);
    }
    for (kind, more, outcomes) in table() {
        for (index, outcome) in outcomes.iter().enumerate() {
            // A group of its own for each, so that one outcome does not depend on another.
            let team = users[0].create(group("Team", &["adam", "mia", "victim", "other-admin"])).await;
            for admin in ["adam", "other-admin"] {
                let role = json!({ "user": admin, "role": "admin" });
                users[0].done(of("members.role", &team, &role)).await;
            }
            let answer = users[index].ask(of(kind, &team, &more)).await;
            let got = if answer["type"] == "error" { &answer["code"] } else { &json!("ok") };
            assert_eq!(got, outcome, "{} asks {kind} {more}: {answer}", names[index]);
        }
    }
}

#[tokio::test]
async fn an_owner_that_leaves_hands_on_to_the_admin_then_to_the_longest_member() {
    let server = Server::start().await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let mut zoe = Socket::sign_in(&server, "zoe", "phone").await;
    let mut bob = Socket::sign_in(&server, "bob", "phone").await;
    let team = alice.create(group("Team", &["bob", "zoe"])).await;
    alice.done(of("members.add", &team, &json!({ "users": ["aaron"] }))).await;
    alice.done(of("members.role", &team, &json!({ "user": "zoe", "role": "admin" }))).await;

    alice.done(of("leave", &team, &json!({}))).await;
    let owner = |roles: Vec<(String, String)>| {
        let owners: Vec<_> =
            roles.into_iter().filter(|(_, role)| role == "owner").map(|(user, _)| user).collect();
        owners.join(",")
    };
    assert_eq!(owner(roles(&mut zoe, &team).await), "zoe", "the admin comes first");
    zoe.done(of("leave", &team, &json!({}))).await;
    assert_eq!(owner(roles(&mut bob, &team).await), "bob", "then who has been there longest");
    assert_eq!(changes(&bob.sync_all(&team, 3, 100).await), ["role", "left", "role", "left"]);
    bob.done(of("rename", &team, &json!({ "title": "Ours" }))).await;
    alice.refused(send(&team, "I am still here"), "not_found").await;
}

#[tokio::test]
async fn the_last_one_may_leave_and_ownership_may_be_given() {
    let server = Server::start().await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let mut bob = Socket::sign_in(&server, "bob", "phone").await;
    let team = alice.create(group("Team", &["bob"])).await;
    alice
        .refused(of("members.role", &team, &json!({ "user": "alice", "role": "member" })), "forbidden")
        .await;
    alice.done(of("members.role", &team, &json!({ "user": "bob", "role": "owner" }))).await;
    let pair = |user: &str, role: &str| (user.to_owned(), role.to_owned());
    assert_eq!(roles(&mut bob, &team).await, [pair("alice", "admin"), pair("bob", "owner")]);
    alice.done(of("leave", &team, &json!({}))).await;
    bob.done(of("leave", &team, &json!({}))).await;
    bob.refused(of("conversation", &team, &json!({})), "not_found").await;
}
