//! One connection, as plain frames: it resends nothing and keeps nothing.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use causerie_protocol::{SUBPROTOCOL, Timestamp};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{WebSocketStream, client_async};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a server that has just started may refuse.
const COMING_BACK: Duration = Duration::from_secs(30);
/// Between two tries.
const BETWEEN_TRIES: Duration = Duration::from_millis(20);

/// A connection that has been welcomed.
pub(crate) struct Socket {
    stream: WebSocketStream<TcpStream>,
    next: u64,
    /// What came while something else was waited for.
    aside: VecDeque<Value>,
    /// The node's name.
    pub(crate) node: String,
    /// The server's time when it said welcome.
    pub(crate) time: Timestamp,
}

impl Socket {
    /// Signs in by name and says hello, again and again while the server is not there yet.
    pub(crate) async fn open(server: SocketAddr, user: &str, device: &str) -> Result<Self> {
        let end = Instant::now() + COMING_BACK;
        loop {
            match Self::try_open(server, user, device).await {
                Ok(socket) => return Ok(socket),
                Err(error) if Instant::now() >= end => return Err(error.context("the server takes nobody")),
                Err(_) => sleep(BETWEEN_TRIES).await,
            }
        }
    }

    async fn try_open(server: SocketAddr, user: &str, device: &str) -> Result<Self> {
        let token = causerie_client::sign_in(&format!("http://{server}"), user).await?.token;
        let stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        let mut request = format!("ws://{server}/v1/ws").into_client_request()?;
        request.headers_mut().append("Sec-WebSocket-Protocol", SUBPROTOCOL.parse()?);
        let (stream, _) = timeout(PATIENCE, client_async(request, stream)).await??;
        let mut socket =
            Self { stream, next: 0, aside: VecDeque::new(), node: String::new(), time: Timestamp(0) };
        let hello = json!({ "type": "hello", "token": token, "device": device, "agent": "causerie-faults" });
        let welcome = socket.ask(hello).await?;
        ensure!(welcome["type"] == "welcome", "{welcome}");
        socket.node = welcome["node"].as_str().unwrap_or_default().to_owned();
        socket.time = serde_json::from_value(welcome["time"].clone())?;
        Ok(socket)
    }

    /// Sends a request and gives its id, without waiting for the answer.
    pub(crate) async fn tell(&mut self, mut frame: Value) -> Result<u64> {
        self.next += 1;
        frame["id"] = json!(self.next);
        timeout(PATIENCE, self.stream.send(Message::text(frame.to_string()))).await??;
        Ok(self.next)
    }

    /// The next frame, live or answer. May be dropped.
    pub(crate) async fn hear(&mut self) -> Result<Value> {
        if let Some(frame) = self.aside.pop_front() {
            return Ok(frame);
        }
        self.read().await
    }

    async fn read(&mut self) -> Result<Value> {
        loop {
            match self.stream.next().await.context("the connection has ended")?? {
                Message::Text(text) => return Ok(serde_json::from_str(&text)?),
                Message::Close(_) => bail!("the server closed the connection"),
                _ => {}
            }
        }
    }

    /// Sends a request and waits for its answer. What comes meanwhile is heard later.
    pub(crate) async fn ask(&mut self, frame: Value) -> Result<Value> {
        let id = self.tell(frame).await?;
        self.answer(id).await
    }

    /// Waits for the answer to a request. What comes meanwhile is heard later.
    pub(crate) async fn answer(&mut self, id: u64) -> Result<Value> {
        if let Some(place) = self.aside.iter().position(|frame| frame["id"] == id) {
            return self.aside.remove(place).context("it was there");
        }
        let answer = async {
            loop {
                let frame = self.read().await?;
                if frame["id"] == id {
                    return anyhow::Ok(frame);
                }
                self.aside.push_back(frame);
            }
        };
        timeout(PATIENCE, answer).await.context("no answer in time")?
    }
}
