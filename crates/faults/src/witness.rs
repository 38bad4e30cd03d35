//! The witness: it writes without a pause, and after each fault reads back what was acknowledged to it. A loss is known
//! at once, with the round in which it happened; the judge knows it at the end, too.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;
use causerie_checker::History;
use causerie_checker::history::Outcome;
use serde_json::{Value, json};

use crate::book::{Book, Found, Letter, Line};

/// Messages that are sent at once,
const BURST: usize = 8;
/// of so many bytes, so that memtables are soon full,
const BYTES: usize = 6_000;
/// so often.
const PACE: Duration = Duration::from_millis(100);

/// What was acknowledged, and how much of it has been read back.
#[derive(Debug, Default)]
struct Memory {
    /// What was acknowledged above `read`.
    acknowledged: BTreeMap<u64, Letter>,
    /// Up to where it has been read back.
    read: u64,
    last_id: u64,
}

impl Memory {
    /// The highest position that is known.
    fn head(&self) -> u64 {
        self.acknowledged.last_key_value().map_or(self.read, |(seq, _)| *seq)
    }

    /// Compares with everything that stands above `read`, and gives what is wrong.
    fn compare(&mut self, found: &[Found]) -> Vec<String> {
        let mut problems = Vec::new();
        for item in found {
            if item.id <= self.last_id {
                problems.push(format!("id {} at {} is not above {}", item.id, item.seq, self.last_id));
            }
            if item.seq != self.read + 1 {
                problems.push(format!("{} comes after {}", item.seq, self.read));
            }
            (self.last_id, self.read) = (item.id, item.seq);
            if self.acknowledged.remove(&item.seq).is_some_and(|letter| letter != item.letter) {
                problems.push(format!("another message than the acknowledged one at {}", item.seq));
            }
        }
        for (seq, letter) in std::mem::take(&mut self.acknowledged) {
            problems.push(format!("{} was acknowledged at {seq} and is gone", letter.client));
        }
        problems
    }
}

/// Somebody who writes, and remembers what was acknowledged.
pub(crate) struct Witness {
    server: SocketAddr,
    book: Book,
    line: Option<Line>,
    /// Requests without an answer.
    flights: HashMap<u64, (u32, Letter)>,
    memory: Memory,
    /// Sends that were answered: acknowledged, refused, unknown.
    pub(crate) answers: [u64; 3],
    /// The code of the last refusal.
    pub(crate) last_refusal: String,
    /// How often the other user was said to be offline although it was connected.
    absences: u64,
    /// The other user, connected all the time that the server is there.
    other: Option<Line>,
}

impl Witness {
    /// Begins a conversation on a server that runs.
    pub(crate) async fn open(server: SocketAddr, name: &str) -> Result<Self> {
        let mut witness = Self {
            server,
            book: Book::open(server, name).await?,
            line: None,
            flights: HashMap::new(),
            memory: Memory::default(),
            answers: [0; 3],
            last_refusal: String::new(),
            absences: 0,
            other: None,
        };
        witness.connect().await?;
        Ok(witness)
    }

    async fn connect(&mut self) -> Result<()> {
        self.disconnect();
        self.other = Some(self.book.connect(self.server, 1, "there").await?);
        let mut line = self.book.connect(self.server, 0, "writer").await?;
        line.socket.tell(json!({ "type": "presence.watch", "users": [self.book.user(1)] })).await?;
        self.line = Some(line);
        Ok(())
    }

    /// What is unanswered stays so.
    fn disconnect(&mut self) {
        self.flights.clear();
        for line in self.line.take().into_iter().chain(self.other.take()) {
            self.book.close(line);
        }
    }

    /// Writes until the connection breaks, and waits for ever then. May be dropped.
    pub(crate) async fn talk(&mut self) {
        // What breaks it is the fault, which is the business of others here.
        let _ = self.talk_while_connected().await;
        std::future::pending::<()>().await;
    }

