//! The shell: one wake-up reads all that is there, decides, hands on one parcel per conversation and writes once.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use causerie_cluster::directory::{Leave, Registration};
use causerie_protocol::frame::{CloseCode, Down, ErrorCode};
use causerie_protocol::{ConversationId, DeviceId, wire};
use ractor::{Actor, ActorProcessingErr, ActorRef, ActorRuntime};

use super::effect::{Effect, Login};
use super::handle::Env;
use super::input::{End, Input};
use super::mailbox::{ConnectionHandle, Look};
use super::outbox::OutboxLimits;
use super::queries;
use super::registry::SessionInfo;
use super::state::{Connection, Session};
use super::transport::{Incoming, Transport, TransportEnd};
use crate::authenticate::Identity;
use crate::bounded::Refused;
use crate::conversation::{ConversationHandle, Origin, Request, refuse_busy};
use crate::node::Node;
use crate::rules::{Draft, Verdict};

/// Rounds of reading before others get their turn.
const ROUNDS: usize = 4;
/// Bytes that are written in one go.
const WRITE: usize = 64 * 1024;
/// How long the end of a connection may take.
const LINGER: Duration = Duration::from_secs(5);
/// Conversations whose handle is remembered.
const CACHE: usize = 8;

/// How a client enters.
pub(crate) enum Entry {
    /// It has to say `hello`; the handshake may have carried a token.
    Hello(Option<Box<str>>),
    /// The embedder vouches for it.
    Known(Identity, DeviceId),
}

/// Starts the actor of a new connection.
pub(crate) fn accept(node: &Arc<Node>, transport: Box<dyn Transport>, entry: Entry) -> ConnectionHandle {
    let limits =
        OutboxLimits { frames: node.settings.out_queue_frames, bytes: node.settings.out_queue_bytes };
    let handle = ConnectionHandle::new(node.connections.number(), limits);
    node.connections.open(&handle);
    node.metrics.connections.inc();
    node.metrics.connections_opened.inc();
    let state = State::new(Arc::clone(node), handle.clone(), transport, entry);
    match ActorRuntime::spawn_instant(None, ConnectionActor, state) {
        // The task is not joined: the state takes the connection out of the tables when it is dropped.
        Ok((actor, _)) => handle.attach(actor),
        Err(error) => tracing::error!(%error, "a connection could not be started"),
    }
    handle
}

struct ConnectionActor;

impl Actor for ConnectionActor {
    type Msg = Look;
    type State = Box<State>;
    type Arguments = Box<State>;

    async fn pre_start(
        &self,
        _: ActorRef<Look>,
        state: Box<State>,
    ) -> Result<Box<State>, ActorProcessingErr> {
        Ok(state)
    }

    async fn handle(
        &self,
        myself: ActorRef<Look>,
        _: Look,
        state: &mut Box<State>,
    ) -> Result<(), ActorProcessingErr> {
        if state.look().await.is_break() {
            myself.stop(None);
        }
        Ok(())
    }
}

/// What the actor holds. Dropping it, also by a failure, takes the connection out of all tables.
struct State {
    node: Arc<Node>,
    handle: ConnectionHandle,
    core: Connection,
    transport: Box<dyn Transport>,
    entry: Option<(Identity, DeviceId)>,
    /// Frames that were read in one go but may not be taken in yet.
    backlog: VecDeque<Box<str>>,
    /// Bytes on their way to the socket.
    out: Vec<u8>,
    cache: Vec<(ConversationId, ConversationHandle)>,
    origin: Option<Arc<Origin>>,
    left: bool,
    /// Until when the client may take its last bytes.
    linger: Option<Duration>,
    gone: bool,
    paused: bool,
}

impl Drop for State {
    fn drop(&mut self) {
        self.leave(Leave::Orderly);
        self.node.metrics.connections.dec();
        let user = self.origin.as_ref().map(|origin| &origin.user);
        self.node.connections.remove(&self.handle, user);
    }
}

type Flow = std::ops::ControlFlow<()>;

