//! The life of a server process: it starts with nothing, ends when asked, and comes back with what it promised.

use crate::support::frames::{send_to, sync};
use crate::support::http;
use crate::support::server::Server;
use crate::support::socket::Socket;

#[tokio::test]
async fn a_server_without_configuration_is_live_ready_and_measured() {
    let server = Server::start().await;
    let addresses = server.addresses();
    assert_eq!(http::get(addresses.public, "/health/live").await.status, 200);
    assert_eq!(http::get(addresses.public, "/health/ready").await.status, 200);
    let metrics = http::get(addresses.admin, "/metrics").await;
    assert_eq!(metrics.status, 200);
    assert!(metrics.body.contains("# TYPE "), "{}", metrics.body);
}

#[tokio::test]
async fn a_server_that_was_killed_comes_back_with_what_it_acknowledged() {
    let mut server = Server::start().await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let sent = alice.done(send_to("bob", "Hello")).await;

    server.kill().await;
    server.restart().await;

    let mut bob = Socket::sign_in(&server, "bob", "laptop").await;
    let conversation = sent["conversation"].as_str().unwrap();
    let page = bob.done(sync(conversation, 0, 100)).await;
    assert_eq!(page["items"][0]["message_id"], sent["message_id"], "{page}");
    assert_eq!(page["items"][0]["body"]["text"], "Hello", "{page}");
}
