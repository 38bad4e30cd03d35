//! The embedder's door: a builder, and the handle of a running node.

use std::sync::Arc;
use std::time::Duration;

use causerie_cluster::directory::LocalDirectory;
use causerie_cluster::ownership::SoleOwner;
use causerie_protocol::frame::{ErrorCode, ErrorFrame};
use causerie_protocol::snowflake::Snowflake;
use causerie_protocol::{Clock, DeviceId, SystemClock, UserId};
use causerie_store::model::Revocation;
use causerie_store::port::{ReadError, Store, WriteError};
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::authenticate::{AuthenticateError, Authenticator, BoxFuture, Identity};
use crate::background::Background;
use crate::bounded::Bound;
use crate::connection::{self, ConnectionHandle, Connections, End, Outgoing, SessionInfo, Transport};
use crate::conversation::{Change, Conversations, Origin, Request};
use crate::local_user::LocalUser;
use crate::metrics::Metrics;
use crate::node::Node;
use crate::revocation::Revocations;
use crate::rules::{DefaultRules, Rules};
use crate::settings::Settings;
use crate::sink::{EventSink, run_sink};
use crate::wheel::{TICK, Wheel};

/// How far ahead of the clock the ceiling of message ids is kept.
const CEILING: Duration = Duration::from_secs(30);
/// How often presence is told.
const PRESENCE: Duration = Duration::from_millis(500);

/// Why a node did not start. Nothing is running.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No store was given.
    #[error("a node needs a store: `Chat::builder().store(…)`")]
    NoStore,
    /// The store cannot be read.
    #[error("the store cannot be read: {0}")]
    Read(#[from] ReadError),
    /// The store cannot be written.
    #[error("the store cannot be written: {0}")]
    Write(#[from] WriteError),
}

/// Puts a node together.
#[must_use]
pub struct ChatBuilder {
    store: Option<Arc<dyn Store>>,
    rules: Arc<dyn Rules>,
    authenticator: Arc<dyn Authenticator>,
    clock: Arc<dyn Clock>,
    sink: Option<Arc<dyn EventSink>>,
    settings: Settings,
}

/// Accepts no token: for embedders that vouch for their clients with [`Chat::attach`].
struct NoTokens;

impl Authenticator for NoTokens {
    fn authenticate<'a>(
        &'a self,
        _: &'a str,
        _: causerie_protocol::Timestamp,
    ) -> BoxFuture<'a, Result<Identity, AuthenticateError>> {
        Box::pin(async { Err(AuthenticateError::Refused("this server takes no tokens".to_owned())) })
    }
}

impl ChatBuilder {
    /// Where everything is kept. Needed.
    pub fn store(mut self, store: Arc<dyn Store>) -> Self {
        self.store = Some(store);
        self
    }

    /// Who may do what; the protocol's own rules unless given.
    pub fn rules(mut self, rules: impl Rules) -> Self {
        self.rules = Arc::new(rules);
        self
    }

    /// Who is who; no token is accepted unless given.
    pub fn authenticator(mut self, authenticator: Arc<dyn Authenticator>) -> Self {
        self.authenticator = authenticator;
        self
    }

    /// The clocks; the machine's unless given.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Where the event log is handed on to.
    pub fn events(mut self, sink: impl EventSink) -> Self {
        self.sink = Some(Arc::new(sink));
        self
    }

    /// The bounds.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Starts the node. Needs a tokio runtime.
    ///
    /// # Errors
    /// [`StartError`]; nothing is running then.
    pub async fn start(self) -> Result<Chat, StartError> {
        let store = self.store.ok_or(StartError::NoStore)?;
        let grant = store.grant();
        let revocations = Revocations::new(store.revocations().await?, store.suspended().await?);
        let metrics = Metrics::default();
        let mut ids = Snowflake::new(grant.node, grant.id_floor);
        let ceiling = self.clock.wall().max(grant.id_floor).plus(CEILING);
        store.raise_id_ceiling(ceiling).await?;
        ids.raise_ceiling(ceiling);
        let node = Arc::new(Node {
            ownership: Arc::new(SoleOwner::new(Arc::clone(&store))),
            directory: Arc::new(LocalDirectory::new(self.settings.presence_grace)),
            waiting_bytes: Bound::new(self.settings.node_queue_bytes),
            background: Background::new(self.settings.reads_in_flight, metrics.clone()),
            clock: self.clock,
            store,
            rules: self.rules,
            authenticator: self.authenticator,
            revocations,
            ids: Mutex::new(ids),
            conversations: Conversations::default(),
            connections: Connections::default(),
            wheel: Wheel::default(),
            metrics,
            settings: self.settings,
        });
        let (stop, stopped) = watch::channel(false);
        run_loops(&node, &stopped, self.sink);
        Ok(Chat { inner: Arc::new(Inner { node, stop }) })
    }
}

