//! Two people over real WebSockets, on a store on disk.

use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use causerie_actors::Chat;
use causerie_protocol::frame::ErrorCode;
use causerie_protocol::frame::down::HistoryAccess;
use causerie_protocol::{Body, ClientMessageId, Seq};
use causerie_store::fjall::{FjallConfig, FjallStore};
use causerie_store::memory::MemoryStore;
use causerie_store::port::Messages as _;
use causerie_store::port::messages::ReadLimit;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::rules::HouseRules;
use crate::service::Service;

/// Runs `test` against the service on this directory, and closes everything in order.
async fn with_service<T, F: Future<Output = T>>(directory: &Path, test: impl FnOnce(SocketAddr) -> F) -> T {
    let store = FjallStore::open(FjallConfig { reserve_bytes: 0, ..FjallConfig::new(directory) }).unwrap();
    let service = Service::open(Arc::new(store)).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let stopped = async { drop(stopped.await) };
    let serve = axum::serve(listener, service.router()).with_graceful_shutdown(stopped).into_future();
    let play = async {
        let result = test(address).await;
        stop.send(()).unwrap();
        result
    };
    let (served, result) = tokio::join!(serve, play);
    served.unwrap();
    service.close(Duration::from_secs(5)).await;
    result
}

/// Signs in: the session and the room.
async fn sign_in(address: SocketAddr, name: &str) -> Result<(String, Value), String> {
    let body = json!({ "name": name }).to_string();
    let head =
        "POST /sign-in HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json";
    let request = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    if !head.starts_with("HTTP/1.1 200") {
        return Err(body.to_owned());
    }
    let cookie = head.split("session=").nth(1).unwrap();
    let session = cookie.split(';').next().unwrap().to_owned();
    Ok((session, serde_json::from_str::<Value>(body).unwrap()["room"].take()))
}

/// A person at the socket.
struct Person {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    room: Value,
    written: u64,
}

impl Person {
    /// Signs in and comes in, by the cookie or else by `hello`.
    async fn enter(address: SocketAddr, name: &str, by_cookie: bool) -> Self {
        let (session, room) = sign_in(address, name).await.unwrap();
        let mut request = format!("ws://{address}/chat?device=test").into_client_request().unwrap();
        if by_cookie {
            request.headers_mut().insert("cookie", format!("a=b; session={session}").parse().unwrap());
        }
        let (socket, _) = connect_async(request).await.unwrap();
        let mut person = Self { socket, room, written: 0 };
        if !by_cookie {
            person.say(json!({ "type": "hello", "token": session, "device": "test" })).await;
        }
        assert_eq!(person.hear("welcome").await["user"], name);
        person
    }

    async fn say(&mut self, frame: Value) {
        self.socket.send(Message::text(frame.to_string())).await.unwrap();
    }

    /// Writes into the room, and does not wait for the answer.
    async fn write(&mut self, body: Value) {
        self.written += 1;
        let key = uuid::Uuid::from_u64_pair(0, self.written);
        let room = self.room.clone();
        let frame = json!({ "type": "send", "id": self.written, "conversation": room, "client_message_id": key, "body": body });
        self.say(frame).await;
    }

    async fn write_text(&mut self, text: &str) {
        self.write(json!({ "content_type": "text/plain", "text": text })).await;
    }

    /// The next frame of this type.
    async fn hear(&mut self, kind: &str) -> Value {
        loop {
            let message = self.socket.next().await.expect("the connection is open").unwrap();
            if let Message::Text(text) = message {
                let frame: Value = serde_json::from_str(&text).unwrap();
                if frame["type"] == kind {
                    return frame;
                }
            }
        }
    }

    /// The text of the next message that somebody wrote.
    async fn hear_text(&mut self) -> String {
        loop {
            let message = self.hear("message").await;
            if message["kind"] == "message" {
                return message["body"]["text"].as_str().unwrap().to_owned();
            }
        }
    }

