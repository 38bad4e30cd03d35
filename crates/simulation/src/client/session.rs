//! One connection, from `hello` to its end.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use causerie_checker::history::{self, Attempt, Digest, Nanos, Outcome, Way};
use causerie_protocol::frame::{ErrorFrame, up};
use causerie_protocol::{ClientMessageId, ConversationId, DeviceId, Down, RequestId, Seq, Up};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::value::RawValue;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::protocol::Role;
use turmoil::net::TcpStream;

use super::memory::{Memory, Message};
use crate::node::{HOST, PORT};
use crate::stage::Stage;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long connecting may take.
const CONNECTING: Duration = Duration::from_secs(4);
/// A connection on which nothing comes for so many heartbeats is broken.
const SILENT: u32 = 3;

/// Why something was not done.
#[derive(Debug)]
pub enum Trouble {
    /// The connection is over, or as good as.
    Lost(String),
    /// The server refused it.
    Refused(ErrorFrame),
}

/// A send without an answer.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) request: i64,
    pub(super) record: u32,
    pub(super) begun: Nanos,
    pub(super) message: Message,
}

/// A request for a page without an answer.
#[derive(Debug)]
pub(super) struct PageRequest {
    pub(super) id: i64,
    pub(super) conversation: ConversationId,
    pub(super) way: Way,
    pub(super) position: u64,
    pub(super) last: bool,
    pub(super) begun: Nanos,
}

/// A signed-in connection.
pub struct Session {
    socket: WebSocketStream<TcpStream>,
    pub(super) stage: Rc<Stage>,
    pub(super) memory: Rc<RefCell<Memory>>,
    pub(super) user: usize,
    pub(super) name: String,
    /// Its number in the history.
    pub(super) number: u32,
    next: i64,
    pub(super) flights: Vec<Flight>,
    pub(super) pages: Vec<PageRequest>,
    /// Syncs to ask for: from where, and whether it is the last one.
    pub(super) due: Vec<(ConversationId, u64, bool)>,
    /// Up to where the server told to sync.
    pub(super) told: BTreeMap<ConversationId, u64>,
    /// The request whose answer is waited for.
    pub(super) awaited: Option<i64>,
    pub(super) answer: Option<Down>,
    heartbeat: Duration,
    said: Instant,
    heard: Instant,
}

impl Session {
    /// Connects and says hello.
    ///
    /// # Errors
    /// Nobody is there, or nobody answers.
    pub async fn open(stage: &Rc<Stage>, user: usize, device: usize) -> Result<Self, Trouble> {
        let connecting = timeout(CONNECTING, TcpStream::connect((HOST, PORT))).await;
        let stream = connecting.map_err(|_| lost("no answer"))?.map_err(lost)?;
        let socket = WebSocketStream::from_raw_socket(stream, Role::Client, None).await;
        let now = Instant::now();
        let mut session = Self {
            socket,
            stage: Rc::clone(stage),
            memory: Rc::clone(&stage.devices[user][device]),
            user,
            name: format!("user-{user}.{device}"),
            number: 0,
            next: 0,
            flights: Vec::new(),
            pages: Vec::new(),
            due: Vec::new(),
            told: BTreeMap::new(),
            awaited: None,
            answer: None,
            heartbeat: CONNECTING,
            said: now,
            heard: now,
        };
        let device = DeviceId::new(&format!("device-{device}")).map_err(lost)?;
        let token = Some(stage.users[user].as_str().into());
        let hello = session.ask(|id| Up::Hello(up::Hello { id, token, device, agent: None })).await?;
        let Down::Welcome(welcome) = hello else { return Err(lost("no welcome")) };
        session.heartbeat = Duration::from_millis(welcome.heartbeat_ms);
        let mut book = stage.book.borrow_mut();
        let (name, node) = (book.history.user(stage.users[user].as_str()), book.history.node(&welcome.node));
        let opened = history::Session::new(name, node, book.stamp());
        session.number = book.history.open(opened);
        session.memory.borrow_mut().session = Some(session.number);
        drop(book);
        Ok(session)
    }

    /// How many sends are unanswered.
    pub fn in_flight(&self) -> usize {
        self.flights.len()
    }

    /// Whether a message is on its way.
    pub(super) fn is_in_flight(&self, message: &Message) -> bool {
        self.flights.iter().any(|flight| flight.message.key == message.key)
    }

