//! The file of events.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use causerie_actors::{BoxFuture, Chat, EventSink};
use causerie_store::memory::MemoryStore;
use causerie_store::model::{Event, EventPosition};
use causerie_store::port::Events as _;
use serde_json::Value;
use tokio::sync::watch;

use super::{start, user, write};
use crate::json_lines::JsonLines;

/// The file, and a bell that says how far it is.
struct Watched {
    lines: JsonLines,
    taken: watch::Sender<u64>,
}

impl Watched {
    fn open(path: &Path) -> (Self, watch::Receiver<u64>) {
        let (taken, position) = watch::channel(0);
        (Self { lines: JsonLines::open(path).unwrap(), taken }, position)
    }
}

impl EventSink for Watched {
    fn resume_after<'a>(&'a self) -> BoxFuture<'a, EventPosition> {
        self.lines.resume_after()
    }
    fn take<'a>(&'a self, events: &'a [Event]) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move {
            self.lines.take(events).await?;
            self.taken.send_replace(events.last().map_or(0, |event| event.position.0));
            Ok(())
        })
    }
}

/// Writes so many messages, the last of which Bob reads; the receipt of that is an event, too.
async fn talk(chat: &Chat, keys: std::ops::Range<u8>) {
    for key in keys {
        let sent = write(chat, key, &format!("number {key}")).await.unwrap();
        chat.user(user("bob"), "phone".parse().unwrap()).mark_read(sent.conversation, sent.seq);
    }
}

fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn no_event_is_missing_and_none_is_there_twice_after_restarts() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("events.jsonl");
    let mut memory = MemoryStore::new();
    for life in 0..3 {
        let (sink, mut taken) = Watched::open(&path);
        let chat = start(memory.clone(), sink).await;
        talk(&chat, life * 20..life * 20 + 20).await;
        // The sink is somewhere in the middle when the node ends.
        taken.wait_for(|position| *position > 0).await.unwrap();
        chat.stop().await;
        memory = memory.crash();
        // The end came in the middle of a line.
        let mut bytes = fs::read(&path).unwrap();
        bytes.extend_from_slice(br#"{"event":"entry","position":99"#);
        fs::write(&path, bytes).unwrap();
    }
    let (sink, mut taken) = Watched::open(&path);
    let last = memory.last_event().0;
    let chat = start(memory, sink).await;
    talk(&chat, 60..61).await;
    taken.wait_for(|position| *position > last).await.unwrap();
    chat.stop().await;

    let lines = lines(&path);
    let positions: Vec<u64> = lines.iter().map(|line| line["position"].as_u64().unwrap()).collect();
    assert_eq!(positions, (1..=positions.len() as u64).collect::<Vec<_>>());
    let texts = lines.iter().filter_map(|line| line["body"]["text"].as_str()).collect::<Vec<_>>();
    assert_eq!(texts, (0..61).map(|key| format!("number {key}")).collect::<Vec<_>>());
    assert!(lines.iter().any(|line| line["event"] == "receipt" && line["user"] == "bob"));
}

#[tokio::test]
async fn a_file_cut_off_at_any_byte_goes_on_where_it_is_whole() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("events.jsonl");
    let memory = MemoryStore::new();
    let chat = Chat::builder().store(Arc::new(memory.clone())).start().await.unwrap();
    talk(&chat, 0..3).await;
    chat.stop().await;
    let events = memory.events(EventPosition(0), 100).await.unwrap();
    JsonLines::open(&path).unwrap().take(&events).await.unwrap();
    let whole = fs::read(&path).unwrap();

    for cut in 0..=whole.len() {
        fs::write(&path, &whole[..cut]).unwrap();
        let sink = JsonLines::open(&path).unwrap();
        let position = sink.resume_after().await;
        let kept = whole[..cut].iter().filter(|byte| **byte == b'\n').count();
        assert_eq!(position.0, kept as u64);
        sink.take(&memory.events(position, 100).await.unwrap()).await.unwrap();
        assert_eq!(fs::read(&path).unwrap(), whole, "cut off at {cut}");
    }
}

#[test]
fn a_file_of_something_else_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notes.txt");
    fs::write(&path, "buy milk\nand bread").unwrap();
    assert!(JsonLines::open(&path).is_err());
    assert_eq!(fs::read_to_string(&path).unwrap(), "buy milk\nand bread");
}
