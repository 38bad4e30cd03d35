//! What happens to a connection.

use causerie_protocol::frame::CloseCode;

use super::transport::TransportEnd;
use crate::authenticate::{AuthenticateError, Identity};

/// Why a connection has to end, as others see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// The close code.
    pub code: CloseCode,
    /// The reason in `goodbye`.
    pub reason: &'static str,
    /// When the client should come back; `None`: not by itself.
    pub reconnect_after_ms: Option<u64>,
}

impl End {
    /// The operator closed it.
    pub const KICKED: Self =
        Self { code: CloseCode::GoingAway, reason: "kicked", reconnect_after_ms: Some(1000) };

    /// Its token was revoked.
    pub const REVOKED: Self =
        Self { code: CloseCode::Unauthenticated, reason: "revoked", reconnect_after_ms: None };

    /// The operator keeps its user out.
    pub const SUSPENDED: Self =
        Self { code: CloseCode::Unauthenticated, reason: "suspended", reconnect_after_ms: None };

    /// A newer connection of the same device took over.
    pub const REPLACED: Self =
        Self { code: CloseCode::Replaced, reason: "replaced", reconnect_after_ms: None };

    /// It does not take what it is sent.
    pub const LAGGING: Self =
        Self { code: CloseCode::Lagging, reason: "lagging", reconnect_after_ms: Some(1000) };

    /// The node goes away.
    pub fn draining(reconnect_after_ms: u64) -> Self {
        Self { code: CloseCode::GoingAway, reason: "draining", reconnect_after_ms: Some(reconnect_after_ms) }
    }
}

/// What happened.
#[derive(Debug)]
pub enum Input<'a> {
    /// The client said something.
    Frame(&'a str),
    /// The client gave a sign of life.
    Heartbeat,
    /// Who the client is; `refresh` when it was known before.
    Authenticated {
        /// The answer.
        result: Result<Identity, AuthenticateError>,
        /// What was asked.
        login: super::effect::Login,
    },
    /// The client is registered, or was not.
    Registered(Result<super::state::Session, End>),
    /// So many answers were written.
    Answered(usize),
    /// The socket takes nothing, or takes something again.
    Blocked(bool),
    /// Nothing more arrives.
    Gone(TransportEnd),
    /// Somebody else wants it to end.
    End(End),
    /// Time has passed.
    Tick,
}
