//! Durable: what was acknowledged, or seen by anybody, is in every full sync at the end.

use crate::evidence::Evidence;
use crate::verdict::{Kind, Verdict};

pub(super) fn check(evidence: &Evidence<'_>, verdict: &mut Verdict) {
    for sync in evidence.finals.iter().filter(|sync| sync.complete) {
        let user = evidence.user(sync.session);
        let members = evidence.members.get(sync.conversation);
        // What counts is what the user may read now, in its present membership.
        let first = members.and_then(|members| members.of(user).last()).map_or(1, |period| period.first);
        let mut there = evidence.rows_of_final(sync).map(|row| row.seq).peekable();
        for entry in evidence.entries_of(sync.conversation) {
            while there.next_if(|seq| *seq < entry.seq).is_some() {}
            let due = entry.known < sync.begun && !entry.divergent && entry.seq >= first;
            let due = due && members.is_none_or(|members| members.may_see(user, entry.seq));
            if due && there.peek() != Some(&entry.seq) {
                verdict.add(
                    Kind::Lost,
                    || evidence.place(entry.conversation, entry.seq),
                    || {
                        let user = evidence.history.users.name(user);
                        format!(
                            "known at {}, and not in the final sync of {user} begun at {}",
                            entry.known, sync.begun
                        )
                    },
                );
            }
        }
    }
}
