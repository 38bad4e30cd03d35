//! What an embedder decides: who may write to whom, who may bring in whom, what may be said.

use causerie_protocol::frame::down::{ConversationKind, Role};
use causerie_protocol::{Body, ConversationId, DeviceId, UserId};

use crate::authenticate::BoxFuture;

/// The answer of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Go on.
    Allow,
    /// Refused as `forbidden`, with this sentence for the person.
    Deny(String),
}

/// A message about to be numbered. The sender is a member and is not blocked.
#[derive(Clone, Copy, Debug)]
pub struct SendContext<'a> {
    /// Where.
    pub conversation: ConversationId,
    /// Direct or group.
    pub kind: ConversationKind,
    /// Who.
    pub from: &'a UserId,
    /// On which device.
    pub device: &'a DeviceId,
    /// What the sender may do in the conversation.
    pub role: Role,
    /// The other user of a direct conversation.
    pub to: Option<&'a UserId>,
    /// What.
    pub body: &'a Body,
}

/// A message as it came from a connection, before it goes to its conversation.
#[derive(Clone, Copy, Debug)]
pub struct Draft<'a> {
    /// Where; derived from the two users for a direct message.
    pub conversation: ConversationId,
    /// Who.
    pub from: &'a UserId,
    /// What.
    pub body: &'a Body,
}

/// The embedder's rules. Every method has the default that allows what the protocol allows.
///
/// The plain methods are asked inside the conversation's turn: they must be quick, must not block, and should depend
/// on nothing but their arguments and memory. What takes time goes into [`review`](Self::review).
pub trait Rules: Send + Sync + 'static {
    /// May this message be written?
    fn may_send(&self, send: &SendContext<'_>) -> Verdict {
        let _ = send;
        Verdict::Allow
    }

    /// May `by` begin a conversation of this kind with `user`, or bring `user` into a group?
    fn may_add(&self, by: &UserId, user: &UserId, kind: ConversationKind) -> Verdict {
        let _ = (by, user, kind);
        Verdict::Allow
    }

    /// May `watcher` see the presence of `user`, with whom it shares no conversation?
    fn may_watch(&self, watcher: &UserId, user: &UserId) -> bool {
        let _ = (watcher, user);
        false
    }

    /// A check that takes time (a moderation service): `None` when there is nothing to wait for.
    ///
    /// It runs on the sender's connection and holds up nobody else; the order of that connection's messages stays. The
    /// connection does nothing else meanwhile, so one that takes longer than
    /// [`send_deadline`](crate::Settings::send_deadline) is given up: the sender hears `unavailable`, nothing is stored.
    fn review<'a>(&'a self, draft: Draft<'a>) -> Option<BoxFuture<'a, Verdict>> {
        let _ = draft;
        None
    }
}

/// The rules of the protocol alone.
#[derive(Clone, Copy, Debug, Default)]
pub struct DefaultRules;

impl Rules for DefaultRules {}
