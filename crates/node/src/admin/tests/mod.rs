//! The operators' listener, asked as a router; the command line and real sockets are in the tests of the commands.

mod events;
mod export;
mod guard;
mod logs;
mod metrics;
mod page;
mod users;

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode, header};
use causerie_actors::connection::channel::{ChannelClient, channel};
use causerie_actors::{AuthenticateError, Authenticator, BoxFuture, Chat, Identity, LocalUser};
use causerie_protocol::frame::down::Sent;
use causerie_protocol::{
    Body as MessageBody, ClientMessageId, Clock, DeviceId, SystemClock, Timestamp, UserId,
};
use causerie_store::Store;
use causerie_store::memory::MemoryStore;
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use super::{Operators, Shared, routes};
use crate::backends::Degraded;
use crate::config::Secret;
use crate::shutdown::{Phase, Shutdown};

/// A node with its operators' router.
pub(crate) struct Room {
    pub(crate) chat: Chat,
    pub(crate) router: Router,
    pub(crate) phase: watch::Sender<Phase>,
    pub(crate) shutdown: Shutdown,
    shared: Shared,
}

/// Takes a user's name for a token, with the id of the token and the second of its issue behind it.
struct Names;

impl Authenticator for Names {
    fn authenticate<'a>(
        &'a self,
        token: &'a str,
        _: Timestamp,
    ) -> BoxFuture<'a, Result<Identity, AuthenticateError>> {
        let mut parts = token.split('/');
        let user = user(parts.next().unwrap());
        let token_id = parts.next().map(Into::into);
        let issued = parts.next().map(|seconds| Timestamp(seconds.parse::<u64>().unwrap() * 1000));
        Box::pin(async move { Ok(Identity { user, expires: None, issued, token_id }) })
    }
}

impl Room {
    pub(crate) async fn new() -> Self {
        Self::over(Arc::new(MemoryStore::new()), None).await
    }

    async fn over(store: Arc<dyn Store>, token: Option<&str>) -> Self {
        let chat = Chat::builder().store(store).authenticator(Arc::new(Names)).start().await.unwrap();
        Self::of(chat, token, |_| {})
    }

    /// Over a node that runs, with more metrics.
    fn of(chat: Chat, token: Option<&str>, more: impl FnOnce(&mut Registry)) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
        let mut registry = super::metrics::registry(&chat, clock.wall());
        more(&mut registry);
        let (phase, shutdown) = Shutdown::channel();
        let token = token.map(|token| Secret::new(token.as_bytes()));
        let (tasks, ends) = (TaskTracker::new(), shutdown.clone());
        let degraded = Degraded::default();
        let operators =
            Operators { chat: chat.clone(), clock, token, registry, shutdown: ends, tasks, degraded };
        let shared = Shared::new(operators);
        Self { router: routes(shared.clone()), chat, phase, shutdown, shared }
    }

    /// Returns when no stream is open.
    pub(crate) async fn all_streams_ended(&self) {
        let all = u32::try_from(super::lines::STREAMS).unwrap();
        drop(self.shared.streams.permits.acquire_many(all).await.unwrap());
    }

    /// Asks, and returns the status and all of the answer.
    async fn ask(&self, request: Request<Body>) -> (StatusCode, String) {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, String::from_utf8(bytes.into()).unwrap())
    }

    /// The lines of a list that must be there.
    async fn lines(&self, path: &str) -> Vec<Value> {
        let (status, text) = self.ask(get(path)).await;
        assert_eq!(status, StatusCode::OK, "{text}");
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// What a command that must succeed answers.
    async fn post(&self, path: &str, body: Value) -> Value {
        let (status, text) = self.ask(post(path, &body)).await;
        assert_eq!(status, StatusCode::OK, "{text}");
        serde_json::from_str(&text).unwrap()
    }

    fn as_user(&self, name: &str) -> LocalUser {
        self.chat.user(user(name), device("test"))
    }

    pub(crate) async fn send(&self, from: &str, to: &str, text: &str) -> Sent {
        let (id, body) = (ClientMessageId(uuid::Uuid::now_v7()), MessageBody::text(text));
        self.as_user(from).send_to(user(to), id, body).await.unwrap()
    }

    /// A client that has said hello, and what it was answered.
    pub(crate) async fn client(&self, token: &str, device: &str) -> (ChannelClient, Value) {
        let (transport, client) = channel();
        self.chat.accept(transport, None);
        let hello = json!({ "type": "hello", "id": 1, "token": token, "device": device, "agent": "test/1" });
        client.send(hello.to_string()).await.unwrap();
        let answer = frame(&client).await;
        (client, answer)
    }
}

async fn frame(client: &ChannelClient) -> Value {
    serde_json::from_str(&client.next().await.unwrap()).unwrap()
}

fn get(path: &str) -> Request<Body> {
    Request::get(path).header(header::HOST, "127.0.0.1:8081").body(Body::empty()).unwrap()
}

fn post(path: &str, body: &Value) -> Request<Body> {
    let request = Request::builder().method(Method::POST).uri(path).header(header::HOST, "localhost");
    request.header(header::CONTENT_TYPE, "application/json").body(Body::from(body.to_string())).unwrap()
}

fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

fn device(name: &str) -> DeviceId {
    DeviceId::new(name).unwrap()
}
