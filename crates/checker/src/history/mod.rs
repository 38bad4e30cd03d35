//! What happened, as the clients recorded it.
//!
//! A recorder notes an attempt *before* its bytes leave and an observation *after* its bytes came, so the true moment of
//! an operation lies between the two. Test clients never retry on their own: a resend is a new attempt with the same key.
//!
//! All times are nanoseconds of `CLOCK_MONOTONIC`, one clock for all recorders of a machine. What one session recorded is
//! in its order; between sessions only the times count.
//!
//! [`Line`] is the written form, one JSON object a line; [`History`] is the same in memory, in compact rows.

mod absorb;
mod digest;
mod line;
mod names;
mod read;
mod rows;
mod write;

use std::collections::HashMap;

pub use digest::Digest;
pub use line::{Change, ConversationUsers, Entry, Line, Membership, Way};
pub use read::{ReadError, Reader};
pub use rows::{
    Attempt, Changed, Commit, Fault, Heard, Logged, MembersView, Outcome, Owner, Page, Read, Receipt, Seen,
    Session,
};

use names::Names;

/// Nanoseconds of `CLOCK_MONOTONIC`.
pub type Nanos = u64;

/// The format that [`Line`] describes; a `recorder` line names it.
pub const FORMAT: u32 = 1;

/// Everything that was recorded.
///
/// A recorder fills one of its own and [`absorb`](Self::absorb) joins them: nothing is shared while a run lasts.
#[derive(Debug, Default)]
pub struct History {
    pub(crate) users: Names<Box<str>>,
    pub(crate) conversations: Names<u128>,
    pub(crate) nodes: Names<Box<str>>,
    pub(crate) sessions: Vec<Session>,
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) seen: Vec<Seen>,
    pub(crate) pages: Vec<Page>,
    /// How many rows of `seen` there were before each page: its place among them, also of one without entries.
    pub(crate) page_places: Vec<u32>,
    pub(crate) heads: Vec<Heard>,
    pub(crate) reads: Vec<Read>,
    pub(crate) receipts: Vec<Receipt>,
    pub(crate) changed: Vec<Changed>,
    pub(crate) views: Vec<MembersView>,
    /// What a membership entry says, by conversation and seq.
    pub(crate) memberships: HashMap<(u32, u64), Membership>,
    /// The users of conversations whose members never change, by conversation.
    pub(crate) direct: HashMap<u32, ConversationUsers>,
    pub(crate) faults: Vec<Fault>,
    pub(crate) logged: Vec<Logged>,
    pub(crate) log_ended: bool,
    pub(crate) owners: Vec<Owner>,
    pub(crate) commits: Vec<Commit>,
}

impl History {
    /// The number of a user, given once and repeated after.
    pub fn user(&mut self, name: &str) -> u32 {
        self.users.number(name)
    }

    /// The number of a conversation, given once and repeated after.
    pub fn conversation(&mut self, id: u128) -> u32 {
        self.conversations.number(&id)
    }

    /// The number of a node, given once and repeated after.
    pub fn node(&mut self, name: &str) -> u32 {
        self.nodes.number(name)
    }

    /// Notes the users of a conversation whose members never change.
    pub fn direct(&mut self, conversation: u32, users: [u32; 2]) {
        self.direct.insert(conversation, ConversationUsers(users));
    }

    /// Notes an open session: `welcome` came. Its number names it from now on.
    pub fn open(&mut self, session: Session) -> u32 {
        self.sessions.push(session);
        index(self.sessions.len() - 1)
    }

    /// Notes the end of a session. `settled`: it stayed until it had everything that was its due, or until the
    /// recorder's patience ended; only then may it be asked what it did not get.
    pub fn close(&mut self, session: u32, at: Nanos, settled: bool) {
        let session = &mut self.sessions[session as usize];
        session.closed = Some(at);
        session.settled = settled;
    }

    /// Notes an attempt, before its bytes leave. Its number is for [`answer`](Self::answer).
    pub fn attempt(&mut self, attempt: Attempt) -> u32 {
        self.attempts.push(attempt);
        index(self.attempts.len() - 1)
    }

    /// Notes how an attempt ended. One that has no answer at the end is unknown.
    pub fn answer(&mut self, attempt: u32, at: Nanos, outcome: Outcome) {
        let attempt = &mut self.attempts[attempt as usize];
        attempt.answered = at;
        attempt.outcome = outcome;
    }

    /// Notes an entry that came live or in a page.
    pub fn see(&mut self, seen: Seen) {
        self.seen.push(seen);
    }

    /// Notes what a membership entry says. All observers see the same bytes, which `see` compares.
    pub fn membership(&mut self, conversation: u32, seq: u64, membership: impl FnOnce() -> Membership) {
        self.memberships.entry((conversation, seq)).or_insert_with(membership);
    }

    /// Notes a page, before its entries. Its number goes into their [`Seen::page`].
    pub fn page(&mut self, page: Page) -> u32 {
        self.pages.push(page);
        self.page_places.push(index(self.seen.len()));
        index(self.pages.len() - 1)
    }

    /// Notes that a session was told to sync, after everything that was noted as seen so far.
    pub fn heard(&mut self, at: Nanos, session: u32, conversation: u32, seq: u64) {
        let place = index(self.seen.len());
        self.heads.push(Heard { at, session, conversation, seq, place });
    }

    /// Notes that somebody has finished reading up to a position.
    pub fn read_up_to(&mut self, read: Read) {
        self.reads.push(read);
    }

    /// Notes that a session was told how far somebody is.
    pub fn receipt(&mut self, receipt: Receipt) {
        self.receipts.push(receipt);
    }

    /// Notes an acknowledged change of a group.
    pub fn changed(&mut self, changed: Changed) {
        self.changed.push(changed);
    }

    /// Notes all members of a conversation, as a session was told.
    pub fn view(&mut self, view: MembersView) {
        self.views.push(view);
    }

    /// Notes an entry of the event log, in the log's order.
    pub fn log(&mut self, logged: Logged) {
        self.logged.push(logged);
    }

    /// Notes that the event log was read to its end after the run; only then may it be asked what is missing.
    pub fn log_end(&mut self) {
        self.log_ended = true;
    }

    /// Notes that a node believes it owns a conversation.
    pub fn owner(&mut self, owner: Owner) {
        self.owners.push(owner);
    }

    /// Notes that a node committed entries.
    pub fn commit(&mut self, commit: Commit) {
        self.commits.push(commit);
    }

    /// Notes a fault and what it did.
    pub fn fault(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    /// How many attempts there were.
    pub fn attempts(&self) -> usize {
        self.attempts.len()
    }
}

/// A row's number. Four thousand million rows do not fit into memory.
pub(crate) fn index(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
