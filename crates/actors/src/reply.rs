//! The one answer that every request gets.

use causerie_protocol::frame::{Down, ErrorCode, ErrorFrame};
use causerie_protocol::{RequestId, wire};

use crate::connection::{ConnectionHandle, Outgoing};

/// A caller inside the process: it gets the frame as a value.
type Call = Box<dyn FnOnce(Down) + Send>;

enum To {
    Connection(ConnectionHandle),
    Call(Call),
    Answered,
}

/// Whom to answer, exactly once. One that is dropped unanswered says `unknown_outcome`, so that nobody waits for ever.
pub struct Reply {
    to: To,
    id: Option<RequestId>,
}

impl Reply {
    /// An answer to a request of a connection.
    pub fn connection(connection: ConnectionHandle, id: Option<RequestId>) -> Self {
        Self { to: To::Connection(connection), id }
    }

    /// An answer to a caller inside the process.
    pub fn call(call: impl FnOnce(Down) + Send + 'static) -> Self {
        Self { to: To::Call(Box::new(call)), id: None }
    }

    /// An answer that nobody waits for.
    pub fn nobody() -> Self {
        Self { to: To::Answered, id: None }
    }

    /// What the client called its request.
    pub fn id(&self) -> Option<&RequestId> {
        self.id.as_ref()
    }

    /// The connection to answer, if it is one.
    pub fn to_connection(&self) -> Option<&ConnectionHandle> {
        match &self.to {
            To::Connection(connection) => Some(connection),
            _ => None,
        }
    }

    /// Answers. `make` gets the id of the request.
    pub fn send(mut self, make: impl FnOnce(Option<RequestId>) -> Down) {
        self.answer(make);
    }

    /// Answers with an error.
    pub fn error(self, code: ErrorCode, message: impl Into<String>) {
        self.send(|id| Down::Error(ErrorFrame::new(id, code, message)));
    }

    /// Answers with bytes made elsewhere, for connections; `make` is for callers inside the process.
    pub fn send_encoded(
        mut self,
        item: impl FnOnce(Option<&RequestId>) -> Outgoing,
        make: impl FnOnce() -> Down,
    ) {
        match std::mem::replace(&mut self.to, To::Answered) {
            To::Connection(connection) => connection.push(item(self.id.as_ref())),
            To::Call(call) => call(make()),
            To::Answered => {}
        }
    }

    /// The answer went out by another way, in the frames of a batch.
    pub fn answered(mut self) {
        self.to = To::Answered;
    }

    fn answer(&mut self, make: impl FnOnce(Option<RequestId>) -> Down) {
        match std::mem::replace(&mut self.to, To::Answered) {
            To::Connection(connection) => {
                let mut bytes = Vec::new();
                wire::down(&mut bytes, &make(self.id.take()));
                connection.push(Outgoing::Answer(bytes.into()));
            }
            To::Call(call) => call(make(None)),
            To::Answered => {}
        }
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        self.answer(|id| {
            let message = "The server stopped working on this request; it may have been done.";
            Down::Error(ErrorFrame::new(id, ErrorCode::UnknownOutcome, message))
        });
    }
}

impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reply").field("id", &self.id).finish_non_exhaustive()
    }
}
