//! The proxy: listens, and connects through.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpStream, lookup_host};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::action::Action;
use crate::connection;
use crate::counts::Counts;
use crate::error::ProxyError;
use crate::pick::Pick;
use crate::request::Request;
use crate::rule::{Rule, Standing};
use crate::rules::Rules;
use crate::statements::Statements;

/// A proxy in front of one server. Dropped, it ends all its connections without waiting; see [`Proxy::stop`].
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) rules: Rules,
    pub(crate) statements: Statements,
    upstream: SocketAddr,
    counts: Mutex<Counts>,
    /// Parent of every client's token; a cancelled one also turns new clients away.
    link: Mutex<CancellationToken>,
}

impl Shared {
    pub(crate) fn count(&self, request: Option<&Request>) {
        let kind = request.filter(|request| !request.is_of_driver()).map(|request| request.kind);
        self.counts.lock().add(kind);
    }
}

impl Proxy {
    /// Listens on a free port of 127.0.0.1, in front of `upstream` (`host:port`), which need not be up yet.
    ///
    /// # Errors
    /// [`ProxyError::Io`] if `upstream` is no address or nothing can be listened on.
    pub async fn start(upstream: &str) -> Result<Self, ProxyError> {
        let upstream = lookup_host(upstream)
            .await?
            .next()
            .ok_or_else(|| std::io::Error::other(format!("{upstream} has no address")))?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let proxy = Self {
            address: listener.local_addr()?,
            shared: Arc::new(Shared {
                rules: Rules::default(),
                statements: Statements::default(),
                upstream,
                counts: Mutex::default(),
                link: Mutex::new(CancellationToken::new()),
            }),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        let listening = listen(listener, Arc::clone(&proxy.shared), proxy.tasks.clone(), proxy.stop.clone());
        proxy.tasks.spawn(listening);
        Ok(proxy)
    }

    /// The contact point to give to the client.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Adds a rule behind those that stand. It meets requests that arrive from now on.
    pub fn rule(&self, pick: Pick, action: Action) -> Rule {
        let standing = Arc::new(Standing::new(pick, action));
        self.shared.rules.add(Arc::clone(&standing));
        Rule(standing)
    }

    /// What came so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        *self.shared.counts.lock()
    }

    /// The server is out of reach: every client's connection ends, new ones end at once. What was already under way
    /// to the server still gets there.
    pub fn cut(&self) {
        self.shared.link.lock().cancel();
    }

    /// Takes back [`Proxy::cut`].
    pub fn mend(&self) {
        let mut link = self.shared.link.lock();
        if link.is_cancelled() {
            *link = CancellationToken::new();
        }
    }

    /// Ends all connections, drops what is held, and waits for the tasks.
    pub async fn stop(self) {
        self.stop.cancel();
        self.shared.link.lock().cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop.cancel();
        self.shared.link.lock().cancel();
    }
}

async fn listen(listener: TcpListener, shared: Arc<Shared>, tasks: TaskTracker, stop: CancellationToken) {
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((client, _)) => {
                tasks.spawn(connect(client, Arc::clone(&shared), tasks.clone(), stop.clone()));
            }
            Err(error) => tracing::warn!(%error, "the proxy cannot accept"),
        }
    }
}

/// A client whose server cannot be reached sees its connection end, as it would without a proxy.
async fn connect(client: TcpStream, shared: Arc<Shared>, tasks: TaskTracker, stop: CancellationToken) {
    let cut = shared.link.lock().child_token();
    let server = tokio::select! {
        () = stop.cancelled() => return,
        () = cut.cancelled() => return,
        server = TcpStream::connect(shared.upstream) => server,
    };
    let started = server
        .map_err(ProxyError::from)
        .and_then(|server| connection::start(shared, &tasks, (client, server), (stop, cut)));
    if let Err(error) = started {
        tracing::debug!(%error, "no connection to the server");
    }
}
