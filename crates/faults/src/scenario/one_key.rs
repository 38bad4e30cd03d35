//! One key has one position: sent on two connections at once, after the acknowledgement, after a restart, after many
//! newer messages, and by a client that says that it sends it for the first time and knows everything.

use std::time::Duration;

use anyhow::{Context as _, Result};
use causerie_checker::history::{Fault, Outcome as Sent};
use causerie_checker::{Demands, judge};
use tokio::time::timeout;

use crate::book::{Book, Letter, Line};
use crate::campaign::Campaign;
use crate::clock;
use crate::moves::Node;
use crate::report::Outcome;
use crate::world::{Needs, node};

/// Keys that are followed.
const KEYS: usize = 25;
/// Newer messages in a round.
const NEWER: usize = 10_000;
/// Sends on their way at once.
const WINDOW: usize = 32;
/// How long so many may take.
const PATIENCE: Duration = Duration::from_mins(3);

/// The keys with their positions, and two connections.
struct Keys {
    book: Book,
    lines: [Line; 2],
    kept: Vec<(Letter, u64)>,
    head: u64,
    outcome: Outcome,
}

pub(super) async fn run(campaign: &Campaign, seed: u64) -> Result<Outcome> {
    let mut node = node(campaign, campaign.folder("one-key")?, Needs::default())?;
    node.server.start().await?;
    let mut book = Book::open(node.server.address(), "keys").await?;
    let lines = connect(&mut book, &node).await?;
    let outcome = Outcome::new("one-key", seed);
    let mut keys = Keys { book, lines, kept: Vec::new(), head: 0, outcome };
    keys.both_at_once().await?;
    keys.again("after the acknowledgement").await?;
    keys.restart(&mut node).await?;
    keys.again("after a restart").await?;
    for _ in 0..campaign.rounds.unwrap_or(1) {
        keys.write(NEWER).await?;
        keys.again("after 10,000 newer messages").await?;
        keys.restart(&mut node).await?;
        keys.again("after 10,000 newer messages and a restart").await?;
    }
    keys.book.read(&mut keys.lines[0], 0, true).await?;
    node.server.stop().await?;
    let verdict = judge(&keys.book.history, &Demands { acknowledged: NEWER as u64, faults: 2 });
    keys.outcome.judged(&serde_json::to_value(&verdict)?);
    if !keys.outcome.passed() {
        campaign.keep_history(&keys.book.history, "one-key")?;
    }
    Ok(keys.outcome)
}

async fn connect(book: &mut Book, node: &Node) -> Result<[Line; 2]> {
    let address = node.server.address();
    Ok([book.connect(address, 0, "one").await?, book.connect(address, 0, "two").await?])
}

impl Keys {
    /// Each key on both connections, before either answers.
    async fn both_at_once(&mut self) -> Result<()> {
        for _ in 0..KEYS {
            let letter = Letter::new(60);
            let [one, two] = &mut self.lines;
            let (first, frame) = self.book.attempt(one, &letter, 0, self.head);
            let (second, other) = self.book.attempt(two, &letter, 0, self.head);
            let (a, b) = tokio::join!(one.socket.ask(frame), two.socket.ask(other));
            let (a, b) = (self.book.answer(first, &a?), self.book.answer(second, &b?));
            match (a, b) {
                (Sent::Sent(a), Sent::Sent(b)) if a == b => {
                    self.head = self.head.max(a);
                    self.kept.push((letter, a));
                }
                other => self.outcome.problems.push(format!("one key on two connections: {other:?}")),
            }
        }
        self.counts("on two connections at once", KEYS as u64);
        Ok(())
    }

    /// Each key again: as a resend, and as if it were new and everything were known.
    async fn again(&mut self, when: &'static str) -> Result<()> {
        for (letter, seq) in self.kept.clone() {
            for (line, attempt, after) in
                [(0, 1, seq - 1), (1, 1, self.head), (0, 0, seq - 1), (1, 0, self.head)]
            {
                let answer = self.book.send(&mut self.lines[line], &letter, attempt, after).await?;
                if answer["type"] != "sent" || answer["seq"] != seq {
                    let problem =
                        format!("{when}, attempt {attempt}, after {after}: {answer} instead of {seq}");
                    self.outcome.problems.push(problem);
                }
            }
        }
        self.counts(when, self.kept.len() as u64);
        Ok(())
    }

    fn counts(&mut self, what: &'static str, count: u64) {
        self.outcome.rounds += 1;
        *self.outcome.effects.entry(what).or_default() += count;
        println!("one-key {}: {what}: {count} keys", self.outcome.rounds);
    }

    async fn restart(&mut self, node: &mut Node) -> Result<()> {
        let at = clock::now();
        node.server.kill().await?;
        node.server.start().await?;
        self.book.history.fault(Fault { at, until: clock::now(), name: "killed".into(), effect: 1 });
        let lines = connect(&mut self.book, node).await?;
        for line in std::mem::replace(&mut self.lines, lines) {
            self.book.close(line);
        }
        Ok(())
    }

    /// So many new messages, several on their way at once.
    async fn write(&mut self, count: usize) -> Result<()> {
        let line = &mut self.lines[0];
        let mut flights = std::collections::HashMap::new();
        let (mut begun, mut done) = (0, 0);
        let all = async {
            while done < count {
                while begun < count && flights.len() < WINDOW {
                    let (row, frame) = self.book.attempt(line, &Letter::new(60), 0, self.head);
                    flights.insert(line.socket.tell(frame).await?, row);
                    begun += 1;
                }
                let frame = line.socket.hear().await?;
                let Some(row) = frame["id"].as_u64().and_then(|id| flights.remove(&id)) else { continue };
                let Sent::Sent(seq) = self.book.answer(row, &frame) else {
                    anyhow::bail!("a new message was not taken: {frame}");
                };
                self.head = self.head.max(seq);
                done += 1;
            }
            Ok(())
        };
        timeout(PATIENCE, all).await.context("new messages take too long")?
    }
}
