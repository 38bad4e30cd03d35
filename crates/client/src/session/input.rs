//! What happens to a session.

use std::time::Duration;

use causerie_protocol::{ConversationId, Down, Seq, Up};

use super::effect::LinkId;
use crate::draft::Draft;
use crate::token::{Token, TokenError};

/// Names a request of the application; chosen by the driver, rising, never used twice.
pub type Ticket = u64;

/// When something happens, and the chance that goes with it.
#[derive(Clone, Copy, Debug)]
pub struct At {
    /// Time that never goes back.
    pub now: Duration,
    /// Any number; spreads reconnects.
    pub random: u64,
}

/// What happens to a session. Inputs of a connection carry its [`LinkId`]; those of an earlier one are ignored.
#[derive(Debug)]
pub enum Input {
    /// Begin. Causes the first dial.
    Open,
    /// The answer to [`Effect::FetchToken`](super::Effect::FetchToken).
    Token {
        /// The connection it was asked for.
        link: LinkId,
        /// The token, or why there is none.
        token: Result<Token, TokenError>,
    },
    /// The socket is open. Causes `hello`.
    Opened {
        /// The connection.
        link: LinkId,
    },
    /// The server said something.
    Frame {
        /// The connection.
        link: LinkId,
        /// What it said.
        frame: Down,
    },
    /// The socket could not be opened, or is gone.
    Lost {
        /// The connection.
        link: LinkId,
        /// The close code, where the server sent one.
        code: Option<u16>,
        /// Why, for a person.
        reason: String,
    },
    /// The application sends. Answered by one [`Effect::Settle`](super::Effect::Settle), whatever happens.
    Send {
        /// Names it.
        ticket: Ticket,
        /// The message.
        draft: Box<Draft>,
    },
    /// The application asks. Answered by one [`Effect::Answer`](super::Effect::Answer), whatever happens.
    Request {
        /// Names it.
        ticket: Ticket,
        /// The request; its `id` is set by the session.
        frame: Box<Up>,
    },
    /// The application has received everything up to here. Has no answer.
    Delivered(ConversationId, Seq),
    /// The person has read everything up to here. Has no answer.
    Read(ConversationId, Seq),
    /// The application has room for so many events.
    Room(usize),
    /// The application does not listen any more: from now on as with [`Start::Nothing`](super::Start::Nothing).
    Deaf,
    /// The deadline has passed.
    Tick,
    /// The application is done. Causes what is due to be written, and [`Effect::End`](super::Effect::End).
    Close,
}
