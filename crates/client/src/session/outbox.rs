//! Sends on their way: each from its ticket to its one outcome.
//!
//! They go out in the order of their tickets, at most `window` unanswered. Over a lost connection they are kept, and
//! go out again, in the same order, with `attempt` one higher and the rest unchanged.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use causerie_protocol::frame::{ErrorCode, ErrorFrame, Outcome};

use super::input::Ticket;
use crate::draft::{Draft, SendError};

/// How often an answer "unknown" is asked again before the send ends as unknown.
const UNKNOWN_ANSWERS_MAX: u32 = 10;

#[derive(Debug)]
struct Entry {
    draft: Draft,
    /// Answers so far that did not tell.
    unknown_answers: u32,
}

/// What an error answer means for its send.
pub(super) enum Verdict {
    /// It has ended.
    Ended(SendError),
    /// It goes out again, not before so many milliseconds.
    AskAgain { after_ms: u64 },
}

#[derive(Debug, Default)]
pub(super) struct Outbox {
    entries: BTreeMap<Ticket, Entry>,
    ready: BTreeSet<Ticket>,
    waiting: BTreeSet<(Duration, Ticket)>,
    in_flight: BTreeSet<Ticket>,
}

impl Outbox {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn add(&mut self, ticket: Ticket, draft: Draft) {
        self.entries.insert(ticket, Entry { draft, unknown_answers: 0 });
        self.ready.insert(ticket);
    }

    /// When the next send that waits is due.
    pub(super) fn deadline(&self) -> Option<Duration> {
        self.waiting.first().map(|(at, _)| *at)
    }

    /// The next send to write, if one may go out; from now on it is in flight.
    pub(super) fn next(&mut self, now: Duration, window: usize) -> Option<(Ticket, &Draft)> {
        while self.waiting.first().is_some_and(|(at, _)| *at <= now)
            && let Some((_, ticket)) = self.waiting.pop_first()
        {
            self.ready.insert(ticket);
        }
        if self.in_flight.len() >= window {
            return None;
        }
        let ticket = self.ready.pop_first()?;
        self.in_flight.insert(ticket);
        self.entries.get(&ticket).map(|entry| (ticket, &entry.draft))
    }

    /// The send was answered: it leaves.
    pub(super) fn remove(&mut self, ticket: Ticket) -> Option<Draft> {
        self.in_flight.remove(&ticket);
        self.entries.remove(&ticket).map(|entry| entry.draft)
    }

    /// The send was answered with an error. Ended: it leaves. Otherwise it stays, to be put back by [`Self::again`].
    pub(super) fn refused(&mut self, ticket: Ticket, error: ErrorFrame, resume: bool) -> Option<Verdict> {
        self.in_flight.remove(&ticket);
        let entry = self.entries.get_mut(&ticket)?;
        if tells(&error, entry.draft.attempt) {
            self.entries.remove(&ticket);
            return Some(Verdict::Ended(SendError::Refused(error)));
        }
        entry.unknown_answers += 1;
        entry.draft.attempt += 1;
        if resume && error.retry && entry.unknown_answers < UNKNOWN_ANSWERS_MAX {
            return Some(Verdict::AskAgain { after_ms: error.retry_after_ms.unwrap_or_default() });
        }
        let draft = Box::new(self.entries.remove(&ticket)?.draft);
        Some(Verdict::Ended(SendError::Unknown { reason: error.message, draft }))
    }

    /// The send goes out again at a time.
    pub(super) fn again(&mut self, ticket: Ticket, at: Duration) {
        self.waiting.insert((at, ticket));
    }

    /// The connection is lost: what was in flight may have been done.
    pub(super) fn lost(&mut self) {
        for ticket in std::mem::take(&mut self.in_flight) {
            if let Some(entry) = self.entries.get_mut(&ticket) {
                entry.draft.attempt += 1;
                self.ready.insert(ticket);
            }
        }
    }

    /// The session ends: every send that is left, with its outcome. Call [`Self::lost`] before.
    pub(super) fn end(&mut self, reason: &str) -> impl Iterator<Item = (Ticket, SendError)> {
        let outbox = std::mem::take(self);
        outbox.entries.into_iter().map(move |(ticket, entry)| (ticket, ended(entry.draft, reason)))
    }
}

/// How a send ends that is not written any more.
pub(super) fn ended(draft: Draft, reason: &str) -> SendError {
    let reason = reason.to_owned();
    if draft.attempt == 0 {
        SendError::NotSent(reason)
    } else {
        SendError::Unknown { reason, draft: Box::new(draft) }
    }
}

/// Whether an error tells that the message is not there. A refusal of a resend says nothing about the attempts
/// before it, unless it is about the message itself.
fn tells(error: &ErrorFrame, attempt: u32) -> bool {
    let of_the_message = matches!(
        error.code,
        ErrorCode::Conflict | ErrorCode::InvalidFrame | ErrorCode::TooLarge | ErrorCode::UnknownType
    );
    error.outcome == Outcome::None && (attempt == 0 || of_the_message)
}
