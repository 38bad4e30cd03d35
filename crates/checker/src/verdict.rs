//! What the judge says.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

/// What can be found. Each is a broken promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Acknowledged or seen, and not there at the end.
    Lost,
    /// One key at two positions.
    Duplicate,
    /// One position with two contents.
    Divergent,
    /// A position is missing between two that were shown.
    Gap,
    /// Seen, but never attempted like that, or refused.
    Phantom,
    /// Acknowledged before another was begun, and yet after it.
    Inversion,
    /// At or below a position that somebody had read before it was begun.
    BehindRead,
    /// Sends of one session, in another order than sent.
    SessionOrder,
    /// A page that knows less than was known before it was asked for.
    Stale,
    /// Somebody was said to have got or read less than was said before.
    ReceiptBack,
    /// A connected member did not get it.
    Undelivered,
    /// Seen or written by somebody who was not in the conversation.
    Leak,
    /// Acknowledged, and not in the event log.
    EventMissing,
    /// In the event log out of order.
    EventOrder,
    /// Two owners in one epoch.
    TwoOwners,
    /// A commit by an owner that had been replaced.
    FencedCommit,
}

impl Kind {
    /// Every kind.
    pub const ALL: &'static [Self] = &[
        Self::Lost,
        Self::Duplicate,
        Self::Divergent,
        Self::Gap,
        Self::Phantom,
        Self::Inversion,
        Self::BehindRead,
        Self::SessionOrder,
        Self::Stale,
        Self::ReceiptBack,
        Self::Undelivered,
        Self::Leak,
        Self::EventMissing,
        Self::EventOrder,
        Self::TwoOwners,
        Self::FencedCommit,
    ];

    /// The name in a report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Duplicate => "duplicate",
            Self::Divergent => "divergent",
            Self::Gap => "gap",
            Self::Phantom => "phantom",
            Self::Inversion => "inversion",
            Self::BehindRead => "behind_read",
            Self::SessionOrder => "session_order",
            Self::Stale => "stale",
            Self::ReceiptBack => "receipt_back",
            Self::Undelivered => "undelivered",
            Self::Leak => "leak",
            Self::EventMissing => "event_missing",
            Self::EventOrder => "event_order",
            Self::TwoOwners => "two_owners",
            Self::FencedCommit => "fenced_commit",
        }
    }
}

/// One broken promise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What.
    pub kind: Kind,
    /// The conversation and the position, or what else it is about.
    pub place: String,
    /// Who saw what, with times.
    pub what: String,
}

/// How often something was found, and the first few.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Examples {
    /// How often.
    pub count: u64,
    /// The first [`Examples::MOST`].
    pub first: Vec<Finding>,
}

impl Examples {
    /// How many are kept of each kind.
    pub const MOST: usize = 10;
}

/// How much was judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Sessions.
    pub sessions: u64,
    /// Conversations in which something was sent or seen.
    pub conversations: u64,
    /// Attempts to send.
    pub attempts: u64,
    /// Of them acknowledged.
    pub acknowledged: u64,
    /// Of them refused.
    pub refused: u64,
    /// Of them without a known outcome.
    pub unknown: u64,
    /// Entries seen live.
    pub live: u64,
    /// Entries seen in pages.
    pub paged: u64,
    /// Attempts that repeat a key.
    pub resends: u64,
    /// Acknowledged changes of groups.
    pub changes: u64,
    /// Times that a session was told to sync.
    pub heads: u64,
    /// Receipts that were heard.
    pub receipts: u64,
    /// Events of entries; none: the event log was not judged.
    pub events: u64,
    /// Complete full syncs at the end.
    pub final_syncs: u64,
    /// Faults that were brought about.
    pub faults: u64,
}

/// What a run must have exercised, or it proves nothing.
#[derive(Clone, Copy, Debug)]
pub struct Demands {
    /// Acknowledged messages.
    pub acknowledged: u64,
    /// Faults, each with an effect.
    pub faults: u64,
}

impl Default for Demands {
    fn default() -> Self {
        Self { acknowledged: 100, faults: 0 }
    }
}

/// The judgement of one history.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Verdict {
    /// Whether nothing was found and enough was exercised.
    pub passed: bool,
    /// Broken promises by kind.
    pub findings: BTreeMap<Kind, Examples>,
    /// Why the run proves nothing; empty if it does.
    pub vacuous: Vec<String>,
    /// How much was judged.
    pub judged: Tally,
}

impl Verdict {
    pub(crate) fn add(&mut self, kind: Kind, place: impl FnOnce() -> String, what: impl FnOnce() -> String) {
        let examples = self.findings.entry(kind).or_default();
        examples.count += 1;
        if examples.first.len() < Examples::MOST {
            examples.first.push(Finding { kind, place: place(), what: what() });
        }
    }

    /// One line.
    pub fn summary(&self) -> String {
        let found: Vec<_> = self
            .findings
            .iter()
            .map(|(kind, examples)| format!("{} {}", examples.count, kind.name()))
            .collect();
        match (found.is_empty(), self.vacuous.is_empty()) {
            (true, true) => format!("passed ({} acknowledged)", self.judged.acknowledged),
            (true, false) => format!("vacuous: {}", self.vacuous.join("; ")),
            _ => format!("BROKEN: {}", found.join(", ")),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let judged = &self.judged;
        writeln!(
            f,
            "judged {} attempts ({} acknowledged, {} refused, {} unknown, {} of them resends) and {} changes in {} conversations, \
             {} entries live and {} in pages, {} heads, {} receipts, {} events, {} final syncs, {} sessions, {} faults",
            judged.attempts,
            judged.acknowledged,
            judged.refused,
            judged.unknown,
            judged.resends,
            judged.changes,
            judged.conversations,
            judged.live,
            judged.paged,
            judged.heads,
            judged.receipts,
            judged.events,
            judged.final_syncs,
            judged.sessions,
            judged.faults,
        )?;
        for (kind, examples) in &self.findings {
            writeln!(f, "{}: {}", kind.name(), examples.count)?;
            for finding in &examples.first {
                writeln!(f, "  {}: {}", finding.place, finding.what)?;
            }
        }
        writeln!(f, "verdict: {}", self.summary())
    }
}
