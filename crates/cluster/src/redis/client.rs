//! The one file that knows the driver.
//!
//! Guaranteed: no call waits longer than its limit, none waits for a connection, and none is repeated by the driver: the
//! callers know better what is still true. The connection is made anew for ever, with pauses that grow to 2 s, also after
//! what the driver holds to be final (see [`Client::revive`]).
//!
//! Not guaranteed: that a call that failed is not carried out later. A frozen Redis finds it in its socket.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fred::interfaces::{ClientLike, EventInterface, KeysInterface, LuaInterface};
use fred::types::config::{
    ClusterDiscoveryPolicy, Config, Options, ReconnectPolicy, Server, ServerConfig, TlsConfig, TlsConnector,
    TlsHostMapping, UnresponsiveConfig,
};
use fred::types::{Builder, ConnectHandle, Expiration, RespVersion};
use parking_lot::Mutex;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::TryRecvError;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::config::{RedisConfig, RedisTls};
use super::error::{CallError, RedisError};
use super::script::Script;

/// Pauses between attempts to connect, in milliseconds.
const RECONNECT: [u32; 2] = [50, 2_000];
/// What is added to each at random, in milliseconds, so that nodes do not come all at once.
const JITTER: u32 = 200;
/// Silence after which a connection that owes an answer is given up.
const UNRESPONSIVE: Duration = Duration::from_secs(5);
/// Commands that wait inside the driver at most.
const WAITING: usize = 10_000;
/// Events of connections that are kept for [`Client::has_reconnected`].
const EVENTS: usize = 16_384;
/// How long the end of a connection may take.
const CLOSE: Duration = Duration::from_secs(1);

/// Connections to one Redis, or to all servers of a cluster.
pub(super) struct Client {
    fred: fred::clients::Client,
    timeout: Duration,
    task: Mutex<Option<ConnectHandle>>,
    reconnects: Mutex<Receiver<Server>>,
}

impl Client {
    /// Begins to connect; needs a tokio runtime. A Redis that is not there is waited for.
    pub(super) fn start(config: &RedisConfig, timeout: Duration) -> Result<Self, RedisError> {
        let fred = build(config, timeout)?;
        let reconnects = Mutex::new(fred.reconnect_rx());
        let task = Mutex::new(Some(fred.connect()));
        Ok(Self { fred, timeout, task, reconnects })
    }

    /// Connects again if the driver has stopped trying, as it does when Redis is not what it was configured to be.
    pub(super) fn revive(&self) {
        let mut task = self.task.lock();
        if task.as_ref().is_some_and(ConnectHandle::is_finished) {
            *task = Some(self.fred.connect());
        }
    }

    /// Whether a connection was made since the last call.
    pub(super) fn has_reconnected(&self) -> bool {
        let mut events = self.reconnects.lock();
        let mut any = false;
        loop {
            match events.try_recv() {
                Ok(_) | Err(TryRecvError::Lagged(_)) => any = true,
                Err(TryRecvError::Empty) => return any,
                Err(TryRecvError::Closed) => {
                    // The driver ends them with its task.
                    *events = self.fred.reconnect_rx();
                    return any;
                }
            }
        }
    }

    /// Sets a key for so many seconds. Returns what it was before.
    pub(super) async fn set(&self, key: &str, value: &str, seconds: i64) -> Result<Option<Bytes>, CallError> {
        answered(self.with(self.timeout).set(key, value, Some(Expiration::EX(seconds)), None, true).await)
    }

    /// Sets a key for so many seconds, whatever it was.
    pub(super) async fn put(&self, key: &str, value: &str, seconds: i64) -> Result<(), CallError> {
        answered(self.with(self.timeout).set(key, value, Some(Expiration::EX(seconds)), None, false).await)
    }

    /// Removes a key.
    pub(super) async fn remove(&self, key: &str) -> Result<(), CallError> {
        answered(self.with(self.timeout).del(key).await)
    }

    /// Carries out a script on one key, within the usual time or within `limit`.
    pub(super) async fn run(
        &self,
        script: &Script,
        key: &str,
        arguments: Vec<Bytes>,
        limit: Option<Duration>,
    ) -> Result<Vec<Option<Bytes>>, CallError> {
        let fred = self.with(limit.unwrap_or(self.timeout));
        let known = answered(fred.evalsha(script.hash(), key, arguments.clone()).await);
        match known {
            Err(CallError::Refused(why)) if why.starts_with("NOSCRIPT") => {
                answered(fred.eval(script.text(), key, arguments).await)
            }
            known => known,
        }
    }

