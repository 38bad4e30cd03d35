//! Authorization: nothing is seen or written by somebody who is not in the conversation there.

use crate::evidence::Evidence;
use crate::verdict::{Kind, Verdict};

pub(super) fn check(evidence: &Evidence<'_>, verdict: &mut Verdict) {
    for row in &evidence.history.seen {
        let Some(members) = evidence.members.get(row.conversation) else { continue };
        let user = evidence.user(row.session);
        if !members.may_see(user, row.seq) {
            verdict.add(
                Kind::Leak,
                || evidence.place(row.conversation, row.seq),
                || format!("{} saw it at {}", evidence.history.users.name(user), row.at),
            );
        }
    }
    for entry in evidence.entries().iter().filter(|entry| !entry.divergent && !entry.membership) {
        let (Some(members), Some((author, _))) = (evidence.members.get(entry.conversation), entry.author) else {
            continue;
        };
        if !members.is_member_at(author, entry.seq) {
            verdict.add(
                Kind::Leak,
                || evidence.place(entry.conversation, entry.seq),
                || format!("{} wrote it", evidence.history.users.name(author)),
            );
        }
    }
}
