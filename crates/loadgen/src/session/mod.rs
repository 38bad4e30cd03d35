//! One signed-in connection: sends, hears, follows what it is told to sync, and writes everything into the book.

mod hear;
mod state;

use std::fmt::Write as _;
use std::io;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use causerie_checker::history::{self, Way};
use causerie_protocol::{ClientMessageId, ConversationId, UserId};
use serde::Deserialize;
use uuid::Uuid;

use crate::book::SharedBook;
use crate::clock;
use crate::link::{Link, Target};
use crate::message;
use crate::scan;
pub(crate) use state::Room;
use state::{Flight, PageRequest, State};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Items of a page that is asked for.
const PAGE: usize = 200;

/// Who connects.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    /// The user.
    pub(crate) user: Box<str>,
    /// What proves it.
    pub(crate) token: Box<str>,
}

/// A signed-in connection.
pub(crate) struct Session {
    link: Link,
    state: State,
}

impl Session {
    /// Connects and says hello. A `judged` session records everything for the judge.
    pub(crate) async fn open(
        target: &Target,
        number: usize,
        account: &Account,
        book: SharedBook,
        judged: bool,
    ) -> anyhow::Result<Self> {
        let link = Link::open(target, number).await?;
        let mut session = Self { link, state: State::new(&account.user, book) };
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

    /// Whether this session records for the judge.
    pub(crate) fn is_judged(&self) -> bool {
        self.state.recorded.is_some()
    }

    /// The rooms that this session follows.
    pub(crate) fn rooms(&self) -> &[Room] {
        &self.state.rooms
    }

    /// Follows a conversation: all its messages are counted, and recorded if the session is judged.
    pub(crate) fn join(&mut self, conversation: Uuid, known: u64) -> usize {
        self.state.join(conversation, known)
    }

    /// Creates a direct conversation with another user, and follows it.
    pub(crate) async fn create_direct(&mut self, with: &str) -> anyhow::Result<usize> {
        let fields = format!("\"kind\":\"direct\",\"members\":[{}]", serde_json::to_string(with)?);
        let answer = self.ask("create", &fields).await.context("create")?;
        let created = created(&answer)?;
        Ok(self.join(created.conversation, created.head))
    }

    /// Creates a group, and follows it: from before, since its first entry may come before the answer.
    pub(crate) async fn create_group(
        &mut self,
        title: &str,
        client_id: Uuid,
        members: &[Box<str>],
    ) -> anyhow::Result<usize> {
        let begun = clock::now();
        let id = ConversationId::group(&UserId::new(&self.state.user)?, &ClientMessageId(client_id)).0;
        let room = self.join(id, 0);
        let (first, rest) = members.split_at(members.len().min(200));
        let fields = format!(
            "\"kind\":\"group\",\"title\":{},\"client_id\":\"{client_id}\",\"members\":{}",
            serde_json::to_string(title)?,
            serde_json::to_string(first)?
        );
        let answer = self.ask("create", &fields).await.context("create")?;
        anyhow::ensure!(created(&answer)?.conversation == id, "the server derives another id for a group");
        self.state.changed(room, begun, 1);
        for users in rest.chunks(200) {
            self.add_members(room, users).await?;
        }
        Ok(room)
    }

    async fn add_members(&mut self, room: usize, users: &[Box<str>]) -> anyhow::Result<()> {
        let begun = clock::now();
        let id = self.state.rooms[room].id;
        let fields = format!("\"conversation\":\"{id}\",\"users\":{}", serde_json::to_string(users)?);
        let answer = self.ask("members.add", &fields).await.context("members.add")?;
        #[derive(Deserialize)]
        struct Done {
            seq: Option<u64>,
        }
        let done: Done = serde_json::from_slice(&answer)?;
        if let Some(seq) = done.seq {
            self.state.changed(room, begun, seq);
        }
        Ok(())
    }

    /// How many sends were refused so far.
    pub(crate) fn refused(&self) -> u64 {
        self.state.refused
    }

    /// How many sends are unanswered.
    pub(crate) fn in_flight(&self) -> usize {
        self.state.flights.len()
    }

    /// Puts a message on its way; [`flush`](Self::flush) lets it leave. `due` is when it should have left.
    pub(crate) fn send(&mut self, room: usize, bytes: usize, due: Option<history::Nanos>) {
        let at = clock::now();
        let state = &mut self.state;
        let mut book = state.book.borrow_mut();
        let client = book.id(at);
        state.body.clear();
        #[expect(clippy::cast_possible_truncation, reason = "the lower half is unique enough")]
        let digest = message::body(&mut state.body, at, client as u64, bytes);
        let to = &state.rooms[room];
        let record = state.recorded.map(|session| {
            book.history.attempt(history::Attempt::new(at, session, to.number, client, digest))
        });
        state.next += 1;
        let request = state.next;
        state.flights.push_back(Flight { request, record, room, since: due.unwrap_or(at) });
        self.link.push(|out| message::send(out, request, &to.text, client, to.known, &state.body));
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

    /// Asks for the pages that are due.
    fn follow_up(&mut self) -> io::Result<()> {
        while let Some((room, position, last)) = self.state.due.pop() {
            self.ask_page(room, Way::After, position, last);
        }
        self.link.flush()
    }

    /// Puts a request for a page on its way.
    fn ask_page(&mut self, room: usize, way: Way, position: u64, last: bool) -> u64 {
        let state = &mut self.state;
        state.next += 1;
        let (id, to) = (state.next, &state.rooms[room]);
        let conversation = to.id;
        self.link.push(|out| {
            let frame = match way {
                Way::After => format!(
                    "{{\"type\":\"sync\",\"id\":{id},\"conversation\":\"{conversation}\",\"after\":{position},\"limit\":{PAGE}}}"
                ),
                Way::Before => format!(
                    "{{\"type\":\"history\",\"id\":{id},\"conversation\":\"{conversation}\",\"before\":{position},\"limit\":50}}"
                ),
            };
            out.extend_from_slice(frame.as_bytes());
        });
        state.pages.push(PageRequest { id, room, way, position, last, begun: clock::now() });
        id
    }

    /// Reads 50 messages before a position, and says how long it took in nanoseconds.
    pub(crate) async fn history_page(&mut self, room: usize, before: u64) -> anyhow::Result<u64> {
        let begun = clock::now();
        let id = self.ask_page(room, Way::Before, before, false);
        self.link.flush()?;
        self.until(|state| !state.pages.iter().any(|page| page.id == id)).await.context("history")?;
        Ok(clock::now() - begun)
    }

    /// Syncs a conversation from the beginning, for the judge.
    pub(crate) async fn sync_fully(&mut self, room: usize) -> anyhow::Result<()> {
        self.ask_page(room, Way::After, 0, true);
        self.link.flush()?;
        self.until(|state| state.pages.is_empty() && state.due.is_empty()).await.context("the final sync")
    }

    /// Waits until everything has come that stands in the followed conversations now, or until patience ends: what
    /// has not come then is for the judge to find.
    pub(crate) async fn settle(&mut self) -> anyhow::Result<()> {
        for room in 0..self.state.rooms.len() {
            let id = self.state.rooms[room].id;
            let answer = self.ask("conversation", &format!("\"conversation\":\"{id}\"")).await?;
            #[derive(Deserialize)]
            struct Answer {
                conversation: Conversation,
            }
            let answer: Answer = serde_json::from_slice(&answer).context("conversation")?;
            let head = answer.conversation.head;
            let came = self.until(|state| state.rooms[room].known >= head && state.pages.is_empty()).await;
            if let Err(error) = came
                && !error.is::<tokio::time::error::Elapsed>()
            {
                return Err(error);
            }
        }
        Ok(())
    }

    /// The session broke: what it was due it will not get.
    pub(crate) fn broke(mut self) {
        self.state.give_up();
        self.state.book.borrow_mut().stats.broken += 1;
        self.state.end_record(false);
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
            bail!("{kind}: {}", String::from_utf8_lossy(&answer));
        }
        Ok(answer)
    }

    /// Hears until something is so.
    async fn until(&mut self, mut done: impl FnMut(&State) -> bool) -> anyhow::Result<()> {
        let hear = async {
            self.follow_up()?;
            while !done(&self.state) {
                self.hear().await?;
            }
            io::Result::Ok(())
        };
        let result = tokio::time::timeout(PATIENCE, hear).await?;
        result.map_err(|error| match self.link.closed() {
            Some(code) => anyhow!("the server closed with {code}"),
            None => error.into(),
        })
    }
}

#[derive(Deserialize)]
struct Conversation {
    conversation: Uuid,
    head: u64,
}

fn created(answer: &[u8]) -> anyhow::Result<Conversation> {
    #[derive(Deserialize)]
    struct Created {
        conversation: Conversation,
    }
    let created: Created = serde_json::from_slice(answer).context("created")?;
    Ok(created.conversation)
}
