//! A store and an event sink of the embedder's own.
//!
//! What it shows
//! - a store around another one: bodies are encrypted before they reach the disk, and everything else is passed on
//!   ([`sealed_store`]); the contract suite of every store runs on it, too;
//! - an event sink that writes JSON lines to a file which is its own position, so that after an end at any moment it goes
//!   on with no event missing and none twice ([`json_lines`]).
//!
//! Run: `cargo run -p causerie-examples --bin custom_store [DIRECTORY]`
//!
//! Try: run it several times. Each run adds a message and prints what a reader sees; `events.jsonl` grows by just that.
//! Look for the words on the disk (`grep -r secret data/custom_store/store`): they are not there.

mod json_lines;
mod sealed_store;
#[cfg(test)]
mod tests;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use causerie_actors::Chat;
use causerie_protocol::{Body, ClientMessageId, ConversationId, Seq, UserId};
use causerie_store::fjall::{FjallConfig, FjallStore};
use json_lines::JsonLines;
use sealed_store::{BodyKey, SealedStore};
use uuid::Uuid;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let directory = std::env::args().nth(1).unwrap_or_else(|| "data/custom_store".to_owned());
    let directory = Path::new(&directory);
    fs::create_dir_all(directory)?;
    let disk =
        FjallStore::open(FjallConfig::new(directory.join("store"))).context("cannot open the store")?;
    let store = SealedStore::new(disk, key(&directory.join("body.key"))?);
    let events = directory.join("events.jsonl");
    let chat = Chat::builder().store(Arc::new(store)).events(JsonLines::open(&events)?).start().await?;

    let (alice, bob): (UserId, UserId) = ("alice".parse()?, "bob".parse()?);
    let alice = chat.user(alice, "desk".parse()?);
    let key = ClientMessageId(Uuid::now_v7());
    let sent = alice.send_to(bob.clone(), key, Body::text("A secret between us")).await?;
    println!("{} is durable at {}; Bob reads:", sent.message_id, sent.seq);
    let conversation = ConversationId::direct(alice.user(), &bob);
    for message in chat.user(bob, "phone".parse()?).sync(conversation, Seq::ZERO, 100).await?.items {
        println!("  {} {}: {}", message.seq, message.from, message.body.as_json());
    }
    chat.stop().await;
    println!(
        "The event log is handed on to {}; what is not there yet comes with the next run.",
        events.display()
    );
    Ok(())
}

/// The key in a file of its own, made on the first run. In earnest it comes from where your keys are kept.
fn key(path: &Path) -> anyhow::Result<BodyKey> {
    if !path.exists() {
        fs::write(path, [*Uuid::new_v4().as_bytes(), *Uuid::new_v4().as_bytes()].concat())?;
    }
    let bytes = fs::read(path)?;
    let bytes = bytes.try_into().map_err(|_| anyhow::anyhow!("{} does not hold 32 bytes", path.display()))?;
    Ok(BodyKey::new(bytes))
}