    async fn talk_while_connected(&mut self) -> Result<()> {
        let mut pace = tokio::time::interval(PACE);
        pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let (Some(line), Some(other)) = (&mut self.line, &mut self.other) else { return Ok(()) };
            let frame = tokio::select! {
                frame = line.socket.hear() => Some(frame?),
                // It only listens, so that it is no slow reader.
                frame = other.socket.hear() => frame.map(|_| None)?,
                _ = pace.tick() => None,
            };
            match frame {
                Some(frame) => self.take(&frame),
                None if self.flights.len() < 2 * BURST => self.write(BURST).await?,
                None => {}
            }
        }
    }

    async fn write(&mut self, count: usize) -> Result<()> {
        let Some(line) = &mut self.line else { return Ok(()) };
        let after = self.memory.head();
        for _ in 0..count {
            let letter = Letter::new(BYTES);
            let (row, frame) = self.book.attempt(line, &letter, 0, after);
            let request = line.socket.tell(frame).await?;
            self.flights.insert(request, (row, letter));
        }
        Ok(())
    }

    /// Writes until something has been acknowledged. Whether it was, within this time.
    pub(crate) async fn is_acknowledged(&mut self, within: Duration) -> bool {
        let before = self.answers[0];
        let until = async {
            while self.answers[0] == before {
                let talk = self.talk_while_connected();
                // Looked at now and then: talking ends only with the connection.
                let _ = tokio::time::timeout(PACE, talk).await;
            }
        };
        tokio::time::timeout(within, until).await.is_ok()
    }

    fn take(&mut self, frame: &Value) {
        if frame["type"] == "presence" && frame["online"] == false {
            self.absences += 1;
        }
        let Some((row, letter)) = frame["id"].as_u64().and_then(|id| self.flights.remove(&id)) else {
            return;
        };
        let outcome = self.book.answer(row, frame);
        match outcome {
            Outcome::Sent(seq) => {
                self.answers[0] += 1;
                self.memory.acknowledged.insert(seq, letter);
            }
            Outcome::Refused => {
                self.answers[1] += 1;
                frame["code"].as_str().unwrap_or_default().clone_into(&mut self.last_refusal);
            }
            Outcome::Unknown => self.answers[2] += 1,
        }
    }

    /// Connects anew, and reads everything back since the last time. Gives what is wrong.
    pub(crate) async fn verify(&mut self) -> Result<Vec<String>> {
        self.connect().await?;
        let Some(mut line) = self.line.take() else { return Ok(Vec::new()) };
        let found = self.book.read(&mut line, self.memory.read, false).await;
        self.line = Some(line);
        let mut problems = self.memory.compare(&found?);
        if self.absences > 0 {
            problems.push(format!("{} times a connected user was told to be offline", self.absences));
            self.absences = 0;
        }
        Ok(problems)
    }

    /// Syncs everything a last time, and gives the history.
    pub(crate) async fn conclude(mut self) -> Result<History> {
        self.connect().await?;
        if let Some(mut line) = self.line.take() {
            self.book.read(&mut line, 0, true).await?;
            self.line = Some(line);
        }
        self.disconnect();
        Ok(self.book.history)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Break = fn(&mut Vec<Found>);

    /// Three acknowledged messages, and the same as they are read back.
    fn three() -> (Memory, Vec<Found>) {
        let found: Vec<Found> =
            (1..=3).map(|seq| Found { seq, letter: Letter::new(60), id: seq * 10 }).collect();
        let acknowledged = found.iter().map(|found| (found.seq, found.letter.clone())).collect();
        (Memory { acknowledged, ..Memory::default() }, found)
    }

    #[test]
    fn what_was_acknowledged_and_is_there_is_well_and_is_not_asked_again() {
        let (mut memory, found) = three();
        assert_eq!(memory.compare(&found), Vec::<String>::new());
        assert_eq!((memory.head(), memory.compare(&[])), (3, Vec::new()));
    }

    #[test]
    fn every_kind_of_damage_is_seen() {
        let breaks: [(&str, Break); 4] = [
            ("is gone", |found| drop(found.pop())),
            ("another message", |found| found[1].letter = Letter::new(60)),
            ("is not above", |found| found[2].id = 5),
            ("comes after", |found| drop(found.remove(1))),
        ];
        for (words, apply) in breaks {
            let (mut memory, mut found) = three();
            apply(&mut found);
            let problems = memory.compare(&found);
            assert!(problems.iter().any(|problem| problem.contains(words)), "{words}: {problems:?}");
        }
    }
}
