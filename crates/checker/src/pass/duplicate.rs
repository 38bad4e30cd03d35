//! No duplicates: one key, one position.

use crate::evidence::Evidence;
use crate::verdict::{Kind, Verdict};

pub(super) fn check(evidence: &Evidence<'_>, verdict: &mut Verdict) {
    for (key, facts) in evidence.keys.iter() {
        let Some(seq) = facts.seq else { continue };
        // A position about which observers disagree proves nothing about a key.
        let sound = |seq: &u64| evidence.entry(key.0, *seq).is_none_or(|entry| !entry.divergent);
        let other = facts.sent_elsewhere.or(facts.seen_elsewhere).filter(|other| sound(other) && sound(&seq));
        if let Some(other) = other {
            verdict.add(
                Kind::Duplicate,
                || evidence.place(key.0, seq),
                || {
                    let user = evidence.history.users.name(key.1);
                    format!("client id {:032x} of {user} stands at {other}, too", key.2)
                },
            );
        }
    }
}
