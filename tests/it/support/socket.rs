//! A WebSocket that speaks raw frames of the client protocol.

use std::collections::VecDeque;

use anyhow::{Context as _, Result, bail, ensure};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::server::Server;
use super::{PATIENCE, http};

/// One connection, signed in.
pub(crate) struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// Frames that arrived while another one was waited for, in order.
    waiting: VecDeque<Value>,
    next_id: u64,
}

impl Socket {
    /// Signs in by name and says hello as `device` of `user`.
    pub(crate) async fn sign_in(server: &Server, user: &str, device: &str) -> Result<Self> {
        let address = server.addresses().public;
        let response = http::post(address, "/v1/session", &json!({ "name": user })).await?;
        ensure!(response.status == 200, "sign-in by name: {} {}", response.status, response.body);
        let session: Value = serde_json::from_str(&response.body)?;
        let mut request = format!("ws://{address}/v1/ws").into_client_request()?;
        request.headers_mut().insert("Sec-WebSocket-Protocol", "causerie.v1".parse()?);
        let (stream, _) =
            timeout(PATIENCE, connect_async(request)).await.context("no handshake in time")??;
        let mut socket = Self { stream, waiting: VecDeque::new(), next_id: 1 };
        let hello = json!({ "type": "hello", "token": session["token"], "device": device, "agent": "causerie-tests" });
        let welcome = socket.request(hello).await?;
        ensure!(welcome["type"] == "welcome", "not welcome: {welcome}");
        Ok(socket)
    }

    /// Sends a frame as a request and returns its one answer, whatever it is.
    pub(crate) async fn request(&mut self, mut frame: Value) -> Result<Value> {
        let id = self.next_id;
        self.next_id += 1;
        frame["id"] = json!(id);
        self.stream.send(Message::text(frame.to_string())).await?;
        self.wait_for(|answer| answer["id"] == id).await.with_context(|| format!("no answer to {frame}"))
    }

    /// The first frame, of those that arrived and those to come, of this type.
    pub(crate) async fn next_of_type(&mut self, of: &str) -> Result<Value> {
        self.wait_for(|frame| frame["type"] == of).await.with_context(|| format!("no frame of type {of}"))
    }

    async fn wait_for(&mut self, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        if let Some(index) = self.waiting.iter().position(&wanted) {
            return self.waiting.remove(index).context("a frame that was there");
        }
        let read = async {
            loop {
                let frame = self.read().await?;
                if wanted(&frame) {
                    return Ok(frame);
                }
                self.waiting.push_back(frame);
            }
        };
        timeout(PATIENCE, read).await.context("not in time")?
    }

    async fn read(&mut self) -> Result<Value> {
        loop {
            match self.stream.next().await.context("the connection has ended")?? {
                Message::Text(text) => return Ok(serde_json::from_str(&text)?),
                Message::Close(close) => bail!("closed by the server: {close:?}"),
                _ => {}
            }
        }
    }
}
