//! Real time: what was acknowledged before another was begun stands before it.

use super::Watermarks;
use crate::evidence::Evidence;
use crate::verdict::{Kind, Verdict};

pub(super) fn check(evidence: &Evidence<'_>, marks: &Watermarks, verdict: &mut Verdict) {
    for entry in evidence.entries().iter().filter(|entry| !entry.divergent) {
        let Some(begun) = entry.begun else { continue };
        let acknowledged = marks.acknowledged(entry.conversation, begun);
        if entry.seq <= acknowledged {
            verdict.add(
                Kind::Inversion,
                || evidence.place(entry.conversation, entry.seq),
                || format!("it was begun at {begun}, when {acknowledged} had been acknowledged"),
            );
        }
    }
}
