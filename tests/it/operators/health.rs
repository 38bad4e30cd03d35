//! Health checks, metrics and logs.

use serde_json::Value;

use crate::support::frames::{direct, send};
use crate::support::http;
use crate::support::server::{Folder, Server, Signal};
use crate::support::socket::{Socket, sign_in};

#[tokio::test]
async fn a_server_without_configuration_is_live_ready_and_measured() {
    let server = Server::start().await;
    let addresses = server.addresses();
    for address in [addresses.public, addresses.admin] {
        assert_eq!(http::get(address, "/health/live").await.status, 200);
        assert_eq!(http::get(address, "/health/ready").await.status, 200);
    }
    assert_ne!(http::get(addresses.public, "/metrics").await.status, 200, "they are for operators");
    let metrics = http::get(addresses.admin, "/metrics").await;
    assert_eq!(metrics.status, 200);
    assert!(metrics.body.contains("# TYPE ") && metrics.body.ends_with("# EOF\n"), "{}", metrics.body);
}

#[tokio::test]
async fn what_happens_is_counted() {
    let server = Server::start().await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let bob = Socket::sign_in(&server, "bob", "phone").await;
    let conversation = alice.create(direct("bob")).await;
    let frames = (0..50).map(|_| send(&conversation, "Hello")).collect();
    alice.pipeline(frames, 10).await;
    for (name, value) in [
        ("causerie_connections", 2.0),
        ("causerie_entries_committed_total", 50.0),
        ("causerie_deliveries_total", 1.0),
        ("causerie_received_frames_total", 53.0),
        ("causerie_sent_bytes_total", 10_000.0),
    ] {
        assert!(server.metric(name).await >= value, "{name}");
    }
    bob.leave().await;
    let one = async {
        let mut tick = tokio::time::interval(std::time::Duration::from_millis(50));
        while server.metric("causerie_connections").await != 1.0 {
            tick.tick().await;
        }
    };
    tokio::time::timeout(crate::support::PATIENCE, one).await.expect("bob has gone");
}

#[tokio::test]
async fn secrets_and_messages_stay_out_of_the_log_at_every_level() {
    let folder = Folder::new();
    folder.write("causerie.toml", "[telemetry]\nlog = \"trace\"\nlog_format = \"json\"\n");
    let server = Server::start_in(folder, &[]).await;
    let token = sign_in(&server, "alice").await;
    let (mut alice, _) = Socket::hello(&server, &token, "phone").await;
    let conversation = alice.create(direct("bob")).await;
    alice.done(send(&conversation, "canary-in-a-body")).await;
    let mut mallory = Socket::open(&server).await;
    mallory.say("{\"type\":\"hello\",\"device\":\"phone\",\"token\":\"canary-in-a-token\"}").await;
    mallory.end().await;
    server.signal(Signal::HUP);
    server.says("reloaded", 1).await;
    let (_, signature) = token.rsplit_once('.').unwrap();
    for canary in ["canary-in-a-body", "canary-in-a-token", signature] {
        assert_eq!(server.times_said(canary), 0, "{canary}");
    }
    assert!(server.times_said("\"level\"") > 0, "one JSON object a line");
    let lines = server.lines();
    let logged: Vec<&String> = lines.iter().filter(|line| line.starts_with('{')).collect();
    assert!(!logged.is_empty());
    for line in logged {
        assert!(serde_json::from_str::<Value>(line).is_ok(), "{line}");
    }
}
