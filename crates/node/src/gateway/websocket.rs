//! A WebSocket as a transport of the connection actor.
//!
//! The socket is read into one buffer per thread and the frames are fed from there, so an idle connection keeps no
//! buffer; what is written comes as whole frames from the actor. Control frames are answered by the WebSocket library
//! into the same outgoing bytes, always between frames.

use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use causerie_actors::{Incoming, Transport, TransportEnd};
use causerie_protocol::frame::CloseCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig, WebSocketContext};
use tokio_tungstenite::tungstenite::{Error, Message};

/// How much is read from a socket at a time.
const READ: usize = 64 * 1024;

thread_local! {
    /// Shared by all connections of a thread: it is used within one poll only.
    static BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ].into());
}

/// The largest frames, before and after the client is known.
#[derive(Clone, Copy, Debug)]
pub struct FrameLimits {
    /// Before `welcome`, in bytes.
    pub unauthenticated: usize,
    /// After it.
    pub authenticated: usize,
}

/// One WebSocket.
pub struct WebSocketTransport<S> {
    stream: S,
    context: WebSocketContext,
    limits: FrameLimits,
    limit: usize,
    address: SocketAddr,
    half_closed: bool,
}

impl<S> WebSocketTransport<S> {
    /// A socket whose handshake is done.
    pub fn new(stream: S, limits: FrameLimits, address: SocketAddr) -> Self {
        let limit = limits.unauthenticated;
        let context = WebSocketContext::new(Role::Server, Some(config(limit)));
        Self { stream, context, limits, limit, address, half_closed: false }
    }

    /// Hands the frames in `input` to `take`; answers to control frames go to `replies`.
    pub(super) fn feed(
        &mut self,
        input: &[u8],
        take: &mut dyn FnMut(Incoming<'_>),
        replies: &mut Vec<u8>,
    ) -> Result<(), TransportEnd> {
        let mut wire = Wire { input, output: replies };
        while let Some(message) = self.next(&mut wire)? {
            match message {
                Message::Text(text) => take(Incoming::Text(&text)),
                Message::Binary(_) => {
                    return Err(TransportEnd::Violation("Frames are text, this one was binary.".to_owned()));
                }
                Message::Ping(_) | Message::Pong(_) => take(Incoming::Heartbeat),
                Message::Close(_) | Message::Frame(_) => {}
            }
        }
        Ok(())
    }

    /// The next whole message of what is there, its answer written if it has one; `None` when more has to come first.
    pub(super) fn next(&mut self, wire: &mut Wire<'_, '_>) -> Result<Option<Message>, TransportEnd> {
        let result = match self.context.read(wire) {
            Ok(message) => return Ok(Some(message)),
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(self.end_of(error)),
        };
        // Writing to memory does not fail. The answer to the client's close, if there is one, goes out too; a closed
        // context says so when it is next read.
        let _ = self.context.flush(wire);
        result
    }

    /// Appends a close frame.
    pub(super) fn close(&mut self, code: u16, reason: &str, out: &mut Vec<u8>) {
        let frame = CloseFrame { code: code.into(), reason: reason.into() };
        let mut wire = Wire { input: &[], output: out };
        // Fails only when the client has closed before; then it has been answered.
        let _ = self.context.close(&mut wire, Some(frame));
        let _ = self.context.flush(&mut wire);
    }

    fn end_of(&self, error: Error) -> TransportEnd {
        match error {
            Error::ConnectionClosed | Error::AlreadyClosed => TransportEnd::Closed,
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => TransportEnd::Closed,
            Error::Capacity(CapacityError::MessageTooLong { .. }) => {
                TransportEnd::TooLarge { limit: self.limit }
            }
            Error::Io(error) => TransportEnd::Broken(error.to_string()),
            other => TransportEnd::Violation(format!("The WebSocket protocol was broken: {other}.")),
        }
    }
}

fn config(limit: usize) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(64)
        .write_buffer_size(0)
        .max_write_buffer_size(1024 * 1024)
        .max_message_size(Some(limit))
        .max_frame_size(Some(limit))
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Transport for WebSocketTransport<S> {
    fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        take: &mut dyn FnMut(Incoming<'_>),
        replies: &mut Vec<u8>,
    ) -> Poll<Result<(), TransportEnd>> {
        BUFFER.with_borrow_mut(|buffer| {
            let mut read = ReadBuf::new(buffer);
            match Pin::new(&mut self.stream).poll_read(context, &mut read) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(Err(error)) => Poll::Ready(Err(TransportEnd::Broken(error.to_string()))),
                Poll::Ready(Ok(())) if read.filled().is_empty() => Poll::Ready(Err(TransportEnd::Closed)),
                Poll::Ready(Ok(())) => Poll::Ready(self.feed(read.filled(), take, replies)),
            }
        })
    }

    fn poll_write(&mut self, context: &mut Context<'_>, out: &mut Vec<u8>) -> Poll<io::Result<()>> {
        let mut written = 0;
        let result = loop {
            if written == out.len() {
                break Poll::Ready(Ok(()));
            }
            match Pin::new(&mut self.stream).poll_write(context, &out[written..]) {
                Poll::Ready(Ok(0)) => break Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(bytes)) => written += bytes,
                Poll::Ready(Err(error)) => break Poll::Ready(Err(error)),
                Poll::Pending => break Poll::Pending,
            }
        };
        if written == out.len() {
            // An idle connection keeps no buffer.
            *out = Vec::new();
        } else {
            out.drain(..written);
        }
        match result {
            Poll::Ready(Ok(())) => Pin::new(&mut self.stream).poll_flush(context),
            other => other,
        }
    }

    fn write_close(&mut self, code: CloseCode, reason: &str, out: &mut Vec<u8>) {
        self.close(code.number(), reason, out);
    }

    fn poll_shutdown(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if !self.half_closed {
            match Pin::new(&mut self.stream).poll_shutdown(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(())) => self.half_closed = true,
                Poll::Ready(Err(_)) => return Poll::Ready(()),
            }
        }
        // A socket that is dropped with bytes unread is reset, and the close frame could be lost: read to the end.
        BUFFER.with_borrow_mut(|buffer| {
            loop {
                let mut read = ReadBuf::new(buffer);
                match Pin::new(&mut self.stream).poll_read(context, &mut read) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Ok(())) if !read.filled().is_empty() => {}
                    Poll::Ready(_) => return Poll::Ready(()),
                }
            }
        })
    }

    fn authenticated(&mut self) {
        self.limit = self.limits.authenticated;
        let limit = self.limit;
        self.context.set_config(|config| {
            config.max_message_size = Some(limit);
            config.max_frame_size = Some(limit);
        });
    }

    fn peer(&self) -> String {
        self.address.to_string()
    }
}

/// What the WebSocket library reads from and writes to.
pub(super) struct Wire<'i, 'o> {
    pub(super) input: &'i [u8],
    pub(super) output: &'o mut Vec<u8>,
}

impl Read for Wire<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.input.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.input.read(buffer)
    }
}

impl Write for Wire<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.output.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
