//! Accepts sockets and hands each to who shall serve it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use causerie_actors::{Chat, Incoming, Rate, Transport, TransportEnd};
use causerie_protocol::Clock;
use causerie_protocol::frame::CloseCode;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use prometheus_client::registry::Registry;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::http::{HeaderMap, header};
use tokio_util::task::TaskTracker;

use super::door::{Door, DoorLimits, Pass};
use super::handshake::Handshake;
use super::head;
use super::metrics::{Failure, GatewayMetrics};
use super::prefixed::Prefixed;
use super::websocket::{FrameLimits, WebSocketTransport};
use crate::auth::SignIn;
use crate::config::{self, Config};
use crate::process::OpenFiles;
use crate::reload::Reloader;
use crate::shutdown::Shutdown;
use crate::tls::Tls;

/// Sockets that the kernel holds until they are accepted.
const BACKLOG: u32 = 4096;
/// How long an HTTP connection may last, whatever it is doing: a page and a sign-in need a moment.
const HTTP_LIFE: Duration = Duration::from_secs(60);
/// What those hear who are not let in; a TLS client hears the end only.
const TOO_MANY: &[u8] =
    b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 5\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
/// How long nothing is accepted after the system had no descriptor left.
const NO_DESCRIPTORS: Duration = Duration::from_millis(100);

/// Which pages may open connections, as configured now.
pub(crate) struct Origins {
    reloader: Arc<Reloader>,
    /// Anybody may be anybody: then a page has to be on this machine, not just on a name that leads here.
    loopback_only: bool,
}

impl Origins {
    /// The origins that the configuration in force allows.
    pub(crate) fn new(reloader: Arc<Reloader>, sign_in: SignIn) -> Self {
        Self { reloader, loopback_only: sign_in == SignIn::Name }
    }

    /// Whether a request may come from where it says. Clients that are not browsers say nothing.
    pub(crate) fn allow(&self, headers: &HeaderMap) -> bool {
        let mut origins = headers.get_all(header::ORIGIN).iter();
        let (Some(origin), None) = (origins.next(), origins.next()) else {
            return headers.get(header::ORIGIN).is_none();
        };
        let config = self.reloader.config();
        let allowed = &config.server.public_origins;
        if !allowed.is_empty() {
            return allowed.iter().any(|allowed: &config::Origin| allowed.matches(origin.as_bytes()));
        }
        let Some(host) = headers.get(header::HOST).and_then(|host| host.to_str().ok()) else { return false };
        if self.loopback_only && !is_loopback(host) {
            return false;
        }
        [format!("http://{host}"), format!("https://{host}")]
            .iter()
            .any(|own| own.as_bytes() == origin.as_bytes())
    }
}

/// Whether a `Host` can only mean this machine: a name of somebody else's may be made to lead here.
pub(crate) fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The clients' listener.
pub(crate) struct Gateway {
    listener: TcpListener,
    shared: Arc<Shared>,
}

struct Shared {
    chat: Chat,
    clock: Arc<dyn Clock>,
    door: Arc<Door>,
    origins: Arc<Origins>,
    pages: Router,
    tls: Option<Arc<Tls>>,
    handshake: Duration,
    frames: FrameLimits,
    connections: TaskTracker,
    metrics: GatewayMetrics,
}

impl Gateway {
    /// Binds the listener. Nothing is accepted yet.
    ///
    /// # Errors
    /// The address cannot be bound.
    pub(crate) fn bind(
        config: &Config,
        files: OpenFiles,
        chat: Chat,
        clock: Arc<dyn Clock>,
        origins: Arc<Origins>,
        pages: Router,
        tls: Option<Arc<Tls>>,
    ) -> io::Result<Self> {
        let listener = listen(config.server.listen, config.limits.send_buffer_bytes)?;
        let rate = Rate {
            per_second: config.rates.address_connects_per_s.into(),
            burst: config.rates.address_connects_burst.into(),
        };
        let limits = DoorLimits {
            connections: files.connections(config.limits.max_connections),
            per_address: config.limits.connections_per_address,
            rate,
        };
        let shared = Shared {
            chat,
            clock,
            door: Door::new(limits),
            origins,
            pages,
            tls,
            handshake: config.timeouts.handshake,
            frames: FrameLimits {
                unauthenticated: config.limits.unauthenticated_bytes,
                authenticated: config.limits.frame_bytes,
            },
            connections: TaskTracker::new(),
            metrics: GatewayMetrics::default(),
        };
        Ok(Self { listener, shared: Arc::new(shared) })
    }

    /// Where clients connect.
    ///
    /// # Errors
    /// The system does not say.
    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Makes visible what it counts.
    pub(crate) fn register(&self, registry: &mut Registry) {
        self.shared.metrics.register(registry);
    }

    /// Accepts until the server drains, and returns when it stops: what was accepted by then and has not become a
    /// connection of the node (handshakes, HTTP) ends with it.
    pub(crate) async fn run(self, mut shutdown: Shutdown) {
        let Self { listener, shared } = self;
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = shutdown.draining() => break,
            };
            match accepted {
                Ok((stream, address)) => {
                    let (ours, mut shutdown) = (Arc::clone(&shared), shutdown.clone());
                    shared.connections.spawn(async move {
                        tokio::select! {
                            () = ours.serve(stream, address) => {}
                            () = shutdown.stopping() => {}
                        }
                    });
                }
                Err(error) => {
                    shared.metrics.not_accepted.inc();
                    tracing::warn!(%error, "a connection could not be accepted");
                    // Out of descriptors: trying again at once would only spin.
                    tokio::time::sleep(NO_DESCRIPTORS).await;
                }
            }
        }
        drop(listener);
        shared.connections.close();
        shared.connections.wait().await;
    }
}