impl State {
    fn new(
        node: Arc<Node>,
        handle: ConnectionHandle,
        transport: Box<dyn Transport>,
        entry: Entry,
    ) -> Box<Self> {
        let now = node.clock.monotonic();
        let (core, entry) = match entry {
            Entry::Hello(token) => (Connection::new(handle.clone(), token, &node.settings, now), None),
            Entry::Known(identity, device) => {
                (Connection::known(handle.clone(), now), Some((identity, device)))
            }
        };
        let (backlog, out, cache) = (VecDeque::new(), Vec::new(), Vec::new());
        let state = Self {
            node,
            handle,
            core,
            transport,
            entry,
            backlog,
            out,
            cache,
            origin: None,
            left: false,
            linger: None,
            gone: false,
            paused: false,
        };
        Box::new(state)
    }

    /// Everything that can be done now.
    async fn look(&mut self) -> Flow {
        self.handle.clear_bell();
        let mut effects = Vec::new();
        self.enter(&mut effects);
        self.notice(&mut effects);
        self.perform(&mut effects).await;
        for round in 0.. {
            if round == ROUNDS {
                self.handle.ring();
                break;
            }
            let more = self.read(&mut effects);
            self.take_in(None, &mut effects);
            self.perform(&mut effects).await;
            if !more {
                break;
            }
        }
        let freed = self.write();
        if self.core.has_ended() {
            return self.shut_down();
        }
        // Answers that have just gone out may have made room for what could not be read before.
        if freed && self.paused {
            self.handle.ring();
        }
        Flow::Continue(())
    }

    /// The first look at a client whose identity is known.
    fn enter(&mut self, effects: &mut Vec<Effect>) {
        if let Some((identity, device)) = self.entry.take() {
            let login = Login { id: None, token: Box::default(), device: Some(device), agent: None };
            effects.push(Effect::Register { identity, login });
        }
    }

    /// What others left: a wish to end, the time.
    fn notice(&mut self, effects: &mut Vec<Effect>) {
        if self.handle.take_timer() {
            self.cache.clear();
            self.feed(Input::Tick, effects);
        }
        if self.handle.take_check()
            && self.core.identity().is_some_and(|identity| self.node.revocations.revoked(identity))
        {
            self.handle.end(End::REVOKED);
        }
        if let Some(end) = self.handle.take_end() {
            // What waits goes out before the goodbye.
            let drained = self.handle.drain(&mut self.out, usize::MAX);
            self.feed(Input::Answered(drained.answers), effects);
            self.feed(Input::End(end), effects);
        }
    }

    /// Reads once; returns whether there may be more.
    fn read(&mut self, effects: &mut Vec<Effect>) -> bool {
        while self.core.wants_more(&self.node.settings) {
            let Some(frame) = self.backlog.pop_front() else { break };
            self.feed(Input::Frame(&frame), effects);
        }
        if !self.backlog.is_empty() || !self.may_read() {
            return false;
        }
        self.backlog = VecDeque::new();
        let waker = self.handle.waker();
        let mut context = Context::from_waker(&waker);
        let node = Arc::clone(&self.node);
        let env = env(&node);
        let (core, backlog) = (&mut self.core, &mut self.backlog);
        let mut frames = 0;
        let read = self.transport.poll_read(&mut context, &mut |incoming| match incoming {
            Incoming::Text(frame) => {
                frames += 1;
                if backlog.is_empty() && core.wants_more(&node.settings) {
                    core.handle(Input::Frame(frame), &env, effects);
                } else if !core.has_ended() {
                    backlog.push_back(frame.into());
                }
            }
            Incoming::Heartbeat => core.handle(Input::Heartbeat, &env, effects),
        }, &mut self.out);
        self.node.metrics.frames_in.inc_by(frames);
        match read {
            Poll::Ready(Ok(())) => true,
            Poll::Pending => false,
            Poll::Ready(Err(end)) => {
                self.gone |= matches!(end, TransportEnd::Broken(_));
                self.feed(Input::Gone(end), effects);
                false
            }
        }
    }

    /// A client that does not take its answers is not read either: its queue stays bounded by what it asked for.
    fn may_read(&mut self) -> bool {
        if self.core.has_ended() {
            return false;
        }
        let (_, waiting) = self.handle.waiting();
        let room = waiting < self.node.settings.out_queue_bytes && self.out.len() < WRITE;
        let may = self.core.wants_more(&self.node.settings) && room;
        if !may && !self.paused {
            self.node.metrics.reads_paused.inc();
        }
        self.paused = !may;
        may
    }

    fn feed(&mut self, input: Input<'_>, effects: &mut Vec<Effect>) {
        let env = env(&self.node);
        self.core.handle(input, &env, effects);
    }

