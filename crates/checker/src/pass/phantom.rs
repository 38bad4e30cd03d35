//! Nothing from nowhere: what is seen was attempted before, with this content, and was not refused.

use crate::evidence::{Entry, Evidence};
use crate::history::Nanos;
use crate::verdict::{Kind, Verdict};

pub(super) fn check(evidence: &Evidence<'_>, verdict: &mut Verdict) {
    for entry in evidence.entries().iter().filter(|entry| !entry.divergent && !entry.membership) {
        if entry.seen == Nanos::MAX {
            continue;
        }
        if let Some(what) = problem(evidence, entry) {
            verdict.add(Kind::Phantom, || evidence.place(entry.conversation, entry.seq), || what.to_owned());
        }
    }
}

fn problem(evidence: &Evidence<'_>, entry: &Entry) -> Option<&'static str> {
    let (user, client) = entry.author?;
    let Some(facts) = evidence.keys.get((entry.conversation, user, client)) else {
        return Some("nobody attempted to send it");
    };
    if entry.body.is_some_and(|body| body != facts.body) {
        return Some("it does not say what was sent");
    }
    if facts.refused {
        return Some("its sender was told that it was refused");
    }
    (entry.seen < facts.begun).then_some("it was seen before it was sent")
}
