//! Putting a node together.

use std::sync::{Arc, Weak};

use causerie_cluster::directory::{Directory, DirectoryObserver, LocalDirectory};
use causerie_cluster::ownership::SoleOwner;
use causerie_protocol::snowflake::Snowflake;
use causerie_protocol::{Clock, SystemClock, Timestamp};
use causerie_store::port::{ReadError, Store};
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::authenticate::{AuthenticateError, Authenticator, BoxFuture, Identity};
use crate::background::Background;
use crate::bounded::Bound;
use crate::chat::Chat;
use crate::connection::Connections;
use crate::conversation::{Answers, Conversations};
use crate::listener::CommitListener;
use crate::loops::{CEILING, run_loops};
use crate::metrics::Metrics;
use crate::node::Node;
use crate::revocation::Revocations;
use crate::rules::{DefaultRules, Rules};
use crate::settings::Settings;
use crate::sink::EventSink;
use crate::wheel::Wheel;

/// Why a node did not start. Nothing is running.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No store was given.
    #[error("a node needs a store: `Chat::builder().store(…)`")]
    NoStore,
    /// A sink was given, and the store keeps no event log to read it from.
    #[error("a sink of events needs a store with an event log; this one emits its events to a broker")]
    NoEventLog,
    /// The store cannot be read.
    #[error("the store cannot be read: {0}")]
    Read(#[from] ReadError),
}

/// Puts a node together.
#[must_use]
pub struct ChatBuilder {
    store: Option<Arc<dyn Store>>,
    rules: Arc<dyn Rules>,
    authenticator: Arc<dyn Authenticator>,
    clock: Arc<dyn Clock>,
    sink: Option<Arc<dyn EventSink>>,
    listener: Option<Arc<dyn CommitListener>>,
    observer: Option<Box<dyn DirectoryObserver>>,
    settings: Settings,
}

/// Accepts no token: for embedders that vouch for their clients with [`Chat::attach`].
struct NoTokens;

impl Authenticator for NoTokens {
    fn authenticate<'a>(
        &'a self,
        _: &'a str,
        _: Timestamp,
    ) -> BoxFuture<'a, Result<Identity, AuthenticateError>> {
        Box::pin(async { Err(AuthenticateError::Refused("this server takes no tokens".to_owned())) })
    }
}

impl Default for ChatBuilder {
    fn default() -> Self {
        Self {
            store: None,
            rules: Arc::new(DefaultRules),
            authenticator: Arc::new(NoTokens),
            clock: Arc::new(SystemClock::default()),
            sink: None,
            listener: None,
            observer: None,
            settings: Settings::default(),
        }
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

    /// Where the event log is handed on to, from where the sink says that it stopped.
    pub fn events(mut self, sink: impl EventSink) -> Self {
        self.sink = Some(Arc::new(sink));
        self
    }

    /// Who hears what is committed, as it happens: an emitter of events, for a store that keeps no log of them.
    pub fn listener(mut self, listener: Arc<dyn CommitListener>) -> Self {
        self.listener = Some(listener);
        self
    }

    /// Who hears who comes and goes: a mirror of the directory for others.
    pub fn directory_observer(mut self, observer: impl DirectoryObserver) -> Self {
        self.observer = Some(Box::new(observer));
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
        if self.sink.is_some() && store.event_log().is_none() {
            return Err(StartError::NoEventLog);
        }
        let grant = store.grant();
        let revocations = Revocations::new(store.revocations().await?, store.suspended().await?);
        let metrics = Metrics::default();
        let mut ids = Snowflake::new(grant.node, grant.id_floor);
        let ceiling = self.clock.wall().max(grant.id_floor).plus(CEILING);
        match store.raise_id_ceiling(ceiling).await {
            Ok(()) => ids.raise_ceiling(ceiling),
            // What is stored can be read meanwhile; sends are refused until the ceiling is raised.
            Err(error) => tracing::warn!(%error, "there are no message ids yet; sends are refused"),
        }
        let grace = self.settings.presence_grace;
        let directory: Arc<dyn Directory> = match self.observer {
            None => Arc::new(LocalDirectory::new(grace)),
            Some(observer) => Arc::new(LocalDirectory::observed(grace, observer)),
        };
        let node = Arc::new_cyclic(|node| Node {
            answers: Answers::new(Weak::clone(node)),
            ownership: Arc::new(SoleOwner::new(Arc::clone(&store))),
            directory,
            listener: self.listener,
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
        Ok(Chat::new(node, stop))
    }
}
