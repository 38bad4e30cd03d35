//! A run that exercised too little proves nothing, and says so.

use std::collections::HashSet;

use crate::evidence::Evidence;
use crate::verdict::{Demands, Tally};

pub(super) fn reasons(evidence: &Evidence<'_>, demands: &Demands, judged: &Tally) -> Vec<String> {
    let history = evidence.history;
    let mut reasons = Vec::new();
    if judged.acknowledged < demands.acknowledged {
        reasons.push(format!("{} acknowledged, {} are needed", judged.acknowledged, demands.acknowledged));
    }
    if judged.faults < demands.faults {
        reasons.push(format!("{} faults, {} are needed", judged.faults, demands.faults));
    }
    for fault in history.faults.iter().filter(|fault| fault.effect == 0) {
        reasons.push(format!("the fault {} had no effect", fault.name));
    }
    let complete = || evidence.finals.iter().filter(|sync| sync.complete);
    let synced: HashSet<u32> = complete().map(|sync| sync.conversation).collect();
    let used: HashSet<u32> = evidence.entries().iter().map(|entry| entry.conversation).collect();
    let left = used.difference(&synced).count();
    if left > 0 {
        reasons.push(format!("{left} of {} conversations have no complete final sync", used.len()));
    }
    let through: HashSet<u32> = complete().map(|sync| history.sessions[sync.session as usize].node).collect();
    for node in history.sessions.iter().map(|session| session.node).collect::<HashSet<_>>() {
        if !through.contains(&node) {
            reasons.push(format!("no complete final sync went through node {}", history.nodes.name(node)));
        }
    }
    reasons
}
