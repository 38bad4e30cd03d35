//! What this store promises beyond the contract.

use std::fs;
use std::path::Path;

use causerie_actors::{BoxFuture, EventSink};
use causerie_protocol::Seq;
use causerie_protocol::frame::ErrorCode;
use causerie_store::fjall::{FjallConfig, FjallStore};
use causerie_store::memory::MemoryStore;
use causerie_store::model::{Event, EventPosition};
use causerie_store::port::messages::ReadLimit;
use causerie_store::port::{Messages as _, ReadError};

use super::{conversation, key, start, user, write};
use crate::sealed_store::SealedStore;

const ALL: ReadLimit = ReadLimit { items: usize::MAX, bytes: usize::MAX };

/// Takes everything and keeps nothing.
struct Nowhere;

impl EventSink for Nowhere {
    fn resume_after<'a>(&'a self) -> BoxFuture<'a, EventPosition> {
        Box::pin(async { EventPosition(0) })
    }
    fn take<'a>(&'a self, _: &'a [Event]) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async { Ok(()) })
    }
}

fn disk(directory: &Path) -> FjallStore {
    FjallStore::open(FjallConfig { reserve_bytes: 0, ..FjallConfig::new(directory) }).unwrap()
}

/// Whether any file below a directory contains these bytes.
fn contains(directory: &Path, needle: &[u8]) -> bool {
    fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).any(|path| {
        if path.is_dir() {
            contains(&path, needle)
        } else {
            fs::read(path).unwrap().windows(needle.len()).any(|window| window == needle)
        }
    })
}

#[tokio::test]
async fn what_is_written_is_read_but_not_found_on_the_disk() {
    let directory = tempfile::tempdir().unwrap();
    let chat = start(SealedStore::new(disk(directory.path()), key(1)), Nowhere).await;
    write(&chat, 1, "under the third rose").await.unwrap();
    chat.stop().await;
    drop(chat);
    assert!(!contains(directory.path(), b"third rose"));
    assert!(contains(directory.path(), b"application/vnd.example.sealed"), "the search finds what is there");

    let chat = start(SealedStore::new(disk(directory.path()), key(1)), Nowhere).await;
    let bob = chat.user(user("bob"), "phone".parse().unwrap());
    let page = bob.sync(conversation(), Seq::ZERO, 10).await.unwrap();
    assert_eq!(page.items[0].body.content().unwrap().text.unwrap(), "under the third rose");
    chat.stop().await;
}

#[tokio::test]
async fn a_resend_is_known_by_what_it_says() {
    let memory = MemoryStore::new();
    let chat = start(SealedStore::new(memory.clone(), key(1)), Nowhere).await;
    let first = write(&chat, 1, "hello").await.unwrap();
    chat.stop().await;
    // In a new life, the first one is known from the store alone.
    let chat = start(SealedStore::new(memory.crash(), key(1)), Nowhere).await;
    assert_eq!(write(&chat, 1, "hello").await.unwrap().message_id, first.message_id);
    assert_eq!(write(&chat, 1, "goodbye").await.unwrap_err().code, ErrorCode::Conflict);
    chat.stop().await;
}

#[tokio::test]
async fn a_body_that_was_moved_or_has_another_key_is_reported() {
    let memory = MemoryStore::new();
    let sealed = SealedStore::new(memory.clone(), key(1));
    let chat = start(SealedStore::new(memory.clone(), key(1)), Nowhere).await;
    for n in [1, 2] {
        write(&chat, n, &format!("number {n}")).await.unwrap();
    }
    chat.stop().await;
    assert_eq!(sealed.read(conversation(), Seq(1), Seq(2), ALL).await.unwrap().len(), 2);

    let other = SealedStore::new(memory.clone(), key(2));
    let error = other.read(conversation(), Seq(1), Seq(1), ALL).await.unwrap_err();
    assert!(matches!(error, ReadError::Corrupt(_)));

    let raw = memory.read(conversation(), Seq(1), Seq(1), ALL).await.unwrap();
    memory.replace_bodies(conversation(), vec![(Seq(2), raw[0].body.clone())]).await.unwrap();
    let error = sealed.read(conversation(), Seq(2), Seq(2), ALL).await.unwrap_err();
    assert!(matches!(error, ReadError::Corrupt(why) if why.contains("at 2 of")));
}