    fn take_in(&mut self, input: Option<Input<'_>>, effects: &mut Vec<Effect>) {
        let env = env(&self.node);
        if let Some(input) = input {
            self.core.handle(input, &env, effects);
        }
        self.core.settle(&env, effects);
    }

    /// Performs effects until there are none; what a conversation is asked goes there in one parcel at the end.
    async fn perform(&mut self, effects: &mut Vec<Effect>) {
        let mut parcels: Vec<(ConversationId, Vec<Request>)> = Vec::new();
        while !effects.is_empty() {
            for effect in std::mem::take(effects) {
                match effect {
                    Effect::Ask(conversation, request) => {
                        let Some(request) = review(&self.node, conversation, request).await else { continue };
                        match parcels.iter_mut().find(|(id, _)| *id == conversation) {
                            Some((_, parcel)) => parcel.push(request),
                            None => parcels.push((conversation, vec![request])),
                        }
                    }
                    Effect::Authenticate(login) => {
                        let wall = self.node.clock.wall();
                        let limit = self.node.settings.hello_timeout;
                        let checked = self.node.authenticator.authenticate(&login.token, wall);
                        let result = tokio::time::timeout(limit, checked).await.unwrap_or_else(|_| {
                            Err(crate::authenticate::AuthenticateError::Unavailable(
                                "no answer in time".to_owned(),
                            ))
                        });
                        self.take_in(Some(Input::Authenticated { result, login }), effects);
                    }
                    Effect::Register { identity, login } => {
                        let registered = self.register(identity, login);
                        self.take_in(Some(Input::Registered(registered)), effects);
                    }
                    other => self.perform_one(other),
                }
            }
        }
        for (conversation, parcel) in parcels {
            self.hand_on(conversation, parcel);
        }
    }

    fn perform_one(&mut self, effect: Effect) {
        match effect {
            Effect::Down(frame) => {
                if let Down::Error(error) = &*frame {
                    self.node.metrics.count_error(error.code);
                }
                wire::down(&mut self.out, &frame);
            }
            Effect::Query(query, reply) => {
                if let Some(origin) = &self.origin {
                    let answer = queries::answer(Arc::clone(&self.node), Arc::clone(origin), query, reply);
                    self.node.background.job(answer);
                }
            }
            Effect::Unwatch(users) => self.node.directory.unwatch(self.handle.id(), &users),
            Effect::TickAt(at) => self.node.wheel.at(at, self.handle.sleeper()),
            Effect::Close(code, reason) => {
                if code == CloseCode::Lagging {
                    // The socket takes nothing: what waits is given up, and the close frame may never arrive.
                    self.node.metrics.closed_lagging.inc();
                    self.gone = true;
                }
                self.transport.write_close(code, reason, &mut self.out);
            }
            Effect::Leave(leave) => self.leave(leave),
            Effect::Ask(..) | Effect::Authenticate(_) | Effect::Register { .. } => {}
        }
    }

    fn register(&mut self, identity: Identity, login: Login) -> Result<Session, End> {
        let node = &self.node;
        let Some(device) = login.device else { return Err(End::KICKED) };
        if node.connections.is_draining() {
            return Err(End::draining(1000));
        }
        let connection = Some(self.handle.clone());
        let origin = Arc::new(Origin { user: identity.user.clone(), device: device.clone(), connection });
        let info = SessionInfo {
            connection: self.handle.id(),
            user: identity.user.clone(),
            device: device.clone(),
            agent: login.agent,
            peer: self.transport.peer(),
            since: node.clock.wall(),
        };
        let settings = &node.settings;
        let now = node.clock.monotonic();
        let added =
            node.connections.add(&self.handle, info, settings.connections_per_user, settings.user_sends, now);
        let Some(user_sends) = added else {
            let reason = "too many connections of this user";
            return Err(End { code: CloseCode::TooMany, reason, reconnect_after_ms: Some(30_000) });
        };
        self.origin = Some(Arc::clone(&origin));
        let registration = Registration { device, connection: self.handle.id(), since: node.clock.wall() };
        if let Some(replaced) = node.directory.register(&identity.user, registration)
            && let Some(older) = node.connections.get(replaced)
        {
            older.end(End::REPLACED);
        }
        // Checked after registration, so that a revocation finds either the check or the connection.
        if node.revocations.revoked(&identity) {
            return Err(End::REVOKED);
        }
        self.transport.authenticated();
        Ok(Session { origin, identity, user_sends, hello: login.id })
    }

