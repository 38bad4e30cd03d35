//! What is done to a request.

use crate::failure::Failure;

/// What a rule does when it has its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing: it counts, and later rules are asked too.
    Count,
    /// Keeps the request from the server until it is released. The effect counts when it is held.
    HoldRequest,
    /// Keeps the answer from the client until it is released. The effect counts when the answer is here: applied.
    HoldAnswer,
    /// The server never sees the request, the client never gets an answer.
    DropRequest,
    /// The server answered; the client never hears of it.
    DropAnswer,
    /// Ends the client's connection instead of sending the request on.
    CloseBefore,
    /// Ends the client's connection once the server has answered.
    CloseAfter,
    /// Answers in the server's place; the server never sees the request.
    Answer(Failure),
    /// The server answered; the client is told of a failure instead.
    Replace(Failure),
}

impl Action {
    /// Whether it waits for what the server answers.
    pub(crate) fn is_behind(self) -> bool {
        matches!(self, Self::HoldAnswer | Self::DropAnswer | Self::CloseAfter | Self::Replace(_))
    }
}