    /// Ends the connections.
    pub(super) async fn close(&self) {
        // It fails when there is none, or when Redis does not answer; the task is ended below all the same.
        let _ = tokio::time::timeout(CLOSE, self.fred.quit()).await;
        let task = self.task.lock().take();
        if let Some(task) = task {
            task.abort();
            // An error means that it was ended just now.
            let _ = task.await;
        }
    }

    fn with(&self, timeout: Duration) -> fred::clients::WithOptions<fred::clients::Client> {
        let options =
            Options { timeout: Some(timeout), fail_fast: true, max_attempts: Some(1), ..Options::default() };
        self.fred.with_options(&options)
    }
}

fn build(config: &RedisConfig, timeout: Duration) -> Result<fred::clients::Client, RedisError> {
    let tls = config.tls.as_ref().map(tls).transpose()?;
    let (user, password) = match &config.credentials {
        Some(credentials) => (credentials.user.clone(), Some(credentials.password.clone())),
        None => (None, None),
    };
    let mut builder = Builder::from_config(Config {
        // The first connection is made like all others, however long that takes.
        fail_fast: false,
        username: user,
        password,
        server: servers(config)?,
        version: RespVersion::RESP3,
        tls: tls.map(|tls| TlsConfig { connector: TlsConnector::from(tls), hostnames: TlsHostMapping::None }),
        ..Config::default()
    });
    builder.with_performance_config(|performance| {
        performance.default_command_timeout = timeout;
        performance.broadcast_channel_capacity = EVENTS;
    });
    builder.with_connection_config(|connection| {
        connection.connection_timeout = timeout;
        connection.internal_command_timeout = timeout;
        connection.max_command_buffer_len = WAITING;
        connection.max_command_attempts = 1;
        connection.unresponsive =
            UnresponsiveConfig { max_timeout: Some(UNRESPONSIVE), interval: Duration::from_secs(1) };
        connection.reconnect_on_auth_error = true;
        connection.tcp.nodelay = Some(true);
    });
    let mut policy = ReconnectPolicy::new_exponential(0, RECONNECT[0], RECONNECT[1], 2);
    policy.set_jitter(JITTER);
    builder.set_policy(policy);
    builder.build().map_err(|error| RedisError::Settings(error.to_string()))
}

fn servers(config: &RedisConfig) -> Result<ServerConfig, RedisError> {
    let server = |address: &String| {
        let wrong = || RedisError::Address(address.clone());
        let (host, port) = address.rsplit_once(':').ok_or_else(wrong)?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        if host.is_empty() {
            return Err(wrong());
        }
        Ok(Server::new(host, port.parse::<u16>().map_err(|_| wrong())?))
    };
    let mut hosts = config.nodes.iter().map(server).collect::<Result<Vec<_>, _>>()?;
    match (config.cluster, hosts.len()) {
        (_, 0) | (false, 2..) => Err(RedisError::Addresses(hosts.len())),
        (false, _) => Ok(ServerConfig::Centralized { server: hosts.remove(0) }),
        (true, _) => Ok(ServerConfig::Clustered { hosts, policy: ClusterDiscoveryPolicy::ConfigEndpoint }),
    }
}

/// Believes the authorities of the file, and nobody else.
fn tls(tls: &RedisTls) -> Result<ClientConfig, RedisError> {
    let wrong = |path: &std::path::Path, problem: &dyn std::fmt::Display| RedisError::Tls {
        path: path.to_owned(),
        problem: problem.to_string(),
    };
    let certificates = |path: &std::path::Path| {
        let read =
            CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, pem::Error>>);
        match read {
            Ok(found) if found.is_empty() => Err(wrong(path, &"it holds no certificate")),
            Ok(found) => Ok(found),
            Err(error) => Err(wrong(path, &error)),
        }
    };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&tls.ca)? {
        roots.add(certificate).map_err(|error| wrong(&tls.ca, &error))?;
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| RedisError::Settings(error.to_string()))?
        .with_root_certificates(roots);
    match &tls.identity {
        None => Ok(builder.with_no_client_auth()),
        Some((certificate, key)) => {
            let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| wrong(key, &error))?;
            builder
                .with_client_auth_cert(certificates(certificate)?, secret)
                .map_err(|error| wrong(certificate, &error))
        }
    }
}

fn answered<T>(answer: Result<T, fred::error::Error>) -> Result<T, CallError> {
    use fred::error::ErrorKind;
    answer.map_err(|error| match error.kind() {
        ErrorKind::IO
        | ErrorKind::Timeout
        | ErrorKind::Canceled
        | ErrorKind::Routing
        | ErrorKind::Cluster
        | ErrorKind::Backpressure
        | ErrorKind::Tls => CallError::Away(error.details().to_owned()),
        _ => CallError::Refused(error.details().to_owned()),
    })
}
