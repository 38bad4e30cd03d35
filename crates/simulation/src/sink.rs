//! A consumer of the event log that refuses at times, keeps its position over the node's lives, and misses nothing.

use std::sync::Arc;

use causerie_actors::{BoxFuture, EventSink};
use causerie_protocol::{ClientMessageId, ConversationId, Seq};
use causerie_store::model::{Event, EventBody, EventPosition};
use parking_lot::Mutex;

/// What it has taken.
#[derive(Debug, Default)]
pub struct Taken {
    /// The last position.
    pub position: EventPosition,
    /// Entries, each where it first came.
    pub entries: Vec<(ConversationId, Seq, ClientMessageId)>,
    /// Whether it takes nothing at the moment.
    pub refuses: bool,
    /// How often it has refused.
    pub refused: u64,
    /// What was wrong with what it was given, if anything was.
    pub problem: Option<String>,
}

/// The consumer. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Sink(Arc<Mutex<Taken>>);

impl Sink {
    /// Looks at what it has, or changes how it behaves.
    pub fn with<T>(&self, look: impl FnOnce(&mut Taken) -> T) -> T {
        look(&mut self.0.lock())
    }
}

impl Taken {
    fn take(&mut self, events: &[Event]) -> Result<(), String> {
        if self.refuses {
            self.refused += 1;
            return Err("not now".to_owned());
        }
        for event in events {
            if event.position.0 > self.position.0 + 1 {
                let problem = format!("event {} came after {}", event.position.0, self.position.0);
                self.problem.get_or_insert(problem);
            }
            if event.position <= self.position {
                continue;
            }
            self.position = event.position;
            if let EventBody::Entry(entry) = &event.body {
                self.entries.push((event.conversation, entry.seq, entry.client_message_id));
            }
        }
        Ok(())
    }
}

impl EventSink for Sink {
    fn resume_after<'a>(&'a self) -> BoxFuture<'a, EventPosition> {
        Box::pin(async { self.0.lock().position })
    }

    fn take<'a>(&'a self, events: &'a [Event]) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async { self.0.lock().take(events) })
    }
}