fn run_loops(node: &Arc<Node>, stopped: &watch::Receiver<bool>, sink: Option<Arc<dyn EventSink>>) {
    let run = |task: BoxFuture<'static, ()>| {
        let mut stopped = stopped.clone();
        node.background.spawn(async move {
            tokio::select! {
                () = task => {}
                // An error means that the node was dropped, which stops it too.
                _ = stopped.wait_for(|stopped| *stopped) => {}
            }
        });
    };
    run(Box::pin(turn_wheel(Arc::clone(node))));
    run(Box::pin(tell_presence(Arc::clone(node))));
    run(Box::pin(raise_ceiling(Arc::clone(node))));
    if let Some(sink) = sink {
        node.background.spawn(run_sink(Arc::clone(node), sink, stopped.clone()));
    }
}

async fn turn_wheel(node: Arc<Node>) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        node.wheel.turn(node.clock.monotonic());
    }
}

async fn tell_presence(node: Arc<Node>) {
    let mut ticks = tokio::time::interval(PRESENCE);
    loop {
        ticks.tick().await;
        let (changes, gone) = node.directory.changes(node.clock.monotonic());
        for change in changes {
            let (user, online, last_seen) = (change.user, change.online, change.last_seen);
            let presence = causerie_protocol::frame::down::Presence { user, online, last_seen };
            for watcher in change.watchers.into_iter().filter_map(|id| node.connections.get(id)) {
                watcher.push(Outgoing::Presence(presence.clone()));
            }
        }
        if !gone.is_empty()
            && let Err(error) = node.store.put_last_seen(gone).await
        {
            tracing::warn!(%error, "when users were last seen was not kept");
        }
    }
}

/// Keeps the durable ceiling of message ids ahead of the clock and of the ids.
async fn raise_ceiling(node: Arc<Node>) {
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    let mut raised = causerie_protocol::Timestamp(0);
    loop {
        ticks.tick().await;
        let ahead = node.clock.wall().max(node.ids.lock().last()).plus(CEILING);
        if ahead < raised.plus(CEILING / 3) {
            continue;
        }
        match node.store.raise_id_ceiling(ahead).await {
            Ok(()) => {
                node.ids.lock().raise_ceiling(ahead);
                raised = ahead;
            }
            Err(error) => tracing::warn!(%error, "the ceiling of message ids was not raised"),
        }
    }
}

struct Inner {
    node: Arc<Node>,
    stop: watch::Sender<bool>,
}

/// A running node. Clones are the same node.
#[derive(Clone)]
pub struct Chat {
    inner: Arc<Inner>,
}

impl Chat {
    /// Begins to put a node together.
    pub fn builder() -> ChatBuilder {
        ChatBuilder {
            store: None,
            rules: Arc::new(DefaultRules),
            authenticator: Arc::new(NoTokens),
            clock: Arc::new(SystemClock::default()),
            sink: None,
            settings: Settings::default(),
        }
    }

    /// Serves a client that has to say `hello`; `token` is what its handshake carried, if anything.
    pub fn accept(&self, transport: impl Transport, token: Option<Box<str>>) -> ConnectionHandle {
        connection::accept(self.node(), Box::new(transport), connection::Entry::Hello(token))
    }

    /// Serves a client whose identity the embedder vouches for: it is welcomed at once.
    pub fn attach(
        &self,
        identity: Identity,
        device: DeviceId,
        transport: impl Transport,
    ) -> ConnectionHandle {
        connection::accept(self.node(), Box::new(transport), connection::Entry::Known(identity, device))
    }

    /// A user of this process: what it does goes the same way as what clients do.
    pub fn user(&self, user: UserId, device: DeviceId) -> LocalUser {
        let origin = Arc::new(Origin { user, device, connection: None });
        LocalUser { node: Arc::clone(self.node()), origin }
    }

