//! What a connection wants done. The shell performs effects in their order.

use std::time::Duration;

use causerie_cluster::directory::Leave;
use causerie_protocol::frame::{CloseCode, Down};
use causerie_protocol::{ConversationId, DeviceId, RequestId, UserId};
use causerie_store::model::Profile;

use crate::authenticate::Identity;
use crate::conversation::Request;
use crate::metrics::Limit;
use crate::reply::Reply;

/// A token to be checked. Its text is never printed.
pub struct Login {
    /// The request.
    pub id: Option<RequestId>,
    /// The token.
    pub token: Box<str>,
    /// The device, for a `hello`; `None` for a `refresh`.
    pub device: Option<DeviceId>,
    /// The client's name for itself.
    pub agent: Option<Box<str>>,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login").field("id", &self.id).field("device", &self.device).finish_non_exhaustive()
    }
}

/// A question that the store answers, beside the conversations.
#[derive(Debug)]
pub enum Query {
    /// A page of the user's conversations.
    Conversations {
        /// What the client has.
        known: Vec<causerie_protocol::frame::up::Known>,
        /// At most so many.
        limit: usize,
        /// Where the page begins.
        after: Option<Box<str>>,
    },
    /// Blocks or unblocks a user.
    Block(UserId, bool),
    /// Whom the user has blocked.
    Blocks,
    /// Profiles.
    Profiles(Vec<UserId>),
    /// Replaces the user's profile.
    SetProfile(Profile),
    /// The user's settings.
    Settings,
    /// Replaces them.
    SetSettings(Box<str>),
    /// Watches users.
    Watch(Vec<UserId>),
}

/// Something to be done.
#[derive(Debug)]
pub enum Effect {
    /// Check a token; resumes with [`Input::Authenticated`](super::input::Input::Authenticated).
    Authenticate(Login),
    /// Make the client known; resumes with [`Input::Registered`](super::input::Input::Registered).
    Register {
        /// Who it is.
        identity: Identity,
        /// What it said.
        login: Login,
    },
    /// Write a frame.
    Down(Box<Down>),
    /// Hand a request to a conversation.
    Ask(ConversationId, Request),
    /// Ask the store.
    Query(Query, Reply),
    /// Watch these users no longer.
    Unwatch(Vec<UserId>),
    /// Wake with [`Input::Tick`](super::input::Input::Tick) at this time.
    TickAt(Duration),
    /// A bound was reached.
    LimitHit(Limit),
    /// Write a close frame and read no more.
    Close(CloseCode, &'static str),
    /// The client is gone or told to go: forget it.
    Leave(Leave),
}
