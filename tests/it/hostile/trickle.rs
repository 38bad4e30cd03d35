//! Known clients that keep the server busy with nothing, or wait for ever in the middle of a frame.

use serde_json::json;

use super::{serves, welcomed};
use crate::support::raw::{frame, header, opcode};
use crate::support::server::Server;
use crate::support::socket::sign_in;

#[tokio::test]
async fn who_says_nothing_whole_is_silent_however_busy() {
    let server = Server::start_with(&["presence.heartbeat_s=5", "presence.ttl_s=10"]).await;
    let token = sign_in(&server, "alice").await;
    // A frame that is never finished, byte by byte; and fragments without an end, as fast as they are taken.
    let slow = async {
        let mut slow = welcomed(&server, &token, "slow").await;
        slow.write(&header(true, opcode::TEXT, 10_000, true)).await;
        let mut tick = tokio::time::interval(std::time::Duration::from_millis(50));
        while slow.write(b"x").await {
            tick.tick().await;
        }
    };
    let busy = async {
        let mut busy = welcomed(&server, &token, "busy").await;
        busy.write(&frame(false, opcode::TEXT, b"{")).await;
        let nothing = frame(false, opcode::CONTINUATION, b"").repeat(2_000);
        while busy.write(&nothing).await {}
    };
    let served = async {
        for _ in 0..10 {
            serves(&server).await;
        }
    };
    tokio::join!(slow, busy, served);
    server.metric_reaches("causerie_connections_closed_total{reason=\"silent\"}", 2.0).await;
}

#[tokio::test]
async fn control_frames_in_a_flood_cost_nobody_else_anything() {
    let server = Server::start().await;
    let token = sign_in(&server, "alice").await;
    let mut raw = welcomed(&server, &token, "phone").await;
    // Pongs that nobody asked for have no answer.
    raw.write(&frame(true, opcode::PONG, &[b'x'; 125]).repeat(20_000)).await;
    raw.frame(opcode::TEXT, json!({ "type": "ping", "id": 1 }).to_string().as_bytes()).await;
    let pong = raw.next().await.expect("it lives");
    assert_eq!(pong.json()["type"], "pong", "{pong:?}");
    // After the first close frame nothing is heard.
    let close = frame(true, opcode::CLOSE, b"\x03\xe8");
    raw.write(&[close.repeat(1_000), frame(true, opcode::TEXT, b"{\"type\":\"ping\"}")].concat()).await;
    let answer = raw.next().await.expect("a close frame");
    assert_eq!(answer.opcode, opcode::CLOSE, "{answer:?}");
    assert!(raw.next().await.is_none(), "one answer");
    serves(&server).await;
}
