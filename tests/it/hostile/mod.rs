//! Clients that break the rules: each is told, or closed, and nobody else notices.
//!
//! The table of attacks, with the answer and the test of each, is `docs/security-testing.md`.

mod authorization;
mod before_welcome;
mod bodies;
mod frames;
mod handshake;
mod secrets;
mod trickle;

use serde_json::json;

use crate::support::frames::{direct, send};
use crate::support::raw::{Raw, opcode};
use crate::support::server::Server;
use crate::support::socket::Socket;

/// A connection by hand that has said hello.
async fn welcomed(server: &Server, token: &str, device: &str) -> Raw {
    let mut raw = Raw::open(server).await;
    let hello = json!({ "type": "hello", "token": token, "device": device }).to_string();
    raw.frame(opcode::TEXT, hello.as_bytes()).await;
    raw.next_of("welcome").await;
    raw
}

/// Asserts that the server still serves others.
async fn serves(server: &Server) {
    let mut bob = Socket::sign_in(server, "bob", "phone").await;
    let conversation = bob.create(direct("carol")).await;
    bob.done(send(&conversation, "Hello")).await;
}
