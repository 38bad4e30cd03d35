//! One effective owner: an epoch has one owner, and who was replaced commits nothing.

use std::collections::HashMap;

use crate::evidence::Evidence;
use crate::verdict::{Kind, Verdict};

pub(super) fn check(evidence: &Evidence<'_>, verdict: &mut Verdict) {
    let history = evidence.history;
    let mut owners: HashMap<(u32, u64), u32> = HashMap::new();
    let claims = history.owners.iter().map(|row| (row.conversation, row.epoch, row.node, 0));
    let commits = history.commits.iter().map(|row| (row.conversation, row.epoch, row.node, row.first));
    for (conversation, epoch, node, seq) in claims.chain(commits) {
        let first = *owners.entry((conversation, epoch)).or_insert(node);
        if first != node {
            verdict.add(
                Kind::TwoOwners,
                || evidence.place(conversation, seq),
                || {
                    let [first, node] = [first, node].map(|node| history.nodes.name(node));
                    format!("epoch {epoch} belongs to {first} and to {node}")
                },
            );
        }
    }
    let mut commits: Vec<_> = history.commits.iter().collect();
    commits.sort_by_key(|row| (row.conversation, row.first, row.epoch));
    for pair in commits.windows(2).filter(|pair| pair[0].conversation == pair[1].conversation) {
        if pair[1].epoch < pair[0].epoch || pair[1].first <= pair[0].last {
            verdict.add(
                Kind::FencedCommit,
                || evidence.place(pair[1].conversation, pair[1].first),
                || {
                    let node = history.nodes.name(pair[1].node);
                    format!("{node} committed it in epoch {} behind epoch {}", pair[1].epoch, pair[0].epoch)
                },
            );
        }
    }
}
