//! Events: every acknowledged message and change is in the event log, and first occurrences come in the conversation's order.

use std::collections::{HashMap, HashSet};

use crate::evidence::Evidence;
use crate::verdict::{Kind, Verdict};

pub(super) fn check(evidence: &Evidence<'_>, verdict: &mut Verdict) {
    let history = evidence.history;
    if history.logged.is_empty() && !history.log_ended {
        return;
    }
    let mut there = HashSet::new();
    let mut highest: HashMap<u32, u64> = HashMap::new();
    for row in &history.logged {
        if !there.insert((row.conversation, row.seq, row.client)) {
            continue;
        }
        let highest = highest.entry(row.conversation).or_default();
        if row.seq < *highest {
            verdict.add(
                Kind::EventOrder,
                || evidence.place(row.conversation, row.seq),
                || format!("the event log has it after {highest}"),
            );
        }
        *highest = row.seq.max(*highest);
    }
    if !history.log_ended {
        return;
    }
    let positions: HashSet<_> = there.iter().map(|(conversation, seq, _)| (*conversation, *seq)).collect();
    for row in history.changed.iter().filter(|row| !positions.contains(&(row.conversation, row.seq))) {
        verdict.add(
            Kind::EventMissing,
            || evidence.place(row.conversation, row.seq),
            || format!("a change acknowledged at {}, and not in the event log", row.at),
        );
    }
    for (key, facts) in evidence.keys.iter() {
        let Some((seq, at)) = facts.sent else { continue };
        if evidence.entry(key.0, seq).is_some_and(|entry| entry.divergent) {
            continue;
        }
        if !there.contains(&(key.0, seq, key.2)) {
            verdict.add(
                Kind::EventMissing,
                || evidence.place(key.0, seq),
                || format!("acknowledged at {at}, and not in the event log"),
            );
        }
    }
}
