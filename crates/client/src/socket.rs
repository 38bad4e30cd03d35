//! The WebSocket: frames in and out as text, nothing decided.

use std::collections::VecDeque;
use std::time::Duration;

use causerie_protocol::{SUBPROTOCOL, Up};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

use crate::net::{self, Stream};
use crate::url::ServerUrl;

/// The largest frame that is read: a full page of the largest bodies, escaped.
const MESSAGE_MAX: usize = 32 * 1024 * 1024;
/// How long the last frames may take to leave.
const FAREWELL: Duration = Duration::from_secs(1);
/// How long the handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// An open WebSocket.
pub(crate) struct Socket {
    sink: SplitSink<WebSocketStream<Stream>, Message>,
    stream: SplitStream<WebSocketStream<Stream>>,
    queue: VecDeque<Utf8Bytes>,
    unflushed: bool,
    closed: Option<(u16, String)>,
}

/// What came.
pub(crate) enum Received {
    /// A frame.
    Text(Utf8Bytes),
    /// The end: the close code where there was one, and why.
    End(Option<u16>, String),
}

impl Socket {
    /// Opens a WebSocket. The error is for a person.
    pub(crate) async fn open(url: ServerUrl) -> Result<Self, String> {
        let stream = net::dial(&url).await.map_err(|error| error.to_string())?;
        let mut request = url.websocket().into_client_request().map_err(|error| error.to_string())?;
        request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
        let config =
            WebSocketConfig::default().max_message_size(Some(MESSAGE_MAX)).max_frame_size(Some(MESSAGE_MAX));
        let handshake = tokio_tungstenite::client_async_with_config(request, stream, Some(config));
        let (socket, _) = match tokio::time::timeout(HANDSHAKE, handshake).await {
            Ok(done) => done.map_err(|error| format!("{}: {}", url.authority(), explain(error)))?,
            Err(_) => return Err(format!("{}: no answer in time", url.authority())),
        };
        let (sink, stream) = socket.split();
        Ok(Self { sink, stream, queue: VecDeque::new(), unflushed: false, closed: None })
    }

    /// Puts a frame behind those that wait to be written. The session bounds how many there are.
    pub(crate) fn push(&mut self, frame: &Up) {
        self.queue.push_back(frame.to_json().into());
    }

    /// The next thing that comes. Writes what waits meanwhile; may be dropped and called again at any time.
    pub(crate) async fn next(&mut self) -> Received {
        loop {
            let writing = !self.queue.is_empty() || self.unflushed;
            let (sink, queue, unflushed) = (&mut self.sink, &mut self.queue, &mut self.unflushed);
            tokio::select! {
                item = self.stream.next() => match item {
                    Some(Ok(Message::Text(text))) => return Received::Text(text),
                    Some(Ok(Message::Close(frame))) => {
                        self.closed = frame.map(|frame| (frame.code.into(), frame.reason.to_string()));
                        self.unflushed = true;
                    }
                    // The answer to a ping is already made, and leaves with the next flush.
                    Some(Ok(_)) => self.unflushed = true,
                    Some(Err(error)) => return self.end(explain(error)),
                    None => return self.end("the server closed the connection".to_owned()),
                },
                result = write(sink, queue, unflushed), if writing => if let Err(error) = result {
                    // What the server said before it closed is still to be read; then the stream ends too.
                    if !matches!(error, Error::ConnectionClosed | Error::AlreadyClosed | Error::Protocol(_)) {
                        return self.end(explain(error));
                    }
                    self.queue.clear();
                    self.unflushed = false;
                },
            }
        }
    }

    fn end(&mut self, reason: String) -> Received {
        match self.closed.take() {
            Some((code, said)) => Received::End(Some(code), if said.is_empty() { reason } else { said }),
            None => Received::End(None, reason),
        }
    }

    /// Writes what waits and says goodbye, as far as that is quick.
    pub(crate) async fn farewell(mut self) {
        let last = async {
            write(&mut self.sink, &mut self.queue, &mut self.unflushed).await?;
            let close = CloseFrame { code: CloseCode::Normal, reason: Utf8Bytes::default() };
            self.sink.send(Message::Close(Some(close))).await?;
            // Until the server has closed too, or the last frames might be lost with the socket.
            while let Some(Ok(_)) = self.stream.next().await {}
            Ok::<_, Error>(())
        };
        if tokio::time::timeout(FAREWELL, last).await.is_err() {
            tracing::debug!("the server did not answer the close in time");
        }
    }
}

/// Writes what waits. May be dropped at any time: a frame leaves the queue only once the sink has it.
async fn write(
    sink: &mut SplitSink<WebSocketStream<Stream>, Message>,
    queue: &mut VecDeque<Utf8Bytes>,
    unflushed: &mut bool,
) -> Result<(), Error> {
    while let Some(frame) = queue.front() {
        sink.feed(Message::Text(frame.clone())).await?;
        queue.pop_front();
        *unflushed = true;
    }
    sink.flush().await?;
    *unflushed = false;
    Ok(())
}

fn explain(error: Error) -> String {
    match error {
        Error::Http(response) => {
            format!("the server answered with status {} instead of a WebSocket", response.status())
        }
        Error::Io(error) => error.to_string(),
        Error::ConnectionClosed | Error::AlreadyClosed => "the server closed the connection".to_owned(),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => "the connection was lost".to_owned(),
        error => error.to_string(),
    }
}