    fn leave(&mut self, leave: Leave) {
        if std::mem::replace(&mut self.left, true) {
            return;
        }
        if let Some(origin) = &self.origin {
            let (now, wall) = (self.node.clock.monotonic(), self.node.clock.wall());
            self.node.directory.unregister(&origin.user, self.handle.id(), leave, now, wall);
        }
    }

    /// Hands one conversation what it is asked, all at once and in order.
    fn hand_on(&mut self, conversation: ConversationId, mut parcel: Vec<Request>) {
        loop {
            let handle = self.conversation(conversation);
            match handle.send(parcel) {
                Ok(()) => return,
                Err((back, Refused::Closed)) => {
                    self.cache.retain(|(id, _)| *id != conversation);
                    parcel = back;
                }
                Err((back, Refused::Full)) => return refuse_busy(back),
            }
        }
    }

    fn conversation(&mut self, id: ConversationId) -> ConversationHandle {
        if let Some((_, handle)) = self.cache.iter().find(|(cached, _)| *cached == id) {
            return handle.clone();
        }
        let handle = self.node.conversations.get(&self.node, id);
        if self.cache.len() == CACHE {
            self.cache.remove(0);
        }
        self.cache.push((id, handle.clone()));
        handle
    }

    /// Writes what there is; returns whether answers went out.
    fn write(&mut self) -> bool {
        let waker = self.handle.waker();
        let mut context = Context::from_waker(&waker);
        let (mut answers, mut blocked) = (0, false);
        while !self.gone {
            if self.out.len() < WRITE && !self.core.has_ended() {
                let drained = self.handle.drain(&mut self.out, WRITE);
                answers += drained.answers;
                self.node.metrics.replaced_by_head.inc_by(drained.replaced as u64);
            }
            if self.out.is_empty() {
                break;
            }
            let before = self.out.len();
            let written = self.transport.poll_write(&mut context, &mut self.out);
            self.node.metrics.bytes_out.inc_by((before - self.out.len()) as u64);
            match written {
                Poll::Ready(Ok(())) => {}
                Poll::Pending => {
                    blocked = before == self.out.len();
                    break;
                }
                Poll::Ready(Err(error)) => {
                    self.gone = true;
                    self.take_in(Some(Input::Gone(TransportEnd::Broken(error.to_string()))), &mut Vec::new());
                    self.leave(Leave::Orderly);
                }
            }
        }
        if self.gone {
            self.out = Vec::new();
        }
        let mut effects = Vec::new();
        self.feed(Input::Answered(answers), &mut effects);
        self.take_in(Some(Input::Blocked(blocked)), &mut effects);
        for effect in effects {
            self.perform_one(effect);
        }
        if !self.out.is_empty() && !blocked && !self.gone {
            self.handle.ring();
        }
        answers > 0
    }

    /// Ends the stream when the last bytes are out, or when the client does not take them in time.
    fn shut_down(&mut self) -> Flow {
        let now = self.node.clock.monotonic();
        let Some(until) = self.linger else {
            self.linger = Some(now + LINGER);
            self.node.wheel.at(now + LINGER, self.handle.sleeper());
            self.handle.ring();
            return Flow::Continue(());
        };
        let waker = self.handle.waker();
        let done = self.out.is_empty() && self.transport.poll_shutdown(&mut Context::from_waker(&waker)).is_ready();
        if self.gone || done || now >= until { Flow::Break(()) } else { Flow::Continue(()) }
    }
}

fn env(node: &Node) -> Env<'_> {
    Env {
        now: node.clock.monotonic(),
        wall: node.clock.wall(),
        settings: &node.settings,
        waiting_bytes: &node.waiting_bytes,
    }
}

/// The embedder's check that takes time. A refusal answers the sender.
async fn review(node: &Node, conversation: ConversationId, request: Request) -> Option<Request> {
    let Request::Send(send) = request else { return Some(request) };
    let draft = Draft { conversation, from: &send.from.user, body: &send.body };
    let verdict = match node.rules.review(draft) {
        Some(review) => review.await,
        None => Verdict::Allow,
    };
    match verdict {
        Verdict::Allow => Some(Request::Send(send)),
        Verdict::Deny(why) => {
            node.metrics.count_error(ErrorCode::Forbidden);
            send.reply.error(ErrorCode::Forbidden, why);
            None
        }
    }
}
