//! The node on its host: the product's own builder, actors and WebSocket transport, on a simulated socket.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use causerie_actors::{
    AuthenticateError, Authenticator, BoxFuture, Chat, Identity, Incoming, Transport, TransportEnd,
};
use causerie_node::{FrameLimits, WebSocketTransport};
use causerie_protocol::frame::CloseCode;
use causerie_protocol::{Timestamp, UserId};
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::time::Sleep;
use turmoil::net::{TcpListener, TcpStream};

use crate::stage::Stage;
use crate::time::NodeClock;

/// The node's host.
pub const HOST: &str = "node";
/// The node's port.
pub const PORT: u16 = 8080;

/// How long clients have to go when the node ends in order.
const GOING: Duration = Duration::from_secs(2);

/// What the node's sockets and the world tell each other.
#[derive(Debug, Default)]
pub struct Sockets {
    /// How many times the node wrote to each host.
    pub writes: Mutex<BTreeMap<IpAddr, u64>>,
    /// Whether all of them take what they are given at once.
    pub well: AtomicBool,
}

/// One life of the node: until it is asked to end, or its host crashes.
pub async fn live(stage: Rc<Stage>) -> turmoil::Result {
    let store = stage.disk.borrow().open();
    let chat = Chat::builder()
        .store(store)
        .clock(Arc::new(NodeClock::new(Arc::clone(&stage.time))))
        .authenticator(Arc::new(Names))
        .events(stage.sink.clone())
        .settings(stage.plan.settings.clone())
        .start()
        .await?;
    let mut rng = StdRng::seed_from_u64(stage.plan.seed ^ 0x50c7);
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT)).await?;
    loop {
        tokio::select! {
            biased;
            () = stage.end_node.notified() => break,
            accepted = listener.accept() => {
                let (stream, address) = accepted?;
                chat.accept(Socket::new(&stage, stream, address, rng.random()), None);
            }
        }
    }
    drop(listener);
    chat.drain(Duration::from_millis(200), GOING).await;
    chat.stop().await;
    Ok(())
}

/// A token is a name.
struct Names;

impl Authenticator for Names {
    fn authenticate<'a>(
        &'a self,
        token: &'a str,
        _: Timestamp,
    ) -> BoxFuture<'a, Result<Identity, AuthenticateError>> {
        let user = UserId::new(token).map_err(|error| AuthenticateError::Refused(error.to_string()));
        Box::pin(async { user.map(Identity::of) })
    }
}

/// The server's transport. Writes are counted, to know what a broken link swallowed; and half of all sockets take the
/// next write only after a pause, so that something waits for them.
struct Socket {
    socket: WebSocketTransport<TcpStream>,
    host: IpAddr,
    sockets: Arc<Sockets>,
    rng: StdRng,
    /// The longest pause, in milliseconds.
    pause_max: u64,
    pause: Option<Pin<Box<Sleep>>>,
}

impl Socket {
    fn new(stage: &Stage, stream: TcpStream, address: SocketAddr, seed: u64) -> Self {
        let limits = FrameLimits { unauthenticated: 4 * 1024, authenticated: 128 * 1024 };
        let socket = WebSocketTransport::new(stream, limits, address);
        let mut rng = StdRng::seed_from_u64(seed);
        let pause_max = if rng.random() { 0 } else { rng.random_range(20..1_200) };
        let sockets = Arc::clone(&stage.sockets);
        Self { socket, host: address.ip(), sockets, rng, pause_max, pause: None }
    }

    /// Waits until the socket takes something again.
    fn poll_pause(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(context));
            self.pause = None;
        }
        Poll::Ready(())
    }
}

impl Transport for Socket {
    fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        take: &mut dyn FnMut(Incoming<'_>),
        replies: &mut Vec<u8>,
    ) -> Poll<Result<(), TransportEnd>> {
        self.socket.poll_read(context, take, replies)
    }

    fn poll_write(&mut self, context: &mut Context<'_>, out: &mut Vec<u8>) -> Poll<io::Result<()>> {
        ready!(self.poll_pause(context));
        *self.sockets.writes.lock().entry(self.host).or_default() += 1;
        let written = self.socket.poll_write(context, out);
        if self.pause_max > 0 && !self.sockets.well.load(Relaxed) {
            let pause = Duration::from_millis(self.rng.random_range(0..=self.pause_max));
            self.pause = Some(Box::pin(tokio::time::sleep(pause)));
        }
        written
    }

    fn write_close(&mut self, code: CloseCode, reason: &str, out: &mut Vec<u8>) {
        self.socket.write_close(code, reason, out);
    }

    fn poll_shutdown(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.socket.poll_shutdown(context)
    }

    fn authenticated(&mut self) {
        self.socket.authenticated();
    }

    fn peer(&self) -> String {
        self.socket.peer()
    }
}