    /// The store, for reading.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.node().store
    }

    /// The bounds.
    pub fn settings(&self) -> &Settings {
        &self.node().settings
    }

    /// What is counted.
    pub fn metrics(&self) -> &Metrics {
        &self.node().metrics
    }

    /// How many connections, and how many conversations, are open.
    pub fn open(&self) -> (usize, usize) {
        (self.node().connections.len(), self.node().conversations.len())
    }

    /// Whether no client is welcomed any more.
    pub fn is_draining(&self) -> bool {
        self.node().connections.is_draining()
    }

    /// The clients that are known.
    pub fn sessions(&self) -> Vec<SessionInfo> {
        self.node().connections.sessions()
    }

    /// Closes a user's connections, or just that of one device. Returns how many.
    pub fn kick(&self, user: &UserId, device: Option<&DeviceId>) -> usize {
        self.end_sessions(&End::KICKED, |session| {
            session.user == *user && device.is_none_or(|device| session.device == *device)
        })
    }

    /// Refuses tokens from now on, and closes the connections that were opened with them.
    ///
    /// # Errors
    /// [`WriteError`] when it is not kept; then nothing was closed.
    pub async fn revoke(&self, revocation: Revocation) -> Result<usize, WriteError> {
        let node = self.node();
        node.store.put_revocation(revocation.clone(), node.clock.wall()).await?;
        node.revocations.add(revocation.clone());
        let mut count = 0;
        match &revocation {
            Revocation::User(user, _) => node.connections.of_user(user, |connection| {
                count += 1;
                connection.end(End::REVOKED);
            }),
            // Which connections a token opened is known to themselves: each looks again.
            Revocation::Token(..) => {
                for connection in node.connections.all() {
                    connection.check_revocation();
                    count += 1;
                }
            }
        }
        Ok(count)
    }

    /// Overwrites what a user wrote, ends its memberships of groups, and forgets what is kept of it.
    ///
    /// # Errors
    /// The refusal or failure of a step; the steps before it are done, and doing it again goes on.
    pub async fn erase(&self, user: &UserId) -> Result<(), ErrorFrame> {
        let device = DeviceId::new("erasure")
            .map_err(|error| ErrorFrame::new(None, ErrorCode::Internal, error.to_string()))?;
        self.end_sessions(&End::REVOKED, |session| session.user == *user);
        let unavailable = |error: String| ErrorFrame::new(None, ErrorCode::Unavailable, error);
        let mine = self
            .store()
            .conversations_of(user.clone())
            .await
            .map_err(|error| unavailable(error.to_string()))?;
        let me = self.user(user.clone(), device);
        for conversation in mine {
            me.ask(conversation.conversation, |origin, reply| Request::Erase(origin.user.clone(), reply))
                .await?;
            let group = conversation.row.kind == causerie_protocol::frame::down::ConversationKind::Group;
            if group && !conversation.removed {
                me.change(conversation.conversation, Change::Leave).await?;
            }
        }
        self.store().erase_user(user.clone()).await.map_err(|error| unavailable(error.to_string()))
    }

    /// Stops welcoming clients, tells those that are here to come back after `reconnect_after` (spread over as long
    /// again), and waits until they are gone or `deadline` has passed.
    pub async fn drain(&self, reconnect_after: Duration, deadline: Duration) {
        let node = self.node();
        node.connections.drain();
        let base = u64::try_from(reconnect_after.as_millis()).unwrap_or(u64::MAX);
        for connection in node.connections.all() {
            // Spread by id: neighbours come back at different times.
            let spread = connection.id().0.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
            connection.end(End::draining(base + spread % base.max(1)));
        }
        let gone = async {
            while !node.connections.is_empty() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        if tokio::time::timeout(deadline, gone).await.is_err() {
            tracing::warn!(connections = node.connections.len(), "clients did not go in time");
        }
    }

    /// Ends the node. Clients should be gone, see [`drain`](Self::drain); those that are not are closed. Conversations
    /// finish what is under way, cursors included, for which they get as long as
    /// [`outcome_deadline`](Settings::outcome_deadline).
    ///
    /// When this has returned and the last [`Chat`] and [`LocalUser`] of the node are dropped, its store is dropped too,
    /// and what it was opened on can be opened again.
    pub async fn stop(&self) {
        let node = self.node();
        node.connections.drain();
        for connection in node.connections.all() {
            connection.end(End::draining(1000));
        }
        node.conversations.close_idle();
        let ended = node.background.actors_ended();
        if tokio::time::timeout(node.settings.outcome_deadline, ended).await.is_err() {
            let (connections, conversations) = self.open();
            tracing::warn!(connections, conversations, "not everything ended in time");
        }
        // Fails only when the loops have ended already.
        let _ = self.inner.stop.send(true);
        node.background.join().await;
    }

    fn end_sessions(&self, end: &End, which: impl Fn(&SessionInfo) -> bool) -> usize {
        let node = self.node();
        let chosen: Vec<_> = node.connections.sessions().into_iter().filter(which).collect();
        for session in &chosen {
            if let Some(connection) = node.connections.get(session.connection) {
                connection.end(end.clone());
            }
        }
        chosen.len()
    }

    pub(crate) fn node(&self) -> &Arc<Node> {
        &self.inner.node
    }
}
