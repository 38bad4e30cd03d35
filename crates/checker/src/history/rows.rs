//! A history's rows in memory: small, without text, in the order of recording.

use super::{Digest, Nanos, Way};

/// A session: one connection from `welcome` to its end.
#[derive(Clone, Copy, Debug)]
pub struct Session {
    /// Whose.
    pub user: u32,
    /// Through which node.
    pub node: u32,
    /// When `welcome` had come.
    pub opened: Nanos,
    /// When it ended, if it did.
    pub closed: Option<Nanos>,
    /// Whether it stayed until it had its due.
    pub settled: bool,
}

impl Session {
    /// A session that has just begun.
    pub fn new(user: u32, node: u32, opened: Nanos) -> Self {
        Self { user, node, opened, closed: None, settled: false }
    }
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    /// It may have happened: no answer, or an answer that says so.
    #[default]
    Unknown,
    /// Durable at this position.
    Sent(u64),
    /// Refused; it never happens.
    Refused,
}

/// One attempt to send one message.
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    /// Before its bytes left.
    pub at: Nanos,
    /// When it was answered; meaningless while the outcome is unknown and no answer came.
    pub answered: Nanos,
    /// The client message id.
    pub client: u128,
    /// What was sent.
    pub body: Digest,
    /// How it ended.
    pub outcome: Outcome,
    /// By which session.
    pub session: u32,
    /// Into which conversation.
    pub conversation: u32,
}

impl Attempt {
    /// An attempt that has no answer yet.
    pub fn new(at: Nanos, session: u32, conversation: u32, client: u128, body: Digest) -> Self {
        Self { at, answered: 0, client, body, outcome: Outcome::Unknown, session, conversation }
    }
}

/// An entry of a conversation that an observer saw.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// When it had come.
    pub at: Nanos,
    /// Its position.
    pub seq: u64,
    /// The client message id, in two halves: a `u128` would make the row larger.
    pub client: [u64; 2],
    /// What it says.
    pub body: Digest,
    /// By which session.
    pub session: u32,
    /// Of which conversation.
    pub conversation: u32,
    /// Who wrote it.
    pub from: u32,
    /// In which page, or [`Seen::LIVE`].
    pub page: u32,
}

impl Seen {
    /// In the place of a page: it came live.
    pub const LIVE: u32 = u32::MAX;

    /// The client message id.
    pub fn client(&self) -> u128 {
        u128::from(self.client[0]) << 64 | u128::from(self.client[1])
    }

    /// Whether it came live.
    pub fn is_live(&self) -> bool {
        self.page == Self::LIVE
    }

    /// A client message id in two halves.
    #[expect(clippy::cast_possible_truncation, reason = "the halves are what is wanted")]
    pub fn halves(client: u128) -> [u64; 2] {
        [(client >> 64) as u64, client as u64]
    }
}

/// A page of messages.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// Before the request left.
    pub begun: Nanos,
    /// When it had come.
    pub at: Nanos,
    /// From where: `after` of a sync, `before` of a history.
    pub position: u64,
    /// The conversation's head as the page tells it.
    pub head: u64,
    /// By which session.
    pub session: u32,
    /// Of which conversation.
    pub conversation: u32,
    /// In which direction.
    pub way: Way,
    /// Whether there is more in that direction.
    pub more: bool,
    /// Whether it is part of the full sync at the end of the run.
    pub last: bool,
}

/// A session was told to sync.
#[derive(Clone, Copy, Debug)]
pub struct Heard {
    /// When it had come.
    pub at: Nanos,
    /// By which session.
    pub session: u32,
    /// Of which conversation.
    pub conversation: u32,
    /// Up to where.
    pub seq: u64,
    /// How many rows of [`Seen`] this recorder had before: its place among them.
    pub place: u32,
}

/// Somebody has finished reading.
#[derive(Clone, Copy, Debug)]
pub struct Read {
    /// When.
    pub at: Nanos,
    /// By which session.
    pub session: u32,
    /// Of which conversation.
    pub conversation: u32,
    /// Up to where.
    pub seq: u64,
}

/// Somebody was said to have got and read up to a position.
#[derive(Clone, Copy, Debug)]
pub struct Receipt {
    /// Before it was asked for; 0 if it came by itself.
    pub begun: Nanos,
    /// When it had come.
    pub at: Nanos,
    /// By which session it was heard.
    pub session: u32,
    /// Of which conversation.
    pub conversation: u32,
    /// Who has got and read it.
    pub user: u32,
    /// Up to where it has it.
    pub delivered: u64,
    /// Up to where it has read.
    pub read: u64,
}

/// A change of a group was acknowledged.
#[derive(Clone, Copy, Debug)]
pub struct Changed {
    /// Before the request left.
    pub begun: Nanos,
    /// When the answer had come.
    pub at: Nanos,
    /// By which session.
    pub session: u32,
    /// Of which conversation.
    pub conversation: u32,
    /// The entry.
    pub seq: u64,
}

/// All members of a conversation, as a session was told.
#[derive(Clone, Debug)]
pub struct MembersView {
    /// Before the request left.
    pub begun: Nanos,
    /// When the answer had come.
    pub at: Nanos,
    /// By which session.
    pub session: u32,
    /// Of which conversation.
    pub conversation: u32,
    /// Who is in it.
    pub users: Vec<u32>,
}

/// A fault that was brought about.
#[derive(Clone, Debug)]
pub struct Fault {
    /// When it began.
    pub at: Nanos,
    /// When it was healed.
    pub until: Nanos,
    /// Which.
    pub name: Box<str>,
    /// What was counted to prove that it did something; 0 is a fault without effect.
    pub effect: u64,
}

/// An entry of the event log, in the log's order.
#[derive(Clone, Copy, Debug)]
pub struct Logged {
    /// Of which conversation.
    pub conversation: u32,
    /// The position.
    pub seq: u64,
    /// The client message id.
    pub client: u128,
}

/// A node believes that it owns a conversation.
#[derive(Clone, Copy, Debug)]
pub struct Owner {
    /// Since when.
    pub at: Nanos,
    /// Which node.
    pub node: u32,
    /// Which conversation.
    pub conversation: u32,
    /// In which epoch.
    pub epoch: u64,
}

/// A node committed entries.
#[derive(Clone, Copy, Debug)]
pub struct Commit {
    /// When.
    pub at: Nanos,
    /// Which node.
    pub node: u32,
    /// Of which conversation.
    pub conversation: u32,
    /// In which epoch.
    pub epoch: u64,
    /// The first position.
    pub first: u64,
    /// The last position.
    pub last: u64,
}
