//! A client that speaks raw frames: it is kind to nobody.
//!
//! A task reads, keeps everything that comes and checks its [`Order`]; a test waits for the frame that it wants. What
//! comes in the meantime stays, to be waited for later.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::SplitSink;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{interval, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

pub(crate) use super::inbox::End;
use super::inbox::{Shared, read};
use super::order::Order;
use super::server::Server;
use super::{PATIENCE, frames, http};

/// Bytes both ways.
pub(crate) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

pub(super) type Stream = WebSocketStream<Box<dyn Wire>>;

type Sink = Arc<tokio::sync::Mutex<Option<SplitSink<Stream, Message>>>>;

/// Why there was no WebSocket: the status of the answer, 0 when there was none.
#[derive(Debug)]
pub(crate) struct NoHandshake {
    pub(crate) status: u16,
}

/// One connection.
pub(crate) struct Socket {
    name: String,
    /// Gone when the connection has ended: it holds one half of the stream, as the reader holds the other.
    sink: Sink,
    shared: Arc<Shared>,
    paused: watch::Sender<bool>,
    _reader: JoinSet<()>,
    next_id: u64,
}

impl Socket {
    /// Signs in by name and says hello as `device` of `user`.
    pub(crate) async fn sign_in(server: &Server, user: &str, device: &str) -> Self {
        let token = sign_in(server, user).await;
        let (socket, welcome) = Self::hello(server, &token, device).await;
        assert_eq!(welcome["user"], user, "{welcome}");
        socket
    }

    /// Says hello with a token; returns the answer too, whatever it is.
    pub(crate) async fn hello(server: &Server, token: &str, device: &str) -> (Self, Value) {
        let mut socket = Self::open(server).await;
        let hello = json!({ "type": "hello", "token": token, "device": device, "agent": "causerie-tests" });
        let answer = socket.ask(hello).await;
        let user = answer["user"].as_str().unwrap_or_default();
        user.clone_into(&mut socket.name);
        socket.shared.inbox.lock().order = Order::of(user);
        (socket, answer)
    }

    /// Says hello with a token to a server that may say goodbye instead of an answer; returns what came.
    pub(crate) async fn hello_or_goodbye(server: &Server, token: &str, device: &str) -> (Self, Value) {
        let mut socket = Self::open(server).await;
        socket.tell(&json!({ "type": "hello", "token": token, "device": device })).await;
        let answer = socket.wait_for("an answer to hello", |_| true).await;
        (socket, answer)
    }

    /// Opens a connection and says nothing.
    pub(crate) async fn open(server: &Server) -> Self {
        let opened = Self::open_with(server, &[("Sec-WebSocket-Protocol", "causerie.v1")]).await;
        opened.unwrap_or_else(|error| panic!("no handshake: {error:?}"))
    }

    /// Opens a connection with these header fields.
    pub(crate) async fn open_with(server: &Server, fields: &[(&str, &str)]) -> Result<Self, NoHandshake> {
        let address = server.addresses().public;
        let stream = TcpStream::connect(address).await.map_err(|_| NoHandshake { status: 0 })?;
        Self::over(Box::new(stream), &address.to_string(), fields).await
    }

    /// Opens a connection over a stream to `host`.
    pub(crate) async fn over(
        stream: Box<dyn Wire>,
        host: &str,
        fields: &[(&str, &str)],
    ) -> Result<Self, NoHandshake> {
        let mut request = format!("ws://{host}/v1/ws").into_client_request().expect("an address");
        for (name, value) in fields {
            let name: &'static str = String::leak((*name).to_owned());
            request.headers_mut().append(name, value.parse().expect("a header field"));
        }
        let opened = timeout(PATIENCE, client_async(request, stream)).await.expect("no handshake in time");
        let (stream, _) = opened.map_err(|error| match error {
            Error::Http(response) => NoHandshake { status: response.status().as_u16() },
            _ => NoHandshake { status: 0 },
        })?;
        let (sink, source) = stream.split();
        let sink = Sink::new(Some(sink).into());
        let shared = Arc::<Shared>::default();
        let (paused, pause) = watch::channel(false);
        let mut reader = JoinSet::new();
        let ended = Arc::clone(&sink);
        let reading = Arc::clone(&shared);
        reader.spawn(async move {
            read(source, reading, pause).await;
            ended.lock().await.take();
        });
        let name = "nobody".to_owned();
        Ok(Self { name, sink, shared, paused, _reader: reader, next_id: 1 })
    }

    /// Says something as it stands.
    pub(crate) async fn say(&mut self, message: impl Into<Message>) {
        let said = async {
            if let Some(sink) = &mut *self.sink.lock().await {
                // A server that has closed does not listen; what it said before is still to be heard.
                let _ = sink.send(message.into()).await;
            }
        };
        timeout(PATIENCE, said).await.unwrap_or_else(|_| panic!("{}: the server does not read", self.name));
    }

    /// Says a frame that has no answer.
    pub(crate) async fn tell(&mut self, frame: &Value) {
        self.say(frame.to_string()).await;
    }

