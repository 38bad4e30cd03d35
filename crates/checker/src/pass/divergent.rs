//! One order: a position holds the same message for everybody, for ever.

use crate::evidence::Evidence;
use crate::verdict::{Kind, Verdict};

pub(super) fn check(evidence: &Evidence<'_>, verdict: &mut Verdict) {
    for entry in evidence.entries().iter().filter(|entry| entry.divergent) {
        verdict.add(
            Kind::Divergent,
            || evidence.place(entry.conversation, entry.seq),
            || "observers, or the answer to its sender, disagree about what stands here".to_owned(),
        );
    }
}
