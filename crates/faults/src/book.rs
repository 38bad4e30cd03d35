//! What is recorded here for the judge: one direct conversation between two users of ours, its sends and its pages.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail, ensure};
use causerie_checker::History;
use causerie_checker::history::{Attempt, Digest, Outcome, Page, Seen, Session, Way};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::clock;
use crate::socket::Socket;

/// Items of a page.
const PAGE: usize = 200;

/// A message: its key and what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Letter {
    /// The client message id.
    pub(crate) client: Uuid,
    /// The body, as it stands in frames.
    pub(crate) body: Value,
}

impl Letter {
    /// A new one, like no other, of about so many bytes.
    pub(crate) fn new(bytes: usize) -> Self {
        let client = Uuid::now_v7();
        let mut text = client.to_string();
        text.extend(std::iter::repeat_n('.', bytes.saturating_sub(text.len())));
        Self { client, body: json!({ "content_type": "text/plain", "text": text }) }
    }

    /// What stands for the body.
    pub(crate) fn digest(&self) -> Digest {
        Digest::of(self.body.to_string().as_bytes())
    }
}

/// A message as it was read back.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) seq: u64,
    pub(crate) letter: Letter,
    /// The server's id of it, which rises.
    pub(crate) id: u64,
}

/// A connection whose session is in the book.
pub(crate) struct Line {
    pub(crate) socket: Socket,
    pub(crate) session: u32,
}

/// The history, and the conversation that it is about.
pub(crate) struct Book {
    pub(crate) history: History,
    pub(crate) conversation: Uuid,
    number: u32,
    users: [String; 2],
}

impl Book {
    /// Makes the conversation between two users, whose names begin with `name`.
    pub(crate) async fn open(server: SocketAddr, name: &str) -> Result<Self> {
        let users = [format!("{name}-a"), format!("{name}-b")];
        let mut socket = Socket::open(server, &users[0], "maker").await?;
        let created =
            socket.ask(json!({ "type": "create", "kind": "direct", "members": [users[1]] })).await?;
        let id = created["conversation"]["conversation"].as_str();
        let conversation: Uuid = id.with_context(|| format!("not created: {created}"))?.parse()?;
        let mut history = History::default();
        let number = history.conversation(conversation.as_u128());
        let both = [history.user(&users[0]), history.user(&users[1])];
        history.direct(number, both);
        Ok(Self { history, conversation, number, users })
    }

    /// Connects one of the two users.
    pub(crate) async fn connect(&mut self, server: SocketAddr, which: usize, device: &str) -> Result<Line> {
        let socket = Socket::open(server, &self.users[which], device).await?;
        let (user, node) = (self.history.user(&self.users[which]), self.history.node(&socket.node));
        let session = self.history.open(Session::new(user, node, clock::now()));
        Ok(Line { socket, session })
    }

    /// The name of one of the two users.
    pub(crate) fn user(&self, which: usize) -> &str {
        &self.users[which]
    }

    /// Ends a session. It was not asked what it got live.
    pub(crate) fn close(&mut self, line: Line) {
        let Line { session, socket } = line;
        drop(socket);
        self.history.close(session, clock::now(), false);
    }

    /// Records an attempt and gives the frame for it.
    pub(crate) fn attempt(&mut self, line: &Line, letter: &Letter, attempt: u32, after: u64) -> (u32, Value) {
        let digest = letter.digest();
        let row = Attempt::new(clock::now(), line.session, self.number, letter.client.as_u128(), digest);
        let frame = json!({
            "type": "send", "conversation": self.conversation, "client_message_id": letter.client,
            "attempt": attempt, "after": after, "body": letter.body,
        });
        (self.history.attempt(row), frame)
    }

    /// Records the answer to an attempt, and gives what it says.
    pub(crate) fn answer(&mut self, attempt: u32, answer: &Value) -> Outcome {
        let outcome = match (answer["type"].as_str(), answer["seq"].as_u64(), answer["outcome"].as_str()) {
            (Some("sent"), Some(seq), _) => Outcome::Sent(seq),
            (Some("error"), _, Some("none")) => Outcome::Refused,
            _ => Outcome::Unknown,
        };
        self.history.answer(attempt, clock::now(), outcome);
        outcome
    }

    /// Sends one message and waits for its answer.
    pub(crate) async fn send(
        &mut self,
        line: &mut Line,
        letter: &Letter,
        attempt: u32,
        after: u64,
    ) -> Result<Value> {
        let (row, frame) = self.attempt(line, letter, attempt, after);
        let answer = line.socket.ask(frame).await?;
        self.answer(row, &answer);
        Ok(answer)
    }

    /// Reads everything after a position. `last` is the full sync at the end of a run.
    ///
    /// # Errors
    /// [`Unread`] when the server refuses; nothing was recorded of that page then.
    pub(crate) async fn read(&mut self, line: &mut Line, mut after: u64, last: bool) -> Result<Vec<Found>> {
        let mut found = Vec::new();
        loop {
            let begun = clock::now();
            let sync =
                json!({ "type": "sync", "conversation": self.conversation, "after": after, "limit": PAGE });
            let page = line.socket.ask(sync).await?;
            if page["type"] == "error" {
                bail!(Unread(page["code"].as_str().unwrap_or_default().to_owned()));
            }
            let (items, head) = (page["items"].as_array(), page["head"].as_u64());
            let (items, head) = items.zip(head).with_context(|| format!("not a page: {page}"))?;
            let more = page["more"] == true;
            let row = Page {
                begun,
                at: clock::now(),
                position: after,
                head,
                session: line.session,
                conversation: self.number,
                way: Way::After,
                more,
                last,
            };
            let number = self.history.page(row);
            for item in items {
                let item = self.see(line, item, number)?;
                after = item.seq;
                found.push(item);
            }
            if !more || items.is_empty() {
                return Ok(found);
            }
        }
    }

    fn see(&mut self, line: &Line, item: &Value, page: u32) -> Result<Found> {
        let text =
            |name: &str| item[name].as_str().with_context(|| format!("a message without {name}: {item}"));
        let letter = Letter { client: text("client_message_id")?.parse()?, body: item["body"].clone() };
        let seq = item["seq"].as_u64().context("a message without seq")?;
        let id = text("message_id")?.parse()?;
        let from = self.history.user(text("from")?);
        ensure!(page != Seen::LIVE, "a page that is none");
        self.history.see(Seen {
            at: clock::now(),
            seq,
            client: Seen::halves(letter.client.as_u128()),
            body: letter.digest(),
            session: line.session,
            conversation: self.number,
            from,
            page,
        });
        Ok(Found { seq, letter, id })
    }
}

/// A page was refused, with this code.
#[derive(Debug)]
pub(crate) struct Unread(pub(crate) String);

impl std::fmt::Display for Unread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a page was refused: {}", self.0)
    }
}

impl std::error::Error for Unread {}
