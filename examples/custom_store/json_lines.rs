//! Events as JSON lines in a file.
//!
//! Guaranteed: each event is in the file once, in order, and those that were taken are on the disk. The file is the
//! position: its last whole line says where to go on. A line that was cut off by the end of the process is removed when
//! the file is opened, and its event comes again.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::sync::Arc;

use causerie_actors::{BoxFuture, EventSink};
use causerie_protocol::frame::down::EntryKind;
use causerie_protocol::{Body, ConversationId, MessageId, Seq, Timestamp, UserId};
use causerie_store::model::{Event, EventBody, EventPosition};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

/// A file of events.
pub(crate) struct JsonLines {
    file: Arc<Mutex<Whole>>,
    position: EventPosition,
}

/// The file, and how much of it is whole.
struct Whole {
    file: File,
    length: u64,
}

/// What is read of a line.
#[derive(Deserialize)]
struct Position {
    position: u64,
}

impl JsonLines {
    /// Opens the file, or makes a new one.
    ///
    /// # Errors
    /// The file cannot be read or written, or holds something else. It is not changed then.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        let (mut length, mut position) = (0, 0);
        let (mut lines, mut line) = (BufReader::new(&file), Vec::new());
        while lines.read_until(b'\n', &mut line)? > 0 && line.ends_with(b"\n") {
            position = serde_json::from_slice::<Position>(&line)?.position;
            length += line.len() as u64;
            line.clear();
        }
        file.set_len(length)?;
        Ok(Self { file: Arc::new(Mutex::new(Whole { file, length })), position: EventPosition(position) })
    }
}

impl EventSink for JsonLines {
    fn resume_after<'a>(&'a self) -> BoxFuture<'a, EventPosition> {
        Box::pin(async { self.position })
    }

    fn take<'a>(&'a self, events: &'a [Event]) -> BoxFuture<'a, Result<(), String>> {
        let file = Arc::clone(&self.file);
        Box::pin(async move {
            let mut lines = Vec::new();
            for event in events {
                serde_json::to_writer(&mut lines, &Line::of(event)).map_err(|error| error.to_string())?;
                lines.push(b'\n');
            }
            // Writing blocks, so it has a thread of its own.
            let written = tokio::task::spawn_blocking(move || file.lock().append(&lines)).await;
            written.map_err(io::Error::other).flatten().map_err(|error| error.to_string())
        })
    }
}

impl Whole {
    /// All of it is in the file and on the disk, or none of it.
    fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        // What a write that failed has left.
        self.file.set_len(self.length)?;
        self.file.write_all(lines)?;
        self.file.sync_data()?;
        self.length += lines.len() as u64;
        Ok(())
    }
}

/// An event as this file has it. The format is the embedder's own.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Line<'a> {
    /// Somebody wrote, or the group changed.
    Entry {
        position: u64,
        conversation: ConversationId,
        seq: Seq,
        message_id: MessageId,
        kind: EntryKind,
        from: &'a UserId,
        time: Timestamp,
        body: &'a Body,
    },
    /// Somebody has received and read more.
    Receipt { position: u64, conversation: ConversationId, user: &'a UserId, delivered: Seq, read: Seq },
}

impl<'a> Line<'a> {
    fn of(event: &'a Event) -> Self {
        let (position, conversation) = (event.position.0, event.conversation);
        match &event.body {
            EventBody::Entry(entry) => Self::Entry {
                position,
                conversation,
                seq: entry.seq,
                message_id: entry.message_id,
                kind: entry.kind,
                from: &entry.from,
                time: entry.time(),
                body: &entry.body,
            },
            EventBody::Receipt { user, cursor } => {
                let (delivered, read) = (cursor.delivered, cursor.read);
                Self::Receipt { position, conversation, user, delivered, read }
            }
        }
    }
}
