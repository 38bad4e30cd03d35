//! One signed-in connection: sends, hears, follows what it is told to sync, and writes everything into the book.

mod groups;
mod hear;
mod pages;
mod state;
mod traffic;

use std::fmt::Write as _;
use std::io;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use serde::Deserialize;
use uuid::Uuid;

use crate::book::SharedBook;
use crate::link::{Link, Target};
use crate::scan;
pub(crate) use groups::NewGroup;
pub(crate) use state::Room;
use state::State;
pub(crate) use traffic::Unanswered;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Who connects.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    /// The user.
    pub(crate) user: Box<str>,
    /// What proves it.
    pub(crate) token: Box<str>,
}

/// A request was answered with an error.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Refused(String);

/// A signed-in connection.
pub(crate) struct Session {
    link: Link,
    state: State,
    /// Whether what was said can be synced.
    keeps: bool,
}

impl Session {
    /// Connects and says hello. A `judged` session records everything for the judge; against a floor too, where nothing is
    /// judged, so that it costs the generator the same.
    pub(crate) async fn open(
        target: &Target,
        number: usize,
        account: &Account,
        book: SharedBook,
        judged: bool,
    ) -> anyhow::Result<Self> {
        let link = Link::open(target, number).await?;
        let mut session = Self { link, state: State::new(&account.user, book), keeps: target.keeps };
        let (token, device) = (serde_json::to_string(&account.token)?, format!("d{number}"));
        let hello = format!("\"token\":{token},\"device\":\"{device}\",\"agent\":\"causerie-loadgen\"");
        let welcome = session.ask("hello", &hello).await.context("hello")?;
        #[derive(Deserialize)]
        struct Welcome {
            node: String,
        }
        let welcome: Welcome = serde_json::from_slice(&welcome).context("welcome")?;
        if judged {
            session.state.begin_record(&welcome.node);
        }
        Ok(session)
    }

    /// Whether this session records for a judge who is to hear of the end, too.
    pub(crate) fn is_judged(&self) -> bool {
        self.state.recorded.is_some() && self.keeps
    }

    /// The rooms that this session follows.
    pub(crate) fn rooms(&self) -> &[Room] {
        &self.state.rooms
    }

    /// Follows a conversation: all its messages are counted, and recorded if the session is judged.
    pub(crate) fn join(&mut self, conversation: Uuid, known: u64) -> usize {
        self.state.join(conversation, known)
    }

    /// Lets everything leave that waits.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.link.flush()
    }

    /// Waits for something to come, and does what is told: a `head` is answered with a sync. May be dropped.
    pub(crate) async fn hear(&mut self) -> io::Result<()> {
        let state = &mut self.state;
        self.link.receive(|payload| state.frame(payload)).await?;
        self.follow_up()
    }

    /// The session broke, and there will be no other: nobody can say what its user did not get.
    pub(crate) fn broke(self) {
        self.state.book.borrow_mut().stats.gone += 1;
        self.dropped();
    }

    /// The session broke, or is dropped, and another will go on: what it was due it will not get. Gives what it had sent
    /// without an answer.
    pub(crate) fn dropped(mut self) -> Vec<Unanswered> {
        self.state.give_up();
        self.state.book.borrow_mut().stats.broken += 1;
        self.state.end_record(false);
        self.state.unanswered
    }

    /// Ends the session. What it was due it has, if it is `settled`.
    pub(crate) fn close(mut self, settled: bool) {
        self.state.give_up();
        self.state.end_record(settled);
        self.link.push_close();
        // The server notices the end of the stream in any case.
        let _ = self.link.flush();
    }

    /// A heartbeat, and its answer.
    pub(crate) async fn ping(&mut self) -> anyhow::Result<()> {
        self.ask("ping", "").await.map(drop)
    }

    /// Asks for the first page of conversations, as a client does when it starts.
    pub(crate) async fn first_sync(&mut self) -> anyhow::Result<()> {
        self.ask("conversations", "\"limit\":100").await.map(drop)
    }

    /// Sends a request and waits for its answer. `fields` are its fields in JSON.
    async fn ask(&mut self, kind: &str, fields: &str) -> anyhow::Result<Vec<u8>> {
        self.state.next += 1;
        let id = self.state.next;
        let mut frame = String::with_capacity(fields.len() + 64);
        write!(frame, "{{\"type\":\"{kind}\",\"id\":{id}")?;
        if !fields.is_empty() {
            write!(frame, ",{fields}")?;
        }
        frame.push('}');
        self.link.push(|out| out.extend_from_slice(frame.as_bytes()));
        self.link.flush()?;
        self.state.awaited = Some(id);
        self.until(|state| state.answer.is_some()).await.with_context(|| kind.to_owned())?;
        let answer = self.state.answer.take().context("no answer")?;
        if scan::kind(&answer) == b"error" {
            return Err(Refused(String::from_utf8_lossy(&answer).into_owned()).into());
        }
        Ok(answer)
    }

    /// Hears until something is so.
    async fn until(&mut self, done: impl FnMut(&State) -> bool) -> anyhow::Result<()> {
        self.until_within(PATIENCE, done).await
    }

    async fn until_within(
        &mut self,
        time: Duration,
        mut done: impl FnMut(&State) -> bool,
    ) -> anyhow::Result<()> {
        let hear = async {
            self.follow_up()?;
            while !done(&self.state) {
                self.hear().await?;
            }
            io::Result::Ok(())
        };
        let result = tokio::time::timeout(time, hear).await?;
        result.map_err(|error| match self.link.closed() {
            Some(code) => anyhow!("the server closed with {code}"),
            None => error.into(),
        })
    }
}