fn listen(address: SocketAddr, send_buffer: usize) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    if send_buffer > 0 {
        // Accepted sockets inherit it.
        socket.set_send_buffer_size(u32::try_from(send_buffer).unwrap_or(u32::MAX))?;
    }
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

impl Shared {
    async fn serve(&self, stream: TcpStream, address: SocketAddr) {
        // Frames are gathered before they are written: waiting for more would only delay them.
        if let Err(error) = stream.set_nodelay(true) {
            return tracing::debug!(%address, %error, "a connection ended before it began");
        }
        let pass = match self.door.enter(address.ip(), self.clock.monotonic()) {
            Ok(pass) => pass,
            Err(refusal) => {
                self.metrics.count_refused(refusal);
                tracing::debug!(%address, %refusal, "a connection was refused");
                // As much as the socket takes at once: who is too many is not waited for.
                let _ = stream.try_write(TOO_MANY);
                return;
            }
        };
        match &self.tls {
            None => self.route(stream, address, pass).await,
            Some(tls) => match tokio::time::timeout(self.handshake, tls.acceptor().accept(stream)).await {
                Ok(Ok(stream)) => self.route(stream, address, pass).await,
                Ok(Err(error)) => {
                    self.metrics.count_failed(Failure::Tls);
                    tracing::debug!(%address, %error, "a TLS handshake failed");
                }
                Err(_) => {
                    self.metrics.count_failed(Failure::Timeout);
                    tracing::debug!(%address, "a TLS handshake took too long");
                }
            },
        }
    }

    /// Finds out what the client wants.
    async fn route<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
        &self,
        mut stream: S,
        address: SocketAddr,
        pass: Pass,
    ) {
        match tokio::time::timeout(self.handshake, head::read(&mut stream)).await {
            Ok(Ok(head)) if head.is_websocket() => {
                self.websocket(Prefixed::new(head.bytes, stream), address, pass).await;
            }
            Ok(Ok(head)) => self.http(Prefixed::new(head.bytes, stream)).await,
            Ok(Err(error)) => {
                self.metrics.count_failed(Failure::Head);
                tracing::debug!(%address, %error, "a connection said nothing that is understood");
            }
            Err(_) => {
                self.metrics.count_failed(Failure::Timeout);
                tracing::debug!(%address, "a connection said too little in time");
            }
        }
    }

    async fn http<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(&self, stream: Prefixed<S>) {
        let service = TowerToHyperService::new(self.pages.clone());
        let mut server = hyper::server::conn::http1::Builder::new();
        server
            .timer(hyper_util::rt::TokioTimer::new())
            .header_read_timeout(self.handshake)
            .max_buf_size(32 * 1024);
        match tokio::time::timeout(HTTP_LIFE, server.serve_connection(TokioIo::new(stream), service)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "an HTTP connection ended"),
            Err(_) => tracing::debug!("an HTTP connection was ended: its time is over"),
        }
    }

    async fn websocket<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
        &self,
        stream: Prefixed<S>,
        address: SocketAddr,
        pass: Pass,
    ) {
        let mut token = None;
        let handshake = Handshake { origins: &self.origins, token: &mut token };
        let accept = tokio_tungstenite::accept_hdr_async(stream, handshake);
        let socket = match tokio::time::timeout(self.handshake, accept).await {
            Ok(Ok(socket)) => socket,
            Ok(Err(error)) => {
                self.metrics.count_failed(Failure::WebSocket);
                return tracing::debug!(%address, %error, "a WebSocket handshake failed");
            }
            Err(_) => {
                self.metrics.count_failed(Failure::Timeout);
                return tracing::debug!(%address, "a WebSocket handshake took too long");
            }
        };
        // Nothing can be left over: the handshake refuses bytes behind the request.
        let (_, stream) = socket.into_inner().into_parts();
        let transport = WebSocketTransport::new(stream, self.frames, address);
        self.chat.accept(Admitted { transport, _pass: pass }, token);
    }
}

/// A transport that is counted at the door until it ends.
struct Admitted<T> {
    transport: T,
    _pass: Pass,
}

impl<T: Transport> Transport for Admitted<T> {
    fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        take: &mut dyn FnMut(Incoming<'_>),
        replies: &mut Vec<u8>,
    ) -> Poll<Result<(), TransportEnd>> {
        self.transport.poll_read(context, take, replies)
    }

    fn poll_write(&mut self, context: &mut Context<'_>, out: &mut Vec<u8>) -> Poll<io::Result<()>> {
        self.transport.poll_write(context, out)
    }

    fn write_close(&mut self, code: CloseCode, reason: &str, out: &mut Vec<u8>) {
        self.transport.write_close(code, reason, out);
    }

    fn poll_shutdown(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.transport.poll_shutdown(context)
    }

    fn authenticated(&mut self) {
        self.transport.authenticated();
    }

    fn peer(&self) -> String {
        self.transport.peer()
    }
}

#[cfg(test)]
mod tests {
    use super::is_loopback;

    #[test]
    fn only_names_that_cannot_be_somebody_elses_are_this_machine() {
        for host in ["localhost:8080", "127.0.0.1:8080", "127.9.9.9", "[::1]:8080"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "evil.example:8080",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "10.0.0.1:8080",
            "[::2]",
            "",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
