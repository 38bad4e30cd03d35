//! The life of a server process: it starts with nothing, ends when asked, and comes back with what it promised.

use serde_json::json;

use crate::support::http;
use crate::support::server::Server;
use crate::support::socket::Socket;

#[tokio::test]
async fn a_server_without_configuration_is_live_ready_and_measured() {
    let server = Server::start().await.unwrap();
    let addresses = server.addresses();
    assert_eq!(http::get(addresses.public, "/health/live").await.unwrap().status, 200);
    assert_eq!(http::get(addresses.public, "/health/ready").await.unwrap().status, 200);
    let metrics = http::get(addresses.admin, "/metrics").await.unwrap();
    assert_eq!(metrics.status, 200);
    assert!(metrics.body.contains("# TYPE "), "{}", metrics.body);
}

#[tokio::test]
async fn a_server_that_is_asked_to_end_says_goodbye_and_ends_well() {
    let mut server = Server::start_with(&[]).await.unwrap();
    let mut alice = Socket::sign_in(&server, "alice", "phone").await.unwrap();
    let status = server.terminate().await.unwrap();
    assert!(status.success(), "{status}");
    let goodbye = alice.next_of_type("goodbye").await.unwrap();
    assert!(goodbye["reconnect_after_ms"].is_u64(), "{goodbye}");
}

#[tokio::test]
async fn a_server_that_was_killed_comes_back_with_what_it_acknowledged() {
    let mut server = Server::start().await.unwrap();
    let mut alice = Socket::sign_in(&server, "alice", "phone").await.unwrap();
    let send = json!({
        "type": "send",
        "to": "bob",
        "client_message_id": "0197b6a0-7c1e-7000-8000-000000000001",
        "body": { "content_type": "text/plain", "text": "Hello" },
    });
    let sent = alice.request(send).await.unwrap();
    assert_eq!(sent["type"], "sent", "{sent}");

    server.kill().await.unwrap();
    server.restart().await.unwrap();

    let mut bob = Socket::sign_in(&server, "bob", "laptop").await.unwrap();
    let sync = json!({ "type": "sync", "conversation": sent["conversation"], "after": 0, "limit": 100 });
    let page = bob.request(sync).await.unwrap();
    let items = page["items"].as_array().unwrap();
    let found = items.iter().find(|item| item["message_id"] == sent["message_id"]);
    assert_eq!(found.unwrap()["body"]["text"], "Hello", "{page}");
}
