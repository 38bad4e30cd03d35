//! Nothing lands at or below a position that anybody has read.

use super::Watermarks;
use crate::evidence::Evidence;
use crate::verdict::{Kind, Verdict};

pub(super) fn check(evidence: &Evidence<'_>, marks: &Watermarks, verdict: &mut Verdict) {
    for entry in evidence.entries().iter().filter(|entry| !entry.divergent) {
        let Some(begun) = entry.begun else { continue };
        // Behind an acknowledgement it is an inversion, and what was seen before it was begun is a phantom.
        if entry.seq <= marks.acknowledged(entry.conversation, begun) || entry.seen < begun {
            continue;
        }
        let known = marks.known(entry.conversation, begun);
        if entry.seq <= known {
            verdict.add(
                Kind::BehindRead,
                || evidence.place(entry.conversation, entry.seq),
                || format!("it was begun at {begun}, when somebody had read up to {known}"),
            );
        }
    }
}
