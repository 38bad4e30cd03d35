//! A message that is to be sent, and how that can fail.

use causerie_protocol::frame::{ErrorCode, ErrorFrame, Outcome};
use causerie_protocol::{Body, ClientMessageId, ConversationId, Seq, UserId};
use uuid::Uuid;

/// Where a message goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// To a conversation.
    Conversation(ConversationId),
    /// To a user, in the direct conversation with it; that need not exist before.
    User(UserId),
}

impl From<ConversationId> for Target {
    fn from(conversation: ConversationId) -> Self {
        Self::Conversation(conversation)
    }
}

impl From<UserId> for Target {
    fn from(user: UserId) -> Self {
        Self::User(user)
    }
}

/// A message that is to be sent.
///
/// An application that must not lose or double a message over its own restarts stores the draft before it first sends
/// it, and afterwards sends it again with `attempt` one higher and the rest unchanged.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Where it goes.
    pub target: Target,
    /// What it says.
    pub body: Body,
    /// The idempotency key.
    pub client_message_id: ClientMessageId,
    /// 0 the first time.
    pub attempt: u32,
    /// The highest seq of the conversation that was known when the message was made; none: filled in when it is sent.
    pub after: Option<Seq>,
}

impl Draft {
    /// A new message under a new id.
    pub fn new(target: impl Into<Target>, body: Body) -> Self {
        let client_message_id = ClientMessageId(Uuid::now_v7());
        Self { target: target.into(), body, client_message_id, attempt: 0, after: None }
    }

    /// A new text message under a new id.
    pub fn text(target: impl Into<Target>, text: &str) -> Self {
        Self::new(target, Body::text(text))
    }
}

/// How a send ends that did not succeed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SendError {
    /// The server refused it. The message is not there and will not be.
    #[error("{0}")]
    Refused(ErrorFrame),
    /// It never left this process. The message is not there and will not be.
    #[error("not sent: {0}")]
    NotSent(String),
    /// It may be there, at most once. Sending `draft` as it is tells.
    #[error("it is not known whether the message was sent: {reason}")]
    Unknown {
        /// Why it is not known.
        reason: String,
        /// The same message, to be sent again under the same id.
        draft: Box<Draft>,
    },
}

impl SendError {
    /// The server's code, where it refused.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Refused(error) => Some(error.code),
            Self::NotSent(_) => None,
            Self::Unknown { .. } => Some(ErrorCode::UnknownOutcome),
        }
    }

    /// Whether the message may be there.
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Refused(_) | Self::NotSent(_) => Outcome::None,
            Self::Unknown { .. } => Outcome::Unknown,
        }
    }
}
