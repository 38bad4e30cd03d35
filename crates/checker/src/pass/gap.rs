//! No gaps: who sees n has been shown what is before n, in pages and live.

use crate::History;
use crate::evidence::Evidence;
use crate::history::{Page, Seen, Way};
use crate::verdict::{Kind, Verdict};

pub(super) fn check(evidence: &Evidence<'_>, verdict: &mut Verdict) {
    let mut ends = ends(evidence.history);
    ends.sort_unstable_by_key(|end| (end.session, end.conversation, end.place));
    for rows in evidence.seen_in_groups() {
        let first = evidence.row(rows[0]);
        let group = (first.session, first.conversation);
        let from = ends.partition_point(|end| (end.session, end.conversation) < group);
        let to = ends.partition_point(|end| (end.session, end.conversation) <= group);
        follow(evidence, rows, &ends[from..to], verdict);
    }
    for (number, page) in (0..).zip(&evidence.history.pages) {
        if let Some((seq, what)) = page_problem(evidence, page, evidence.rows_of_page(number)) {
            verdict.add(Kind::Gap, || evidence.place(page.conversation, seq), || what);
        }
    }
}

/// Up to where a session is, without having been shown an entry: it was told to sync, or there was nothing to sync.
struct End {
    session: u32,
    conversation: u32,
    /// Its place among what was seen.
    place: u32,
    seq: u64,
}

fn ends(history: &History) -> Vec<End> {
    let heads = history.heads.iter().map(|head| End {
        session: head.session,
        conversation: head.conversation,
        place: head.place,
        seq: head.seq,
    });
    let pages = history.pages.iter().zip(&history.page_places);
    // What a page with entries leads to, its last row says.
    let syncs = pages.filter(|(page, _)| page.way == Way::After && !page.more).map(|(page, place)| End {
        session: page.session,
        conversation: page.conversation,
        place: *place,
        seq: page.position,
    });
    heads.chain(syncs).collect()
}

/// Follows what one session saw live of one conversation. A sync that came to its end, or a `head`,
/// takes it further.
fn follow(evidence: &Evidence<'_>, rows: &[u32], ends: &[End], verdict: &mut Verdict) {
    let mut ends = ends.iter().peekable();
    let mut reached: Option<u64> = None;
    for number in rows {
        while let Some(end) = ends.next_if(|end| end.place <= *number) {
            reached = reached.max(Some(end.seq));
        }
        let row = evidence.row(*number);
        if row.is_live() {
            // What was said before the user was let in, perhaps again, is not told live.
            let user = evidence.user(row.session);
            let joined =
                evidence.members.get(row.conversation).map_or(0, |it| it.joined_before(user, row.seq));
            let missing = reached.map(|reached| (reached + 1).max(joined)..row.seq);
            let missing = missing.and_then(|mut missing| missing.find(|seq| is_due(evidence, row, *seq)));
            if let Some(missing) = missing {
                verdict.add(
                    Kind::Gap,
                    || evidence.place(row.conversation, missing),
                    || {
                        let user = evidence.history.users.name(user);
                        format!("{user} got {} live at {} without it", row.seq, row.at)
                    },
                );
            }
        } else {
            // A page on the way to the end says nothing of what comes live meanwhile; the last one does.
            let page = &evidence.history.pages[row.page as usize];
            if page.way == Way::Before || page.more {
                continue;
            }
        }
        reached = reached.max(Some(row.seq));
    }
}

/// Whether the session of this row should have got another position before it.
fn is_due(evidence: &Evidence<'_>, row: &Seen, seq: u64) -> bool {
    let user = evidence.user(row.session);
    if evidence.members.get(row.conversation).is_some_and(|members| !members.may_see(user, seq)) {
        return false;
    }
    // One's own messages come as answers.
    let author = evidence.entry(row.conversation, seq).and_then(|entry| entry.author);
    !author.is_some_and(|(author, client)| {
        author == user
            && evidence.keys.sent_by(row.session, (row.conversation, author, client), evidence.history)
    })
}

/// What is wrong with a page, and where.
fn page_problem(evidence: &Evidence<'_>, page: &Page, rows: &[Seen]) -> Option<(u64, String)> {
    let user = evidence.user(page.session);
    let name = evidence.history.users.name(user);
    let members = evidence.members.get(page.conversation);
    // A hole in a final sync where something is known to be is a loss.
    let lost = |seq: u64| page.last && evidence.entry(page.conversation, seq).is_some();
    let begins = |seq: u64| seq == 1 || members.is_none_or(|members| members.begins(user, seq));
    for pair in rows.windows(2) {
        let next = pair[0].seq + 1;
        if pair[1].seq != next && !lost(next) {
            return Some((next, format!("a page of {name} goes from {} to {}", pair[0].seq, pair[1].seq)));
        }
    }
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
        return empty_page_problem(evidence, page, user);
    };
    if last.seq > page.head {
        return Some((last.seq, format!("a page of {name} goes beyond its head {}", page.head)));
    }
    let problem = |seq: u64, what: &str| Some((seq, format!("a page of {name} at {}: {what}", page.at)));
    match page.way {
        Way::After => {
            let next = page.position + 1;
            let starts = first.seq == next || (first.seq > next && begins(first.seq)) || lost(next);
            if !starts {
                return problem(
                    next,
                    &format!("asked after {}, it begins with {}", page.position, first.seq),
                );
            }
            if !page.more && last.seq != page.head && !lost(last.seq + 1) {
                return problem(
                    last.seq + 1,
                    &format!("it ends at {} of {}, and says it is all", last.seq, page.head),
                );
            }
        }
        Way::Before => {
            let end = page.position.checked_sub(1).map_or(page.head, |end| end.min(page.head));
            if last.seq != end {
                return problem(
                    last.seq + 1,
                    &format!("asked before {}, it ends with {}", page.position, last.seq),
                );
            }
            if !page.more && !begins(first.seq) {
                return problem(first.seq - 1, &format!("it begins with {}, and says it is all", first.seq));
            }
        }
    }
    None
}

fn empty_page_problem(evidence: &Evidence<'_>, page: &Page, user: u32) -> Option<(u64, String)> {
    let members = evidence.members.get(page.conversation);
    let due = match page.way {
        Way::After => page.position + 1,
        Way::Before => page.position.checked_sub(1).map_or(page.head, |end| end.min(page.head)),
    };
    // One who was let in again later may not see any more what it saw before.
    let hidden = members.is_none_or(|members| {
        !members.may_see(user, due) || members.of(user).last().is_some_and(|period| period.first > due)
    });
    let empty = due == 0 || due > page.head || hidden;
    if page.more || !empty {
        let name = evidence.history.users.name(user);
        return Some((due, format!("a page of {name} at {} is empty, the head is {}", page.at, page.head)));
    }
    None
}