    /// Asks without waiting for the answer, which [`Self::answer`] waits for.
    pub(crate) async fn begin(&mut self, mut frame: Value) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        frame["id"] = json!(id);
        self.tell(&frame).await;
        id
    }

    /// The answer to what was begun, whatever it is.
    pub(crate) async fn answer(&mut self, id: u64) -> Value {
        self.wait_for(&format!("an answer to {id}"), |answer| answer["id"] == id).await
    }

    /// Asks and returns the one answer, whatever it is.
    pub(crate) async fn ask(&mut self, frame: Value) -> Value {
        let what = frame.to_string();
        let id = self.begin(frame).await;
        self.wait_for(&what, |answer| answer["id"] == id).await
    }

    /// Asks for something that is to be done.
    pub(crate) async fn done(&mut self, frame: Value) -> Value {
        let what = frame.to_string();
        let answer = self.ask(frame).await;
        assert_ne!(answer["type"], "error", "{what} was refused: {answer}");
        answer
    }

    /// Asks for something that is to be refused with this code. A refusal has changed nothing.
    pub(crate) async fn refused(&mut self, frame: Value, code: &str) -> Value {
        let what = frame.to_string();
        let answer = self.ask(frame).await;
        assert_eq!(answer["code"], code, "{what} was answered {answer}");
        assert_eq!(answer["outcome"], "none", "{what} was answered {answer}");
        answer
    }

    /// Begins all of these, so many at a time unanswered, and returns their answers in order.
    pub(crate) async fn pipeline(&mut self, frames: Vec<Value>, window: usize) -> Vec<Value> {
        let (mut waiting, mut answers) = (VecDeque::new(), Vec::with_capacity(frames.len()));
        for frame in frames {
            if waiting.len() == window
                && let Some(id) = waiting.pop_front()
            {
                answers.push(self.answer(id).await);
            }
            waiting.push_back(self.begin(frame).await);
        }
        for id in waiting {
            answers.push(self.answer(id).await);
        }
        answers
    }

    /// The conversation that a creation answers with.
    pub(crate) async fn create(&mut self, frame: Value) -> String {
        let created = self.done(frame).await;
        frames::name(&created["conversation"], "conversation").to_owned()
    }

    /// Everything after a position, page by page.
    pub(crate) async fn sync_all(&mut self, conversation: &str, mut after: u64, limit: u64) -> Vec<Value> {
        let mut all = Vec::new();
        loop {
            let page = self.done(frames::sync(conversation, after, limit)).await;
            let items = page["items"].as_array().expect("a page has items").clone();
            after = items.last().map_or(after, frames::seq);
            assert!(page["more"] == false || !items.is_empty(), "an empty page, and more: {page}");
            all.extend(items);
            if page["more"] == false {
                return all;
            }
        }
    }

    /// The first frame, of those that came and those to come, of this type.
    pub(crate) async fn next(&mut self, of: &str) -> Value {
        self.wait_for(of, |frame| frame["type"] == of).await
    }

    /// The live message of a conversation at this position.
    pub(crate) async fn message(&mut self, conversation: &str, seq: u64) -> Value {
        let wanted = |frame: &Value| {
            frame["type"] == "message" && frame["conversation"] == conversation && frame["seq"] == seq
        };
        self.wait_for(&format!("message {seq} of {conversation}"), wanted).await
    }

    /// The first frame, of those that came and those to come, for which `wanted` holds.
    pub(crate) async fn wait_for(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let found = self.shared.wait(|inbox| {
            let index = inbox.waiting.iter().position(&wanted)?;
            inbox.waiting.remove(index)
        });
        match found.await {
            Ok(frame) => frame,
            Err(why) => {
                let inbox = self.shared.inbox.lock();
                let last: Vec<_> = inbox.heard.iter().rev().take(8).rev().map(Value::to_string).collect();
                panic!("{} waits for {what}: {why}\nIt heard last:\n{}", self.name, last.join("\n"))
            }
        }
    }

    /// Waits until the server has closed, and says how.
    pub(crate) async fn end(&mut self) -> End {
        match self.shared.wait(|inbox| inbox.end.clone()).await {
            Ok(end) => end,
            Err(why) => panic!("{} waits for the end: {why}", self.name),
        }
    }

    /// Says goodbye as a client does that goes in order, and waits until the server has gone too.
    pub(crate) async fn leave(mut self) {
        self.say(Message::Close(None)).await;
        self.end().await;
    }

    /// Waits for a frame while saying at intervals that one is there.
    pub(crate) async fn wait_alive(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut heartbeat = interval(Duration::from_secs(2));
        for _ in 0..PATIENCE.as_secs() / 2 {
            heartbeat.tick().await;
            self.done(json!({ "type": "ping" })).await;
            let found = self.heard(&wanted).into_iter().next_back();
            if let Some(found) = found {
                return found;
            }
        }
        panic!("{} waits for {what}: not in time", self.name)
    }

    /// Whether the server has closed by now.
    pub(crate) fn has_ended(&self) -> bool {
        self.shared.inbox.lock().end.is_some()
    }

    /// Reads no more, as a client that is stuck, or goes on.
    pub(crate) fn pause(&self, paused: bool) {
        // The reader is gone only when the connection is.
        let _ = self.paused.send(paused);
    }

    /// Everything that was heard so far and for which `wanted` holds.
    pub(crate) fn heard(&self, wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
        self.shared.inbox.lock().heard.iter().filter(|frame| wanted(frame)).cloned().collect()
    }

    /// The messages of a conversation that came live so far.
    pub(crate) fn live(&self, conversation: &str) -> Vec<Value> {
        self.heard(|frame| frame["type"] == "message" && frame["conversation"] == conversation)
    }

    /// Waits until everything was heard that the server had for this connection when it was asked.
    pub(crate) async fn settle(&mut self) {
        // Its answer goes through the same queue as what is told.
        self.done(json!({ "type": "blocks" })).await;
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let problem = self.shared.inbox.lock().problem.take();
        assert!(problem.is_none() || std::thread::panicking(), "{}: {problem:?}", self.name);
    }
}

/// A token of whoever says this name.
pub(crate) async fn sign_in(server: &Server, user: &str) -> String {
    let response = http::post(server.addresses().public, "/v1/session", &json!({ "name": user })).await;
    assert_eq!(response.status, 200, "sign-in by name: {}", response.body);
    let session: Value = serde_json::from_str(&response.body).expect("an answer in JSON");
    frames::name(&session, "token").to_owned()
}
