//! Live delivery: a connected member gets each message, live or by the sync that it was told to do.

use std::collections::HashMap;

use crate::evidence::{Entry, Evidence, Membership};
use crate::history::{Nanos, Session};
use crate::verdict::{Kind, Verdict};

/// One session and one conversation.
struct Watch<'a> {
    number: u32,
    session: &'a Session,
    conversation: u32,
    members: &'a Membership,
    /// Up to where it was told to sync.
    told: u64,
}

pub(super) fn check(evidence: &Evidence<'_>, verdict: &mut Verdict) {
    let mut conversations: HashMap<u32, Vec<u32>> = HashMap::new();
    for (conversation, members) in evidence.members.iter() {
        members.users().for_each(|user| conversations.entry(user).or_default().push(conversation));
    }
    let mut told: HashMap<(u32, u32), u64> = HashMap::new();
    for head in &evidence.history.heads {
        let highest = told.entry((head.session, head.conversation)).or_default();
        *highest = head.seq.max(*highest);
    }
    for (number, session) in (0..).zip(&evidence.history.sessions).filter(|(_, session)| session.settled) {
        for conversation in conversations.get(&session.user).into_iter().flatten() {
            let Some(members) = evidence.members.get(*conversation) else { continue };
            let told = told.get(&(number, *conversation)).copied().unwrap_or_default();
            Watch { number, session, conversation: *conversation, members, told }.check(evidence, verdict);
        }
    }
}

impl Watch<'_> {
    fn check(&self, evidence: &Evidence<'_>, verdict: &mut Verdict) {
        let rows = evidence.seen_by(self.number, self.conversation).iter().map(|row| evidence.row(*row));
        let mut got: Vec<u64> = rows.filter(|row| !evidence.is_final(row)).map(|row| row.seq).collect();
        got.sort_unstable();
        let mut got = got.into_iter().peekable();
        for entry in evidence.entries_of(self.conversation) {
            while got.next_if(|seq| *seq < entry.seq).is_some() {}
            // What it was told to sync and did not, is its own fault.
            if got.peek() == Some(&entry.seq) || entry.seq <= self.told || !self.is_due(evidence, entry) {
                continue;
            }
            verdict.add(
                Kind::Undelivered,
                || evidence.place(entry.conversation, entry.seq),
                || {
                    let user = evidence.history.users.name(self.session.user);
                    format!("{user}, connected since {}, did not get it", self.session.opened)
                },
            );
        }
    }

    /// Whether the entry was made while the session was open, and is not its own.
    fn is_due(&self, evidence: &Evidence<'_>, entry: &Entry) -> bool {
        let begun = entry.begun.is_some_and(|begun| begun > self.session.opened);
        let settled = self.session.closed.is_some_and(|closed| entry.known < closed);
        if !begun || !settled || entry.divergent || entry.seen == Nanos::MAX {
            return false;
        }
        let own = entry.author.is_some_and(|(author, client)| {
            author == self.session.user
                && evidence.keys.sent_by(self.number, (self.conversation, author, client), evidence.history)
        });
        // Who has fallen behind and is removed before it has synced, cannot sync any more.
        let cut_off = self.told > 0 && self.members.was_removed_after(self.session.user, entry.seq);
        !own && !cut_off && self.members.was_member_at(self.session.user, entry.seq)
    }
}