    /// The sentence of a refusal, which changed nothing.
    async fn hear_refusal(&mut self) -> String {
        let error = self.hear("error").await;
        assert_eq!(
            (&error["id"], &error["code"], &error["outcome"]),
            (&json!(self.written), &json!("forbidden"), &json!("none"))
        );
        error["message"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn a_forbidden_word_is_refused_and_others_pass() {
    let directory = tempfile::tempdir().unwrap();
    with_service(directory.path(), async |address| {
        let mut alice = Person::enter(address, "alice", true).await;
        let mut bob = Person::enter(address, "bob", false).await;
        alice.write_text("Come to the Casino!").await;
        assert_eq!(alice.hear_refusal().await, "We do not say \"casino\" here.");
        alice.write_text("WHY DO YOU NOT ANSWER?").await;
        assert_eq!(alice.hear_refusal().await, "Please do not shout.");
        alice.write(json!({ "content_type": "image/png", "data": "aGVsbG8=" })).await;
        assert_eq!(alice.hear_refusal().await, "This room takes text only.");
        alice.write_text("Good morning, Bob").await;
        alice.hear("sent").await;
        assert_eq!(bob.hear_text().await, "Good morning, Bob");
    })
    .await;
}

#[tokio::test]
async fn order_is_kept_across_the_moderation_and_nothing_is_lost_on_disk() {
    let directory = tempfile::tempdir().unwrap();
    let texts: Vec<String> = (0..50).map(|n| format!("number {n}")).collect();
    let room = with_service(directory.path(), async |address| {
        let mut alice = Person::enter(address, "alice", true).await;
        let mut bob = Person::enter(address, "bob", true).await;
        for (n, text) in texts.iter().enumerate() {
            alice.write_text(text).await;
            if n % 10 == 0 {
                alice.write_text("jackpot").await;
            }
        }
        for text in &texts {
            assert_eq!(bob.hear_text().await, *text);
            alice.hear("sent").await;
        }
        alice.room
    })
    .await;

    // The directory itself, read by nobody but the store.
    let store = FjallStore::open(FjallConfig::new(directory.path())).unwrap();
    let room = room.as_str().unwrap().parse().unwrap();
    let all = ReadLimit { items: usize::MAX, bytes: usize::MAX };
    let entries = store.read(room, Seq(1), Seq(u64::MAX), all).await.unwrap();
    let kept = entries.iter().filter_map(|entry| entry.body.content().ok()?.text).collect::<Vec<_>>();
    assert_eq!(kept, texts);
}

#[tokio::test]
async fn the_room_and_what_was_said_are_there_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let before = with_service(directory.path(), async |address| {
        let mut alice = Person::enter(address, "alice", true).await;
        alice.write_text("See you tomorrow").await;
        alice.hear("sent").await;
        alice.room
    })
    .await;
    with_service(directory.path(), async |address| {
        // Carol is new: the room shows its history to those who come later.
        let mut carol = Person::enter(address, "carol", true).await;
        assert_eq!(carol.room, before);
        carol.say(json!({ "type": "sync", "id": 1, "conversation": before, "after": 0 })).await;
        let page = carol.hear("page").await;
        let items = page["items"].as_array().unwrap();
        assert!(items.iter().any(|item| item["body"]["text"] == "See you tomorrow"));
    })
    .await;
}

#[tokio::test]
async fn the_rules_hold_for_the_service_itself() {
    let chat = Chat::builder()
        .store(Arc::new(MemoryStore::new()))
        .rules(HouseRules::default())
        .start()
        .await
        .unwrap();
    let host = chat.user("the host".parse().unwrap(), "service".parse().unwrap());
    let key = |byte| ClientMessageId::from_bytes([byte; 16]);
    let title = "The room".parse().unwrap();
    let room = host.create_group(title, Vec::new(), HistoryAccess::Full, key(0)).await.unwrap().conversation;
    for (byte, text) in [(1, "FREE BEER FOR ALL OF YOU"), (2, "a lottery for all")] {
        let refusal = host.send(room, key(byte), Body::text(text)).await.unwrap_err();
        assert_eq!(refusal.code, ErrorCode::Forbidden);
    }
    let alice = chat.user("alice".parse().unwrap(), "desk".parse().unwrap());
    let refusal = alice.send_to("bob".parse().unwrap(), key(3), Body::text("Psst")).await.unwrap_err();
    assert_eq!(refusal.to_string(), "There is only the room. (forbidden)");
    assert_eq!(
        host.sync(room, Seq::ZERO, 10).await.unwrap().head,
        Seq(1),
        "only its own beginning is in the room"
    );
    chat.stop().await;
}

#[tokio::test]
async fn the_sign_in_is_the_services_own() {
    let directory = tempfile::tempdir().unwrap();
    with_service(directory.path(), async |address| {
        assert!(sign_in(address, "the host").await.unwrap_err().contains("letters and digits"));
        let (mut socket, _) = connect_async(format!("ws://{address}/chat?device=test")).await.unwrap();
        let hello = json!({ "type": "hello", "id": 1, "token": uuid::Uuid::nil(), "device": "test" });
        socket.send(Message::text(hello.to_string())).await.unwrap();
        let error: Value =
            serde_json::from_str(socket.next().await.unwrap().unwrap().to_text().unwrap()).unwrap();
        assert_eq!(error["code"], "unauthenticated");
        let Some(Ok(Message::Close(Some(close)))) = socket.next().await else { panic!("it closes") };
        assert_eq!(u16::from(close.code), 4001);
    })
    .await;
}