    /// Says a frame.
    pub(super) async fn say(&mut self, frame: &Up) -> Result<(), Trouble> {
        let text = frame.to_json();
        {
            let mut book = self.stage.book.borrow_mut();
            book.trace(&self.name, ">", &text);
            book.counts.frames[self.user] += 1;
        }
        self.said = Instant::now();
        let broken = (self.heard + self.heartbeat * SILENT).max(self.said + self.heartbeat);
        let sent = timeout_at(broken, self.socket.send(Frame::text(text))).await;
        sent.map_err(|_| lost("the socket takes nothing"))?.map_err(lost)
    }

    /// A number for a new request.
    pub(super) fn number_request(&mut self) -> i64 {
        self.next += 1;
        self.next
    }

    /// Sends a request and waits for its answer.
    pub(super) async fn ask(&mut self, frame: impl FnOnce(Option<RequestId>) -> Up) -> Result<Down, Trouble> {
        let id = self.number_request();
        self.awaited = Some(id);
        self.say(&frame(Some(id.into()))).await?;
        let until = Instant::now() + PATIENCE;
        while self.hear(until).await? {
            match self.answer.take() {
                Some(Down::Error(error)) => return Err(Trouble::Refused(error)),
                Some(answer) => return Ok(answer),
                None => {}
            }
        }
        Err(lost("no answer"))
    }

    /// Hears one frame, and does what it tells to do; `false` if none comes until then. Keeps up the heartbeat.
    ///
    /// # Errors
    /// The connection is over, or silent for too long.
    pub async fn hear(&mut self, until: Instant) -> Result<bool, Trouble> {
        loop {
            self.follow_up().await?;
            self.watch_flights();
            let beat = self.said + self.heartbeat / 2;
            tokio::select! {
                biased;
                frame = self.socket.next() => {
                    self.heard = Instant::now();
                    match frame {
                        Some(Ok(Frame::Text(text))) => if self.stage.sabotage.delivers(&text) {
                            self.take_in(&text);
                            return Ok(true);
                        },
                        Some(Ok(Frame::Close(why))) => return Err(Trouble::Lost(format!("closed: {why:?}"))),
                        Some(Ok(_)) => {}
                        Some(Err(error)) => return Err(lost(error)),
                        None => return Err(lost("the stream ended")),
                    }
                }
                () = sleep_until(until.min(beat)) => {
                    let now = Instant::now();
                    if now >= self.heard + self.heartbeat * SILENT {
                        return Err(lost("nothing comes"));
                    }
                    if now >= beat {
                        let id = Some(self.number_request().into());
                        self.say(&Up::Ping(up::Bare { id })).await?;
                    }
                    if now >= until {
                        return Ok(false);
                    }
                }
            }
        }
    }

    /// Hears for a time.
    ///
    /// # Errors
    /// As [`hear`](Self::hear).
    pub async fn hear_for(&mut self, time: Duration) -> Result<(), Trouble> {
        let until = Instant::now() + time;
        while self.hear(until).await? {}
        Ok(())
    }

    /// Sends a message. The attempt is in the history before its bytes leave.
    ///
    /// # Errors
    /// The connection is over; what became of the message is unknown.
    pub async fn send(&mut self, message: Message) -> Result<(), Trouble> {
        let request = self.number_request();
        let (key, attempt, after) = (message.key, message.attempt, message.after);
        let body = RawValue::from_string(message.body.clone().into()).map_err(lost)?;
        let conversation = message.to.is_none().then_some(message.conversation);
        let frame = Up::Send(up::Send {
            id: Some(request.into()),
            conversation,
            to: message.to.clone(),
            client_message_id: ClientMessageId(key),
            attempt,
            after: Some(Seq(after)),
            body,
        });
        {
            let mut book = self.stage.book.borrow_mut();
            let place = book.history.conversation(message.conversation.0.as_u128());
            let (begun, digest) = (book.stamp(), Digest::of(message.body.as_bytes()));
            let attempt = Attempt::new(begun, self.number, place, key.as_u128(), digest);
            let record = book.history.attempt(attempt);
            self.flights.push(Flight { request, record, begun, message });
        }
        self.say(&frame).await
    }

    /// The connection is over. `settled`: it has got what was its due until now.
    pub async fn end(mut self, settled: bool) {
        {
            let mut book = self.stage.book.borrow_mut();
            for flight in self.flights.drain(..) {
                book.ended(flight.record, flight.begun, Outcome::Unknown);
            }
            let at = book.stamp();
            book.history.close(self.number, at, settled);
            self.memory.borrow_mut().session = None;
        }
        if settled {
            // The server notices the end of the stream in any case.
            let _ = timeout(CONNECTING, self.socket.close(None)).await;
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` hands over")]
pub(super) fn lost(why: impl ToString) -> Trouble {
    Trouble::Lost(why.to_string())
}
