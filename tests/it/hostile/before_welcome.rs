//! What somebody may do who is not known yet: little, and not for long.

use serde_json::json;

use super::serves;
use crate::support::raw::{Raw, frame, opcode};
use crate::support::server::Server;
use crate::support::socket::sign_in;

fn hello(token: &str) -> Vec<u8> {
    let hello = json!({ "type": "hello", "token": token, "device": "phone" }).to_string();
    frame(true, opcode::TEXT, hello.as_bytes())
}

#[tokio::test]
async fn what_is_said_between_hello_and_welcome_counts_as_before_hello() {
    let server = Server::start().await;
    let token = sign_in(&server, "alice").await;
    // In one breath, so that the server has all of it before it has looked at the token.
    let ping = |id: usize, padding: usize| {
        let ping = json!({ "type": "ping", "id": id, "padding": "x".repeat(padding) }).to_string();
        frame(true, opcode::TEXT, ping.as_bytes())
    };
    let mut eager = Raw::open(&server).await;
    eager.write(&[hello(&token), ping(1, 500), ping(2, 500), ping(3, 500)].concat()).await;
    eager.next_of("welcome").await;
    for id in 1..=3 {
        assert_eq!(eager.next_of("pong").await["id"], id);
    }
    for (what, more) in [
        ("frames", [hello(&token), ping(1, 2_000), ping(2, 2_000)].concat()),
        ("frames of no bytes", [hello(&token), frame(true, opcode::TEXT, b"").repeat(1_000)].concat()),
        ("pings", [hello(&token), frame(true, opcode::PING, b"").repeat(100)].concat()),
        ("pongs", [hello(&token), frame(true, opcode::PONG, b"").repeat(100)].concat()),
    ] {
        let mut talkative = Raw::open(&server).await;
        talkative.write(&more).await;
        assert_eq!(talkative.next_of("error").await["code"], "too_large", "{what}");
        assert_eq!(talkative.end().await, Some(4009), "{what}");
    }
    serves(&server).await;
}

#[tokio::test]
async fn nothing_that_says_no_hello_prolongs_the_time_for_it() {
    let server = Server::start_with(&["timeouts.hello_s=1"]).await;
    let token = sign_in(&server, "alice").await;
    for (what, bytes) in [
        ("pongs", frame(true, opcode::PONG, b"")),
        ("fragments of no bytes", frame(false, opcode::CONTINUATION, b"")),
    ] {
        let mut busy = Raw::open(&server).await;
        if what != "pongs" {
            busy.write(&frame(false, opcode::TEXT, b"{")).await;
        }
        // As fast as they are taken; pongs run into the bound of bytes, fragments only into that of time.
        while busy.write(&bytes.repeat(20)).await {}
    }
    // A hello that comes byte by byte, the last of them never.
    let mut slow = Raw::open(&server).await;
    let hello = hello(&token);
    let mut tick = tokio::time::interval(std::time::Duration::from_millis(20));
    let mut said = 0;
    while slow.write(&hello[said..=said]).await {
        said = (said + 1).min(hello.len() - 2);
        tick.tick().await;
    }
    serves(&server).await;
}
