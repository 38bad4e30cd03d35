//! A group of ten thousand.

use serde_json::json;

use crate::support::frames::{group, of, send};
use crate::support::server::Server;
use crate::support::socket::Socket;

#[tokio::test]
async fn a_group_of_ten_thousand_works() {
    let mut server = Server::start().await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let name = |number: usize| format!("user-{number:05}");
    let mut some = Vec::new();
    for number in [0, 4_999, 9_998] {
        some.push(Socket::sign_in(&server, &name(number), "phone").await);
    }
    let all = alice.create(group("Everybody", &[])).await;
    let users: Vec<String> = (0..9_999).map(name).collect();
    let adds = users.chunks(250).map(|users| of("members.add", &all, &json!({ "users": users }))).collect();
    for answer in alice.pipeline(adds, 8).await {
        assert_eq!(answer["type"], "ok", "{answer}");
    }
    let sent = alice.done(send(&all, "Hello, everybody")).await;
    let seq = sent["seq"].as_u64().unwrap();
    for member in &mut some {
        assert_eq!(member.message(&all, seq).await["body"]["text"], "Hello, everybody");
        let item = member.done(of("conversation", &all, &json!({}))).await;
        assert_eq!(item["conversation"]["member_count"], 10_000, "{item}");
    }
    // An answer from each end, while the group is large.
    let answer = some[2].done(send(&all, "Hello")).await;
    alice.message(&all, answer["seq"].as_u64().unwrap()).await;

    server.kill().await;
    server.restart().await;
    let mut last = Socket::sign_in(&server, &name(9_998), "phone").await;
    let item = last.done(of("conversation", &all, &json!({}))).await;
    assert_eq!(item["conversation"]["member_count"], 10_000, "{item}");
    let page = last.done(of("members", &all, &json!({ "limit": 200, "after": name(9_900) }))).await;
    assert_eq!(page["items"].as_array().unwrap().len(), 98, "{page}");
    last.done(send(&all, "Still here")).await;
}
