//! Fresh sync: a page knows at least what was known before it was asked for. So does a list of members.

use super::Watermarks;
use crate::evidence::Evidence;
use crate::verdict::{Kind, Verdict};

pub(super) fn check(evidence: &Evidence<'_>, marks: &Watermarks, verdict: &mut Verdict) {
    // What a final sync lacks is a loss.
    for page in evidence.history.pages.iter().filter(|page| !page.last) {
        let user = evidence.user(page.session);
        let visible = evidence.members.get(page.conversation).map_or(u64::MAX, |members| members.last(user));
        let known = marks.known(page.conversation, page.begun).min(visible);
        if page.head < known {
            verdict.add(
                Kind::Stale,
                || evidence.place(page.conversation, page.head),
                || {
                    let name = evidence.history.users.name(user);
                    format!(
                        "a page that {name} asked for at {} ends here, when {known} was known",
                        page.begun
                    )
                },
            );
        }
    }
    check_members(evidence, marks, verdict);
}

fn check_members(evidence: &Evidence<'_>, marks: &Watermarks, verdict: &mut Verdict) {
    for view in &evidence.history.views {
        let Some(members) = evidence.members.get(view.conversation) else { continue };
        let known = marks.known(view.conversation, view.begun);
        for user in members.users().filter(|user| !members.changes_after(*user, known)) {
            let listed = view.users.contains(&user);
            if listed != members.is_member_at(user, known) {
                verdict.add(
                    Kind::Stale,
                    || evidence.place(view.conversation, known),
                    || {
                        let name = evidence.history.users.name(user);
                        let what = if listed { "still lists" } else { "does not list" };
                        format!("a list of members asked for at {} {what} {name}", view.begun)
                    },
                );
            }
        }
    }
}
