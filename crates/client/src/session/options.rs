//! What a session is told once.

use causerie_protocol::{ConversationId, DeviceId, Seq};

/// Where the application begins to hear a conversation that it named no position for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// Not at all: no messages, nothing acknowledged. For clients that only send or ask.
    Nothing,
    /// With what comes after the connection was opened.
    #[default]
    Now,
    /// With the first message that the user may read.
    Beginning,
}

/// What a session is told once.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which of the user's devices this is.
    pub device: DeviceId,
    /// The client's name and version, for the operator's eyes.
    pub agent: String,
    /// Where to begin.
    pub start: Start,
    /// The positions the application has: it hears what comes after them, whatever `start` says.
    pub positions: Vec<(ConversationId, Seq)>,
    /// Dial again when the connection is lost, and send again what was unanswered. Off: the session then ends, and
    /// what was unanswered ends as unknown.
    pub resume: bool,
    /// Tell the server by itself that what the application was given has been delivered.
    pub acknowledge: bool,
    /// Whether asking for a token again may give another one; without, the session ends with its token.
    pub renewable: bool,
}
