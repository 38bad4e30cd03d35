//! One connection: a task that, each time it is woken, takes what waits for it, reads all that is there, and writes once.

use std::collections::HashMap;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use causerie_protocol::frame::Up;
use causerie_protocol::frame::up::{ConversationKind, Create, Hello};
use causerie_protocol::{ClientMessageId, ConversationId, DeviceId, RequestId, SUBPROTOCOL, UserId};
use futures_util::{Sink as _, Stream as _};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use super::hub::{Hub, Inbox, Post, Room};
use crate::scan;

/// The fields of a `send` that count.
#[derive(Deserialize)]
struct Send<'a> {
    #[serde(default)]
    id: Option<RequestId>,
    conversation: ConversationId,
    client_message_id: ClientMessageId,
    #[serde(borrow)]
    body: &'a RawValue,
}

struct Connection {
    socket: WebSocketStream<TcpStream>,
    waiting: mpsc::Receiver<Utf8Bytes>,
    inbox: Inbox,
    hub: Arc<Hub>,
    who: Option<(UserId, DeviceId)>,
    rooms: HashMap<ConversationId, Arc<Room>>,
    /// What was read in this wake-up and is to be made durable.
    posts: Vec<Post>,
    unflushed: bool,
}

/// Serves one connection to its end.
pub(super) async fn serve(stream: TcpStream, hub: Arc<Hub>) {
    let config = WebSocketConfig::default()
        .read_buffer_size(4 * 1024)
        .write_buffer_size(64 * 1024)
        .max_write_buffer_size(16 * 1024 * 1024);
    #[expect(clippy::result_large_err, reason = "the library's signature")]
    let choose = |_: &Request, mut response: Response| -> Result<Response, ErrorResponse> {
        response.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static(SUBPROTOCOL));
        Ok(response)
    };
    let Ok(socket) = tokio_tungstenite::accept_hdr_async_with_config(stream, choose, Some(config)).await
    else {
        return;
    };
    let (inbox, waiting) = hub.inbox();
    let mut connection = Connection {
        socket,
        waiting,
        inbox,
        hub,
        who: None,
        rooms: HashMap::new(),
        posts: Vec::new(),
        unflushed: false,
    };
    // It ends with the client; why does not matter.
    let _ = std::future::poll_fn(|context| connection.wake(context)).await;
    if let Some((user, _)) = &connection.who {
        connection.hub.leave(user, &connection.inbox);
    }
}

impl Connection {
    fn wake(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Poll::Ready(Some(frame)) = self.waiting.poll_recv(context) {
            self.write(Message::Text(frame))?;
        }
        loop {
            match Pin::new(&mut self.socket).poll_next(context) {
                Poll::Ready(Some(Ok(Message::Text(text)))) => self.frame(&text)?,
                Poll::Ready(Some(Ok(Message::Close(_)) | Err(_)) | None) => return Poll::Ready(Ok(())),
                Poll::Ready(Some(Ok(_))) => self.unflushed = true,
                Poll::Pending => break,
            }
        }
        if !self.posts.is_empty() {
            let posts = std::mem::take(&mut self.posts);
            match &self.hub.committer {
                Some(committer) => committer.push(posts),
                None => posts.iter().for_each(|post| self.hub.deliver(post)),
            }
            // Without a disk the answers are there already.
            while let Poll::Ready(Some(frame)) = self.waiting.poll_recv(context) {
                self.write(Message::Text(frame))?;
            }
        }
        if self.unflushed {
            match Pin::new(&mut self.socket).poll_flush(context) {
                Poll::Ready(result) => {
                    result.map_err(io::Error::other)?;
                    self.unflushed = false;
                }
                Poll::Pending => {}
            }
        }
        Poll::Pending
    }

    fn write(&mut self, message: Message) -> io::Result<()> {
        self.unflushed = true;
        Pin::new(&mut self.socket).start_send(message).map_err(io::Error::other)
    }

    fn answer(&mut self, answer: &serde_json::Value) -> io::Result<()> {
        self.write(Message::Text(answer.to_string().into()))
    }

    fn frame(&mut self, text: &str) -> io::Result<()> {
        if scan::kind(text.as_bytes()) == b"send" {
            return self.send(text);
        }
        let frame = Up::parse(text).map_err(io::Error::other)?;
        let id = frame.id().cloned();
        match frame {
            Up::Hello(hello) => self.hello(hello),
            Up::Ping(_) => self.answer(&json!({ "type": "pong", "id": id })),
            Up::Create(create) => self.create(create),
            Up::MembersAdd(add) => {
                self.hub.add(add.conversation, &add.users);
                self.answer(&json!({ "type": "ok", "id": id }))
            }
            Up::Conversations(_) => self.answer(
                &json!({ "type": "page", "of": "conversations", "id": id, "items": [], "next": null }),
            ),
            _ => self.answer(&json!({
                "type": "error", "id": id, "code": "unknown_type", "message": "A floor does not know this.",
                "retry": false, "outcome": "none",
            })),
        }
    }

    fn hello(&mut self, hello: Hello) -> io::Result<()> {
        let user = UserId::new(hello.token.as_deref().unwrap_or_default()).map_err(io::Error::other)?;
        self.hub.enter(&user, &self.inbox);
        let answer = json!({
            "type": "welcome", "id": hello.id, "user": user, "device": hello.device, "node": "floor",
            "session": "floor", "time": "2000-01-01T00:00:00.000Z", "heartbeat_ms": 30_000,
            "limits": { "body_bytes": 16_384, "sends_in_flight": 1_024, "watch_users": 0 },
        });
        self.who = Some((user, hello.device));
        self.answer(&answer)
    }

    fn create(&mut self, create: Create) -> io::Result<()> {
        let Some((user, _)) = &self.who else { return Err(io::ErrorKind::PermissionDenied.into()) };
        let id = match (create.kind, create.members.first(), &create.client_id) {
            (ConversationKind::Direct, Some(other), _) => ConversationId::direct(user, other),
            (_, _, Some(client_id)) => ConversationId::group(user, client_id),
            _ => return Err(io::ErrorKind::InvalidData.into()),
        };
        let mut members = create.members;
        members.push(user.clone());
        let room = self.hub.add(id, &members);
        self.rooms.insert(id, room);
        self.answer(&json!({
            "type": "created", "id": create.id,
            "conversation": {
                "conversation": id, "kind": create.kind, "member_count": members.len(), "role": "owner",
                "history": "full", "head": 0, "first": 1, "delivered": 0, "read": 0, "unread": 0,
            },
        }))
    }

    fn send(&mut self, text: &str) -> io::Result<()> {
        let send: Send<'_> = serde_json::from_str(text)?;
        let Some((user, device)) = self.who.clone() else {
            return Err(io::ErrorKind::PermissionDenied.into());
        };
        let room = match self.rooms.get(&send.conversation) {
            Some(room) => room.clone(),
            None => {
                let room = self.hub.room(send.conversation).ok_or(io::ErrorKind::NotFound)?;
                self.rooms.insert(send.conversation, room.clone());
                room
            }
        };
        self.posts.push(Post {
            room,
            sender: self.inbox.clone(),
            user,
            device,
            request: send.id,
            client_message_id: send.client_message_id,
            body: send.body.get().into(),
        });
        Ok(())
    }
}
