//! The store keeps every store's promises and its own; the file has every event once.

mod contract;
mod events;
mod sealed;

use std::sync::Arc;

use causerie_actors::{Chat, EventSink};
use causerie_protocol::frame::ErrorFrame;
use causerie_protocol::frame::down::Sent;
use causerie_protocol::{Body, ClientMessageId, ConversationId, UserId};
use causerie_store::Store;

use crate::sealed_store::BodyKey;

fn key(byte: u8) -> BodyKey {
    BodyKey::new([byte; 32])
}

fn user(name: &str) -> UserId {
    name.parse().unwrap()
}

/// The conversation of Alice and Bob.
fn conversation() -> ConversationId {
    ConversationId::direct(&user("alice"), &user("bob"))
}

async fn start(store: impl Store, sink: impl EventSink) -> Chat {
    Chat::builder().store(Arc::new(store)).events(sink).start().await.unwrap()
}

/// Alice writes to Bob.
async fn write(chat: &Chat, key: u8, text: &str) -> Result<Sent, ErrorFrame> {
    let alice = chat.user(user("alice"), "desk".parse().unwrap());
    alice.send_to(user("bob"), ClientMessageId::from_bytes([key; 16]), Body::text(text)).await
}
