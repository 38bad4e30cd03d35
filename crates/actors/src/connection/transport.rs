//! What carries frames: a WebSocket, or anything an embedder has.

use std::io;
use std::task::{Context, Poll};

use causerie_protocol::frame::CloseCode;

/// Something that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Incoming<'a> {
    /// A frame.
    Text(&'a str),
    /// A sign of life without content (a WebSocket ping or pong).
    Heartbeat,
}

/// Why nothing more arrives.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransportEnd {
    /// The client closed, or the stream ended.
    #[error("the client closed")]
    Closed,
    /// The stream broke.
    #[error("the stream broke: {0}")]
    Broken(String),
    /// The client does not speak the protocol; it is told why and closed.
    #[error("{0}")]
    Violation(String),
    /// A frame was larger than allowed; known before it was read.
    #[error("a frame is larger than {limit} bytes")]
    TooLarge {
        /// What is allowed.
        limit: usize,
    },
}

/// Carries the frames of one client. Polled by the connection actor only, with the actor's own waker.
pub trait Transport: Send + 'static {
    /// Takes in what is there and hands each frame to `take`, in order. What the carrier itself has to answer (a pong) is
    /// appended to `replies`, which holds whole frames.
    ///
    /// `Ready(Ok)`: something was read, there may be more. `Pending`: nothing is there; the waker is called when it is.
    fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        take: &mut dyn FnMut(Incoming<'_>),
        replies: &mut Vec<u8>,
    ) -> Poll<Result<(), TransportEnd>>;

    /// Writes from the front of `out`, which holds whole frames as [`wire`](causerie_protocol::wire) writes them, and
    /// removes what was written. `Ready(Ok)`: `out` is empty, and nothing of it is held back. `Pending`: the waker is
    /// called when it goes on; it is called again then, with an empty `out` if everything was taken.
    fn poll_write(&mut self, context: &mut Context<'_>, out: &mut Vec<u8>) -> Poll<io::Result<()>>;

    /// Appends to `out` what tells the client that this is the end, and why.
    fn write_close(&mut self, code: CloseCode, reason: &str, out: &mut Vec<u8>);

    /// Ends the stream after the last write. `Ready` when there is nothing more to do.
    fn poll_shutdown(&mut self, context: &mut Context<'_>) -> Poll<()>;

    /// The client is known now: it may say more.
    fn authenticated(&mut self) {}

    /// Where the client is, for logs and the operator.
    fn peer(&self) -> String;
}
