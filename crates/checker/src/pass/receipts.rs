//! Receipts: what somebody was said to have got and read only grows.
//!
//! They are durable before they are told. So each session hears them rise; and whoever asks is not told less than what
//! anybody had heard before, also when the server was killed meanwhile. Who leaves a group and comes back begins anew:
//! of its receipts there nothing is said.

use std::collections::HashMap;

use crate::evidence::Evidence;
use crate::history::{Nanos, Receipt};
use crate::verdict::{Kind, Verdict};

/// Up to where somebody has it, and has read.
type Cursor = (u64, u64);

pub(super) fn check(evidence: &Evidence<'_>, verdict: &mut Verdict) {
    let mut told: HashMap<(u32, u32), Vec<&Receipt>> = HashMap::new();
    for receipt in &evidence.history.receipts {
        let periods = evidence.members.get(receipt.conversation).map_or(0, |it| it.of(receipt.user).len());
        if periods == 1 {
            told.entry((receipt.conversation, receipt.user)).or_default().push(receipt);
        }
    }
    for receipts in told.into_values() {
        check_one(evidence, &receipts, verdict);
    }
}

/// Follows the receipts of one user in one conversation, in the order in which each session recorded them.
fn check_one(evidence: &Evidence<'_>, receipts: &[&Receipt], verdict: &mut Verdict) {
    let known = Known::of(receipts);
    let mut sessions: HashMap<u32, Cursor> = HashMap::new();
    for receipt in receipts {
        let heard = sessions.entry(receipt.session).or_default();
        let least = if receipt.begun > 0 { known.before(receipt.begun) } else { *heard };
        if receipt.delivered < least.0 || receipt.read < least.1 {
            verdict.add(
                Kind::ReceiptBack,
                || evidence.place(receipt.conversation, receipt.read),
                || {
                    let user = evidence.history.users.name(receipt.user);
                    format!("{user} is said at {} to be here, after it was at {}", receipt.at, least.1)
                },
            );
        }
        if receipt.begun == 0 {
            *heard = higher(*heard, receipt);
        }
    }
}

/// The highest that had been heard, over time.
struct Known(Vec<(Nanos, Cursor)>);

impl Known {
    fn of(receipts: &[&Receipt]) -> Self {
        let mut sorted = receipts.to_vec();
        sorted.sort_unstable_by_key(|receipt| receipt.at);
        let mut highest = (0, 0);
        let rising = sorted.into_iter().map(|receipt| {
            highest = higher(highest, receipt);
            (receipt.at, highest)
        });
        Self(rising.collect())
    }

    fn before(&self, at: Nanos) -> Cursor {
        let count = self.0.partition_point(|(heard, _)| *heard < at);
        count.checked_sub(1).map_or((0, 0), |last| self.0[last].1)
    }
}

fn higher(one: Cursor, receipt: &Receipt) -> Cursor {
    (one.0.max(receipt.delivered), one.1.max(receipt.read))
}
