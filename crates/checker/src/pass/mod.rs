//! The passes, a file a finding. Each reads the evidence and adds what it finds; none depends on another.
//!
//! Where two observers disagree about a position, nothing else can be said about it: only `divergent` speaks of it.

mod behind_read;
mod divergent;
mod duplicate;
mod events;
mod gap;
mod inversion;
mod leak;
mod lost;
mod owners;
mod phantom;
mod receipts;
mod session_order;
mod stale;
mod undelivered;
mod vacuous;
mod watermark;

use crate::evidence::Evidence;
use crate::history::Outcome;
use crate::verdict::{Demands, Tally, Verdict};
use watermark::Watermarks;

/// Runs all passes.
pub(crate) fn run(evidence: &Evidence<'_>, demands: &Demands) -> Verdict {
    let mut verdict = Verdict { judged: tally(evidence), ..Verdict::default() };
    let marks = Watermarks::of(evidence);
    divergent::check(evidence, &mut verdict);
    lost::check(evidence, &mut verdict);
    duplicate::check(evidence, &mut verdict);
    phantom::check(evidence, &mut verdict);
    gap::check(evidence, &mut verdict);
    inversion::check(evidence, &marks, &mut verdict);
    behind_read::check(evidence, &marks, &mut verdict);
    session_order::check(evidence, &mut verdict);
    stale::check(evidence, &marks, &mut verdict);
    receipts::check(evidence, &mut verdict);
    undelivered::check(evidence, &mut verdict);
    leak::check(evidence, &mut verdict);
    events::check(evidence, &mut verdict);
    owners::check(evidence, &mut verdict);
    verdict.vacuous = vacuous::reasons(evidence, demands, &verdict.judged);
    verdict.passed = verdict.findings.is_empty() && verdict.vacuous.is_empty();
    verdict
}

fn tally(evidence: &Evidence<'_>) -> Tally {
    let history = evidence.history;
    let mut tally = Tally {
        sessions: history.sessions.len() as u64,
        conversations: evidence.conversations() as u64,
        attempts: history.attempts.len() as u64,
        live: history.seen.iter().filter(|row| row.is_live()).count() as u64,
        resends: evidence.keys.iter().map(|(_, facts)| u64::from(facts.attempts) - 1).sum(),
        changes: history.changed.len() as u64,
        heads: history.heads.len() as u64,
        receipts: history.receipts.len() as u64,
        events: history.logged.len() as u64,
        final_syncs: evidence.finals.iter().filter(|sync| sync.complete).count() as u64,
        faults: history.faults.len() as u64,
        ..Tally::default()
    };
    tally.paged = history.seen.len() as u64 - tally.live;
    for attempt in &history.attempts {
        match attempt.outcome {
            Outcome::Sent(_) => tally.acknowledged += 1,
            Outcome::Refused => tally.refused += 1,
            Outcome::Unknown => tally.unknown += 1,
        }
    }
    tally
}
