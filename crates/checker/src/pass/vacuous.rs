//! A run that exercised too little proves nothing, and says so.

use std::collections::HashSet;

use crate::evidence::{Evidence, Membership};
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
    let strangers = used.iter().filter(|conversation| evidence.members.get(**conversation).is_none()).count();
    if strangers > 0 {
        reasons.push(format!("of {strangers} of {} conversations nobody tells who is in them", used.len()));
    }
    let missing = without_final_sync(evidence, &used);
    if missing > 0 {
        reasons.push(format!("{missing} members stayed to the end and have no complete final sync"));
    }
    let through: HashSet<u32> = complete().map(|sync| history.sessions[sync.session as usize].node).collect();
    for node in history.sessions.iter().map(|session| session.node).collect::<HashSet<_>>() {
        if !through.contains(&node) {
            reasons.push(format!("no complete final sync went through node {}", history.nodes.name(node)));
        }
    }
    reasons
}

/// Members, counted once for each conversation, that say to have everything and did not look.
fn without_final_sync(evidence: &Evidence<'_>, used: &HashSet<u32>) -> usize {
    let settled: HashSet<u32> = evidence
        .history
        .sessions
        .iter()
        .filter(|session| session.settled)
        .map(|session| session.user)
        .collect();
    let complete = evidence.finals.iter().filter(|sync| sync.complete);
    let looked: HashSet<(u32, u32)> =
        complete.map(|sync| (sync.conversation, evidence.user(sync.session))).collect();
    let members =
        used.iter().filter_map(|conversation| Some((*conversation, evidence.members.get(*conversation)?)));
    let missing = |(conversation, members): (u32, &Membership)| {
        let still_in =
            members.users().filter(|user| members.last(*user) == u64::MAX && settled.contains(user));
        still_in.filter(|user| !looked.contains(&(conversation, *user))).count()
    };
    members.map(missing).sum()
}
