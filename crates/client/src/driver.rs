//! The task around a session: it performs effects and feeds what happens, and decides nothing.
//!
//! Every queue has a bound: commands (64, then the session's own), events (the application's choice), frames to write
//! (what the session lets be in flight). The task ends with the session, when the last [`Client`](crate::Client) is
//! dropped or closed.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::time::Instant;

use causerie_protocol::frame::FrameError;
use causerie_protocol::frame::down::{Sent, Welcome};
use causerie_protocol::{ConversationId, Down, Seq, Up};
use tokio::sync::{mpsc, oneshot, watch};

use crate::draft::{Draft, SendError};
use crate::request::RequestError;
use crate::session::{At, Effect, Ended, Event, Input, LinkId, Session, Ticket};
use crate::socket::{Received, Socket};
use crate::token::{Credentials, Token, TokenError};
use crate::url::ServerUrl;

/// Commands that wait for the task.
pub(crate) const COMMANDS: usize = 64;

/// What an application wants, with the way back for the answer.
pub(crate) enum Command {
    /// A message.
    Send(Box<Draft>, oneshot::Sender<Result<Sent, SendError>>),
    /// A request.
    Request(Box<Up>, oneshot::Sender<Result<Down, RequestError>>),
    /// Received up to here.
    Delivered(ConversationId, Seq),
    /// Read up to here.
    Read(ConversationId, Seq),
    /// Done.
    Close,
}

type Job<T> = Option<Pin<Box<dyn Future<Output = T> + Send>>>;

/// The task's state.
pub(crate) struct Driver {
    session: Session,
    url: ServerUrl,
    credentials: Credentials,
    commands: mpsc::Receiver<Command>,
    /// Taken away once nobody listens.
    events: Option<mpsc::Sender<Event>>,
    welcomed: Option<oneshot::Sender<Box<Welcome>>>,
    ended: watch::Sender<Option<Ended>>,
    start: Instant,
    ticket: Ticket,
    sends: HashMap<Ticket, oneshot::Sender<Result<Sent, SendError>>>,
    requests: HashMap<Ticket, oneshot::Sender<Result<Down, RequestError>>>,
    socket: Option<(LinkId, Socket)>,
    leaving: Option<Socket>,
    token: Job<(LinkId, Result<Token, TokenError>)>,
    dial: Job<(LinkId, Result<Socket, String>)>,
    end: Option<Ended>,
}

/// The application's ends of the task.
pub(crate) struct Ends {
    pub(crate) commands: mpsc::Sender<Command>,
    pub(crate) events: mpsc::Receiver<Event>,
    pub(crate) welcomed: oneshot::Receiver<Box<Welcome>>,
    pub(crate) ended: watch::Receiver<Option<Ended>>,
}

impl Driver {
    pub(crate) fn new(
        session: Session,
        url: ServerUrl,
        credentials: Credentials,
        capacity: usize,
    ) -> (Self, Ends) {
        let (commands_in, commands) = mpsc::channel(COMMANDS);
        let (events, events_out) = mpsc::channel(capacity.max(1));
        let (welcomed, welcomed_out) = oneshot::channel();
        let (ended, ended_out) = watch::channel(None);
        let driver = Self {
            session,
            url,
            credentials,
            commands,
            events: Some(events),
            welcomed: Some(welcomed),
            ended,
            start: Instant::now(),
            ticket: 0,
            sends: HashMap::new(),
            requests: HashMap::new(),
            socket: None,
            leaving: None,
            token: None,
            dial: None,
            end: None,
        };
        (driver, Ends { commands: commands_in, events: events_out, welcomed: welcomed_out, ended: ended_out })
    }

    pub(crate) async fn run(mut self) {
        self.feed_room();
        self.feed(Input::Open);
        let end = loop {
            if let Some(end) = self.end.take() {
                break end;
            }
            let input = self.next_input().await;
            self.feed_room();
            if let Some(input) = input {
                self.feed(input);
            }
        };
        if let Some(socket) = self.leaving.take() {
            socket.farewell().await;
        }
        self.refuse_commands();
        self.ended.send_replace(Some(end));
    }

    /// The session is over: what was still on its way to it never left.
    fn refuse_commands(&mut self) {
        self.commands.close();
        while let Ok(command) = self.commands.try_recv() {
            if let Some(input) = self.command(command) {
                self.feed(input);
            }
        }
    }

