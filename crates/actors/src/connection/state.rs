//! What a connection knows.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use causerie_protocol::{ConversationId, Seq};
use parking_lot::Mutex;

use super::input::End;
use super::mailbox::ConnectionHandle;
use crate::authenticate::Identity;
use crate::bucket::Bucket;
use crate::conversation::Origin;
use crate::settings::Settings;

/// A client that is known and registered.
#[derive(Debug)]
pub struct Session {
    /// Who, on which device, by which connection.
    pub origin: Arc<Origin>,
    /// The token's facts.
    pub identity: Identity,
    /// The user's share of sends, over all its connections.
    pub user_sends: Arc<Mutex<Bucket>>,
    /// The request that is answered with `welcome`.
    pub hello: Option<causerie_protocol::RequestId>,
}

/// Where in its life a connection is.
#[derive(Debug)]
pub(super) enum Phase {
    /// Nothing but `hello` is accepted, until this time.
    Waiting {
        until: Duration,
        bytes_left: usize,
        /// The token of the handshake, if it carried one.
        token: Option<Box<str>>,
    },
    /// A token is being checked. What the client says meanwhile waits, and is no more than it may say before `hello`.
    Entering { bytes_left: usize },
    /// Everything is accepted.
    Open(Box<Open>),
    /// Nothing is accepted any more.
    Ended,
}

#[derive(Debug)]
pub(super) struct Open {
    pub(super) session: Session,
    pub(super) sends: Bucket,
    pub(super) requests: Bucket,
    /// Cursors of this wake-up: the highest of each conversation goes on.
    pub(super) cursors: BTreeMap<ConversationId, (Seq, Seq)>,
}

/// The state of one connection.
#[derive(Debug)]
pub struct Connection {
    pub(super) handle: ConnectionHandle,
    pub(super) phase: Phase,
    /// Requests that are not answered yet.
    pub(super) unanswered: usize,
    pub(super) heard: Duration,
    /// Since when the socket takes nothing.
    pub(super) blocked: Option<Duration>,
    /// When the connection is woken: for its own deadline, and for a socket that takes nothing.
    pub(super) wakes: [Option<Duration>; 2],
    /// Its end, when it waits for the last answers; and since when.
    pub(super) ending: Option<(End, Duration)>,
}

impl Connection {
    /// A client that has to say `hello`.
    pub fn new(
        handle: ConnectionHandle,
        token: Option<Box<str>>,
        settings: &Settings,
        now: Duration,
    ) -> Self {
        let phase = Phase::Waiting {
            until: now + settings.hello_timeout,
            bytes_left: settings.unauthenticated_bytes,
            token,
        };
        Self { handle, phase, unanswered: 0, heard: now, blocked: None, wakes: [None; 2], ending: None }
    }

    /// A client whose identity the embedder vouches for; it is being registered.
    pub fn known(handle: ConnectionHandle, now: Duration) -> Self {
        Self {
            handle,
            // The embedder's own client is known from the start.
            phase: Phase::Entering { bytes_left: usize::MAX },
            unanswered: 0,
            heard: now,
            blocked: None,
            wakes: [None; 2],
            ending: None,
        }
    }

    /// Whether another frame may be read now.
    pub fn wants_more(&self, settings: &Settings) -> bool {
        match self.phase {
            Phase::Waiting { .. } => true,
            Phase::Open(_) => self.unanswered < settings.sends_in_flight && self.ending.is_none(),
            Phase::Entering { .. } | Phase::Ended => false,
        }
    }

    /// Who the client is, once that is known.
    pub fn identity(&self) -> Option<&Identity> {
        match &self.phase {
            Phase::Open(open) => Some(&open.session.identity),
            _ => None,
        }
    }

    /// Whether nothing is accepted any more.
    pub fn has_ended(&self) -> bool {
        matches!(self.phase, Phase::Ended)
    }
}
