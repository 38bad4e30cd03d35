//! What a session wants done.

use std::time::Duration;

use causerie_protocol::frame::down::{Message, Presence, Receipt, Sent, Welcome};
use causerie_protocol::frame::{CloseCode, ErrorFrame};
use causerie_protocol::{Down, Up};

use super::input::Ticket;
use crate::draft::SendError;
use crate::request::RequestError;

/// Names one attempt at a connection; rising.
pub type LinkId = u64;

/// What a session wants done, in order.
#[derive(Debug)]
pub enum Effect {
    /// Get a token and feed [`Input::Token`](super::Input::Token).
    FetchToken {
        /// The connection it is for.
        link: LinkId,
    },
    /// Open a socket, leaving any other, and feed [`Input::Opened`](super::Input::Opened) or
    /// [`Input::Lost`](super::Input::Lost).
    Dial {
        /// Its name.
        link: LinkId,
    },
    /// Write a frame to the open socket.
    Write(Box<Up>),
    /// Close the socket.
    Hangup,
    /// Give the application an event. There is room for it.
    Emit(Event),
    /// A send has come to its end.
    Settle(Ticket, Result<Sent, SendError>),
    /// A request has come to its end.
    Answer(Ticket, Result<Down, RequestError>),
    /// The session is over; nothing follows but the answers to what is fed afterwards.
    End(Ended),
}

/// What an application hears.
#[derive(Clone, Debug)]
pub enum Event {
    /// The connection is open, for the first time or again.
    Connected(Box<Welcome>),
    /// The connection is lost.
    Disconnected {
        /// Why, for a person.
        reason: String,
        /// When it is dialled again; none when it is not.
        again_in: Option<Duration>,
    },
    /// A message: each once, rising by seq within its conversation, the application's own in their places.
    Message(Box<Message>),
    /// How far a user has received and read.
    Receipt(Receipt),
    /// A watched user came or went.
    Presence(Presence),
    /// The application listened too slowly to keep every receipt and presence: ask for what is needed. Messages are
    /// never missed.
    Missed,
}

/// Why a session is over, or never began.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Ended {
    /// The application closed it.
    #[error("the session was closed")]
    Closed,
    /// The server could not be reached; nothing was sent.
    #[error("cannot reach the server: {0}")]
    Unreachable(String),
    /// There was no token to sign in with; nothing was sent.
    #[error("cannot sign in: {0}")]
    NoToken(String),
    /// The server did not accept the sign-in; nothing was changed.
    #[error("the server refused the sign-in: {}", .0.message)]
    Refused(ErrorFrame),
    /// The server closed and said not to come back.
    #[error("the server closed the connection: {reason}{}", .code.map(|code| format!(" ({})", code.number())).unwrap_or_default())]
    StayAway {
        /// The close code, where it is one of the protocol.
        code: Option<CloseCode>,
        /// Why, for a person.
        reason: String,
    },
    /// The connection is lost, and the options say not to dial again. Unanswered sends may have been done.
    #[error("the connection is lost: {0}")]
    Lost(String),
}