    /// Waits for the next thing that happens.
    async fn next_input(&mut self) -> Option<Input> {
        let deadline = self.session.deadline().map(|at| tokio::time::Instant::from_std(self.start + at));
        let accepts = self.session.accepts();
        let starved = self.session.starved();
        tokio::select! {
            (link, token) = job(&mut self.token) => {
                self.token = None;
                Some(Input::Token { link, token })
            }
            (link, socket) = job(&mut self.dial) => {
                self.dial = None;
                Some(match socket {
                    Ok(socket) => {
                        self.socket = Some((link, socket));
                        Input::Opened { link }
                    }
                    Err(reason) => Input::Lost { link, code: None, reason },
                })
            }
            (link, received) = receive(&mut self.socket) => self.received(link, received),
            command = self.commands.recv(), if accepts => match command {
                Some(command) => self.command(command),
                None => Some(Input::Close),
            },
            () = sleep(deadline) => Some(Input::Tick),
            listens = room(self.events.as_ref(), starved) => {
                if !listens {
                    self.events = None;
                }
                (!listens).then_some(Input::Deaf)
            }
        }
    }

    /// Tells the session how much room there is by now: what it knows of is less, as the application has listened.
    fn feed_room(&mut self) {
        let room = self.events.as_ref().map_or(0, mpsc::Sender::capacity);
        self.feed(Input::Room(room));
    }

    fn received(&mut self, link: LinkId, received: Received) -> Option<Input> {
        let text = match received {
            Received::Text(text) => text,
            Received::End(code, reason) => {
                self.socket = None;
                return Some(Input::Lost { link, code, reason });
            }
        };
        match Down::parse(&text) {
            Ok(frame) => Some(Input::Frame { link, frame }),
            Err(FrameError::UnknownType(kind)) => {
                tracing::debug!(%kind, "the server is newer: a frame of an unknown type is passed over");
                None
            }
            Err(error) => {
                self.socket = None;
                let reason = format!("the server sent a frame that cannot be understood: {error}");
                Some(Input::Lost { link, code: None, reason })
            }
        }
    }

    fn command(&mut self, command: Command) -> Option<Input> {
        self.ticket += 1;
        let ticket = self.ticket;
        Some(match command {
            Command::Send(draft, answer) => {
                self.sends.insert(ticket, answer);
                Input::Send { ticket, draft }
            }
            Command::Request(frame, answer) => {
                self.requests.insert(ticket, answer);
                Input::Request { ticket, frame }
            }
            Command::Delivered(conversation, seq) => Input::Delivered(conversation, seq),
            Command::Read(conversation, seq) => Input::Read(conversation, seq),
            Command::Close => Input::Close,
        })
    }

    fn feed(&mut self, input: Input) {
        let at = At { now: self.start.elapsed(), random: rand::random() };
        for effect in self.session.handle(at, input) {
            self.perform(effect);
        }
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::FetchToken { link } => {
                let credentials = self.credentials.clone();
                self.token = Some(Box::pin(async move { (link, credentials.token().await) }));
            }
            Effect::Dial { link } => {
                self.socket = None;
                self.leaving = None;
                let url = self.url.clone();
                self.dial = Some(Box::pin(async move { (link, Socket::open(url).await) }));
            }
            Effect::Write(frame) => {
                if let Some((_, socket)) = &mut self.socket {
                    socket.push(&frame);
                }
            }
            Effect::Hangup => {
                self.dial = None;
                self.leaving = self.socket.take().map(|(_, socket)| socket);
            }
            Effect::Emit(event) => self.emit(event),
            // Whoever asked may have gone; then nobody wants the answer.
            Effect::Settle(ticket, outcome) => {
                let _ = self.sends.remove(&ticket).map(|answer| answer.send(outcome));
            }
            Effect::Answer(ticket, answer) => {
                let _ = self.requests.remove(&ticket).map(|waiting| waiting.send(answer));
            }
            Effect::End(end) => self.end = Some(end),
        }
    }

    fn emit(&mut self, event: Event) {
        if let (Event::Connected(welcome), Some(welcomed)) = (&event, self.welcomed.take()) {
            let _ = welcomed.send(welcome.clone());
        }
        if let Some(events) = &self.events
            && let Err(mpsc::error::TrySendError::Full(_)) = events.try_send(event)
        {
            // The session gives events only for room that this task, the only sender, has told it of.
            tracing::error!("an event found no room");
        }
    }
}

async fn job<T>(job: &mut Job<T>) -> T {
    match job {
        Some(job) => job.await,
        None => std::future::pending().await,
    }
}

async fn receive(socket: &mut Option<(LinkId, Socket)>) -> (LinkId, Received) {
    match socket {
        Some((link, socket)) => (*link, socket.next().await),
        None => std::future::pending().await,
    }
}

async fn sleep(deadline: Option<tokio::time::Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// Waits for room when there is none, half the queue at once so that what waits is fetched in good portions; and for
/// the end of listening. Whether anybody listens.
async fn room(events: Option<&mpsc::Sender<Event>>, starved: bool) -> bool {
    match events {
        None => std::future::pending().await,
        Some(events) if starved => events.reserve_many(events.max_capacity().div_ceil(2)).await.is_ok(),
        Some(events) => {
            events.closed().await;
            false
        }
    }
}
