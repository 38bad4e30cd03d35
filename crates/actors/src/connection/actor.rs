//! The shell: one wake-up reads all that is there, decides, hands on one parcel per conversation and writes once.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use causerie_cluster::directory::Leave;
use causerie_protocol::{ConversationId, DeviceId, Timestamp};
use ractor::{Actor, ActorProcessingErr, ActorRef, ActorRuntime};
use tokio_util::task::task_tracker::TaskTrackerToken;
use tracing::{Instrument, Span};

use super::effect::{Effect, Login};
use super::handle::Env;
use super::input::Input;
use super::mailbox::{ConnectionHandle, Look};
use super::outbox::OutboxLimits;
use super::state::Connection;
use super::transport::Transport;
use crate::authenticate::Identity;
use crate::conversation::{ConversationHandle, Origin};
use crate::node::Node;

/// Rounds of reading before others get their turn.
const ROUNDS: usize = 4;

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
        // Joined by its token; the state takes the connection out of the tables when it is dropped.
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
        let span = state.span.clone();
        if state.look().instrument(span).await.is_break() {
            myself.stop(None);
        }
        Ok(())
    }
}

/// What the actor holds. Dropping it, also by a failure, takes the connection out of all tables.
pub(super) struct State {
    pub(super) node: Arc<Node>,
    pub(super) handle: ConnectionHandle,
    pub(super) core: Connection,
    pub(super) transport: Box<dyn Transport>,
    pub(super) entry: Option<(Identity, DeviceId)>,
    /// Frames that were read in one go but may not be taken in yet.
    pub(super) backlog: VecDeque<Box<str>>,
    /// Bytes on their way to the socket.
    pub(super) out: Vec<u8>,
    pub(super) cache: Vec<(ConversationId, ConversationHandle)>,
    pub(super) origin: Option<Arc<Origin>>,
    pub(super) time: Time,
    pub(super) left: bool,
    /// Until when the client may take its last bytes.
    pub(super) linger: Option<Duration>,
    pub(super) gone: bool,
    /// The transport has to be asked again, even if there is nothing more to write.
    pub(super) unflushed: bool,
    pub(super) paused: bool,
    /// Whether it is counted why the connection ended.
    pub(super) closed: bool,
    /// What is logged below while the connection works; off unless someone looks at this level.
    span: Span,
    /// Dropped last: the node waits for it.
    _token: TaskTrackerToken,
}

impl Drop for State {
    fn drop(&mut self) {
        self.leave(Leave::Orderly);
        if !self.closed {
            self.closed("client");
        }
        self.node.metrics.connections.dec();
        let user = self.origin.as_ref().map(|origin| &origin.user);
        self.node.connections.remove(&self.handle, user);
    }
}

pub(super) type Flow = std::ops::ControlFlow<()>;

impl State {
    fn new(
        node: Arc<Node>,
        handle: ConnectionHandle,
        transport: Box<dyn Transport>,
        entry: Entry,
    ) -> Box<Self> {
        let time = Time::now(&node);
        let now = time.now;
        let (core, entry) = match entry {
            Entry::Hello(token) => (Connection::new(handle.clone(), token, &node.settings, now), None),
            Entry::Known(identity, device) => {
                (Connection::known(handle.clone(), now), Some((identity, device)))
            }
        };
        let span =
            tracing::debug_span!("connection", connection = handle.id().0, user = tracing::field::Empty);
        span.in_scope(|| {
            tracing::debug!(connection = handle.id().0, peer = transport.peer(), "connection opened");
        });
        let token = node.background.actor();
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
            time,
            left: false,
            linger: None,
            gone: false,
            unflushed: false,
            paused: false,
            closed: false,
            span,
            _token: token,
        };
        Box::new(state)
    }

    /// Everything that can be done now.
    async fn look(&mut self) -> Flow {
        self.handle.clear_bell();
        self.time = Time::now(&self.node);
        let mut effects = Vec::new();
        self.enter(&mut effects);
        self.notice(&mut effects);
        if !effects.is_empty() {
            self.perform(&mut effects).await;
            self.time = Time::now(&self.node);
        }
        for round in 0.. {
            if round == ROUNDS {
                self.handle.ring();
                break;
            }
            let more = self.read(&mut effects);
            self.take_in(None, &mut effects);
            if !effects.is_empty() {
                self.perform(&mut effects).await;
                self.time = Time::now(&self.node);
            }
            if !more {
                break;
            }
        }
        self.write();
        if self.core.has_ended() {
            return self.shut_down();
        }
        // What has just gone out may have made room for what could not be read before: nothing else would wake for it.
        if self.paused && self.may_read() {
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
            && let Some(end) = self.core.identity().and_then(|it| self.node.revocations.refusal(it))
        {
            self.handle.end(end);
        }
        if let Some(end) = self.handle.take_end()
            && !self.core.has_ended()
        {
            // What waits goes out before the goodbye.
            let drained = self.handle.drain(&mut self.out, usize::MAX);
            self.feed(Input::Answered(drained.answers), effects);
            self.feed(Input::End(end), effects);
        }
    }

    /// From now on it is known whose connection this is.
    pub(super) fn welcomed(&self, origin: &Origin) {
        self.span.record("user", origin.user.as_str());
        let (user, device) = (origin.user.as_str(), origin.device.as_str());
        tracing::debug!(connection = self.handle.id().0, user, device, "signed in");
    }

    /// Why the connection ends.
    pub(super) fn closed(&mut self, reason: &'static str) {
        self.closed = true;
        self.node.metrics.count_close(reason);
        let connection = self.handle.id().0;
        self.span.in_scope(|| tracing::debug!(connection, reason, "connection ended"));
    }

    pub(super) fn feed(&mut self, input: Input<'_>, effects: &mut Vec<Effect>) {
        let env = env(&self.node, self.time);
        self.core.handle(input, &env, effects);
    }

    pub(super) fn take_in(&mut self, input: Option<Input<'_>>, effects: &mut Vec<Effect>) {
        let env = env(&self.node, self.time);
        if let Some(input) = input {
            self.core.handle(input, &env, effects);
        }
        self.core.settle(&env, effects);
        self.handle.note_unanswered(self.core.unanswered);
    }
}

/// One look of the clocks serves all that is decided until something is waited for.
#[derive(Clone, Copy)]
pub(super) struct Time {
    now: Duration,
    wall: Timestamp,
}

impl Time {
    pub(super) fn now(node: &Node) -> Self {
        Self { now: node.clock.monotonic(), wall: node.clock.wall() }
    }
}

pub(super) fn env(node: &Node, time: Time) -> Env<'_> {
    Env { now: time.now, wall: time.wall, settings: &node.settings, waiting_bytes: &node.waiting_bytes }
}
