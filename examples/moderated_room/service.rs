//! The service: its pages, its sign-in, and the room.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Query, State, WebSocketUpgrade};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use causerie_actors::{Change, Chat, LocalUser, channel};
use causerie_protocol::frame::down::HistoryAccess;
use causerie_protocol::{ClientMessageId, ConversationId, DeviceId, SUBPROTOCOL};
use causerie_store::Store;
use serde::Deserialize;
use serde_json::json;

use crate::rules::HouseRules;
use crate::sessions::{Name, Sessions};
use crate::socket::carry;

/// Everything that a request needs.
#[derive(Clone)]
pub(crate) struct Service {
    chat: Chat,
    sessions: Arc<Sessions>,
    /// Owns the room and lets people in. No name that a person can choose is this one.
    host: LocalUser,
    room: ConversationId,
}

impl Service {
    /// Starts Causerie on a store and opens the room, which is the same one every time.
    pub(crate) async fn open(store: Arc<dyn Store>) -> anyhow::Result<Self> {
        let sessions = Arc::new(Sessions::default());
        let chat = Chat::builder()
            .store(store)
            .rules(HouseRules::default())
            .authenticator(Arc::clone(&sessions) as _)
            .start()
            .await?;
        let host = chat.user("the host".parse()?, "service".parse()?);
        let key = ClientMessageId::from_bytes(*b"the only room...");
        let room = host.create_group("The room".parse()?, Vec::new(), HistoryAccess::Full, key).await?;
        Ok(Self { chat, sessions, host, room: room.conversation })
    }

    /// The routes. They are an axum router like any other: nest it, layer it, put it beside your own.
    pub(crate) fn router(&self) -> Router {
        Router::new()
            .route("/", get(async || Html(include_str!("page.html"))))
            .route("/sign-in", post(sign_in))
            .route("/chat", get(connect))
            .with_state(self.clone())
    }

    /// Tells the clients to come back later, and lets what is under way finish.
    pub(crate) async fn close(self, deadline: Duration) {
        self.chat.drain(Duration::from_secs(1), deadline).await;
        self.chat.stop().await;
    }
}

#[derive(Deserialize)]
struct SignIn {
    name: Name,
}

/// Gives out a cookie, and the key of the room.
async fn sign_in(State(service): State<Service>, Json(SignIn { name }): Json<SignIn>) -> Response {
    let user = name.user();
    // Adding somebody who is in already changes nothing.
    if let Err(refusal) = service.host.change(service.room, Change::Add(vec![user.clone()])).await {
        return (StatusCode::SERVICE_UNAVAILABLE, refusal.to_string()).into_response();
    }
    let session = service.sessions.open(user.clone());
    // `SameSite=Strict` keeps the pages of others from opening sockets in the name of who is signed in here.
    let cookie = format!("session={session}; Path=/; HttpOnly; SameSite=Strict");
    ([(SET_COOKIE, cookie)], Json(json!({ "user": user, "room": service.room }))).into_response()
}

#[derive(Deserialize)]
struct Client {
    device: DeviceId,
}

/// Takes a WebSocket, and hands it over.
async fn connect(
    State(service): State<Service>,
    Query(Client { device }): Query<Client>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let identity = service.sessions.of_cookie(&headers);
    let (transport, client) = channel();
    match identity {
        // A browser: the cookie says who it is, so it is welcomed at once.
        Some(identity) => service.chat.attach(identity, device, transport),
        // A program without cookies: it has to say `hello`, with the session as its token.
        None => service.chat.accept(transport, None),
    };
    let largest = service.chat.settings().frame_bytes;
    upgrade.protocols([SUBPROTOCOL]).max_message_size(largest).on_upgrade(move |socket| carry(socket, client))
}
