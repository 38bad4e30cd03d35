//! Authorization: nothing is seen or written by somebody who is not in the conversation there.

use crate::evidence::{Evidence, Membership};
use crate::history::Seen;
use crate::verdict::{Kind, Verdict};

pub(super) fn check(evidence: &Evidence<'_>, verdict: &mut Verdict) {
    for row in &evidence.history.seen {
        let Some(members) = evidence.members.get(row.conversation) else { continue };
        let user = evidence.user(row.session);
        if !may_see(evidence, members, user, row) {
            verdict.add(
                Kind::Leak,
                || evidence.place(row.conversation, row.seq),
                || format!("{} saw it at {}", evidence.history.users.name(user), row.at),
            );
        }
    }
    for entry in evidence.entries().iter().filter(|entry| !entry.divergent && !entry.membership) {
        let (Some(members), Some((author, _))) = (evidence.members.get(entry.conversation), entry.author)
        else {
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

/// Whether the row's position is within a membership of the user, or opened to it by one that had been begun by then.
fn may_see(evidence: &Evidence<'_>, members: &Membership, user: u32, row: &Seen) -> bool {
    let begun =
        |joined| evidence.entry(row.conversation, joined).and_then(|entry| entry.begun).unwrap_or_default();
    // Of the periods that open it, the first was begun first.
    members.not_over(user, row.seq).is_some_and(|period| {
        period.first <= row.seq && (row.seq >= period.joined || begun(period.joined) <= row.at)
    })
}
