//! The server's side of a script.

use causerie_protocol::frame::down::{Limits, Message, Page, Sent, Welcome};
use causerie_protocol::frame::{down, up};
use causerie_protocol::{
    Body, ClientMessageId, ConversationId, Down, MessageId, SUBPROTOCOL, Seq, Timestamp, Up, UserId,
};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Message as Text, Utf8Bytes};

pub(crate) struct Listener(TcpListener);

pub(crate) struct Peer(WebSocketStream<TcpStream>);

impl Listener {
    pub(crate) async fn bind() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.0.local_addr().unwrap())
    }

    /// Takes a connection up to its `hello`.
    pub(crate) async fn hello(&self) -> (Peer, up::Hello) {
        let (stream, _) = self.0.accept().await.unwrap();
        #[expect(clippy::result_large_err, reason = "the library's own type")]
        let choose = |request: &Request, mut response: Response| {
            assert_eq!(request.headers()["sec-websocket-protocol"], SUBPROTOCOL);
            assert_eq!(request.uri().path(), "/v1/ws");
            response.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static(SUBPROTOCOL));
            Ok(response)
        };
        let mut peer = Peer(tokio_tungstenite::accept_hdr_async(stream, choose).await.unwrap());
        match peer.hear().await {
            Up::Hello(hello) => {
                assert_eq!(hello.token.as_deref(), Some("canary"));
                (peer, hello)
            }
            other => panic!("{other:?}"),
        }
    }

    /// Takes a connection and says welcome.
    pub(crate) async fn welcome(&self, user: &str) -> Peer {
        let (mut peer, hello) = self.hello().await;
        let welcome = Welcome {
            id: hello.id,
            user: user.parse().unwrap(),
            device: hello.device,
            node: "n1".to_owned(),
            session: "s".to_owned(),
            time: Timestamp(1000),
            heartbeat_ms: 30_000,
            expires: None,
            limits: Limits { body_bytes: 16_384, sends_in_flight: 32, watch_users: 256 },
        };
        peer.say(Down::Welcome(Box::new(welcome))).await;
        peer
    }

    /// Answers one HTTP request; gives what came.
    pub(crate) async fn http(&self, answer: &str) -> String {
        let (mut stream, _) = self.0.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"}") {
            assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
        }
        let length = answer.len();
        let answer = format!("HTTP/1.0 200 OK\r\ncontent-length: {length}\r\n\r\n{answer}");
        stream.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8(request).unwrap()
    }
}

impl Peer {
    pub(crate) async fn hear(&mut self) -> Up {
        self.hear_or_end().await.unwrap()
    }

    pub(crate) async fn hear_or_end(&mut self) -> Option<Up> {
        loop {
            match self.0.next().await?.ok()? {
                Text::Text(text) => return Some(Up::parse(&text).unwrap()),
                Text::Close(_) => return None,
                _ => {}
            }
        }
    }

    /// The next `send`, whatever else comes before it.
    pub(crate) async fn send(&mut self) -> up::Send {
        loop {
            if let Up::Send(send) = self.hear().await {
                return send;
            }
        }
    }

    /// Answers the first listing: there is nothing.
    pub(crate) async fn no_conversations(&mut self) {
        match self.hear().await {
            Up::Conversations(request) => {
                self.say(Down::Page(Page::Conversations { id: request.id, items: Vec::new(), next: None }))
                    .await;
            }
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn say(&mut self, frame: Down) {
        self.0.send(Text::Text(frame.to_json().into())).await.unwrap();
    }

    pub(crate) async fn close(mut self, code: u16) {
        let frame = CloseFrame { code: code.into(), reason: Utf8Bytes::default() };
        self.0.close(Some(frame)).await.unwrap();
        while self.hear_or_end().await.is_some() {}
    }
}

fn direct() -> ConversationId {
    ConversationId::direct(&"alice".parse().unwrap(), &"bob".parse().unwrap())
}

pub(crate) fn message(from: &str, seq: u64) -> Down {
    Down::Message(Box::new(Message {
        conversation: direct(),
        seq: Seq(seq),
        message_id: MessageId(seq),
        kind: down::EntryKind::Message,
        from: from.parse::<UserId>().unwrap(),
        device: "d".parse().unwrap(),
        client_message_id: ClientMessageId::from_bytes(u128::from(seq).to_be_bytes()),
        time: Timestamp(1),
        body: Body::text("hi"),
    }))
}

pub(crate) fn sent(send: &up::Send, seq: u64) -> Down {
    Down::Sent(Sent {
        id: send.id.clone(),
        conversation: direct(),
        client_message_id: send.client_message_id,
        seq: Seq(seq),
        message_id: MessageId(seq),
        time: Timestamp(1),
    })
}
