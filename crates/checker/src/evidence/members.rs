//! Who may see what: the membership entries of each conversation, folded.

use std::collections::HashMap;

use crate::History;
use crate::history::Change;

/// When a user was in a conversation, in positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Period {
    /// The entry that let it in.
    pub(crate) joined: u64,
    /// The first position that it may see.
    pub(crate) first: u64,
    /// The last one: the entry that removed it, or no end.
    pub(crate) last: u64,
}

/// Who was in one conversation. Periods of a user follow each other, so each question is a search among them.
#[derive(Debug, Default)]
pub(crate) struct Membership {
    periods: HashMap<u32, Vec<Period>>,
    full: bool,
}

impl Membership {
    /// A user's periods, in order; none for somebody who never was in it.
    pub(crate) fn of(&self, user: u32) -> &[Period] {
        self.periods.get(&user).map_or(&[], Vec::as_slice)
    }

    /// All users that ever were in it.
    pub(crate) fn users(&self) -> impl Iterator<Item = u32> {
        self.periods.keys().copied()
    }

    /// The first of a user's periods that is not over before a position.
    pub(crate) fn not_over(&self, user: u32, seq: u64) -> Option<&Period> {
        let periods = self.of(user);
        periods.get(periods.partition_point(|period| period.last < seq))
    }

    /// Whether a user may see a position.
    pub(crate) fn may_see(&self, user: u32, seq: u64) -> bool {
        self.not_over(user, seq).is_some_and(|period| period.first <= seq)
    }

    /// Whether a position stands within one of a user's memberships. With full history it may see more than that.
    pub(crate) fn was_member_at(&self, user: u32, seq: u64) -> bool {
        self.not_over(user, seq).is_some_and(|period| period.joined <= seq)
    }

    /// The entry that let the user in last, at or before a position.
    pub(crate) fn joined_before(&self, user: u32, seq: u64) -> u64 {
        let periods = self.of(user);
        let count = periods.partition_point(|period| period.joined <= seq);
        count.checked_sub(1).map_or(0, |last| periods[last].joined)
    }

    /// Whether the user was removed at or after a position, and not before.
    pub(crate) fn was_removed_after(&self, user: u32, seq: u64) -> bool {
        self.not_over(user, seq).is_some_and(|period| period.joined <= seq && period.last < u64::MAX)
    }

    /// Whether a page may begin here for this user, because a period of its does.
    pub(crate) fn begins(&self, user: u32, seq: u64) -> bool {
        self.not_over(user, seq).is_some_and(|period| period.first == seq)
    }

    /// The last position that a user may see.
    pub(crate) fn last(&self, user: u32) -> u64 {
        self.of(user).last().map_or(0, |period| period.last)
    }

    /// Whether the user is in it once everything up to `seq` has happened.
    pub(crate) fn is_member_at(&self, user: u32, seq: u64) -> bool {
        self.not_over(user, seq.saturating_add(1)).is_some_and(|period| period.joined <= seq)
    }

    /// Whether what comes after `seq` lets the user in or out.
    pub(crate) fn changes_after(&self, user: u32, seq: u64) -> bool {
        // The last period tells: those before it were over when it began.
        let changes = |period: &Period| period.joined > seq || (period.last > seq && period.last < u64::MAX);
        self.of(user).last().is_some_and(changes)
    }

    fn join(&mut self, user: u32, seq: u64) {
        let first = if self.full { 1 } else { seq };
        let periods = self.periods.entry(user).or_default();
        // Who is in it already is not let in again.
        if periods.last().is_none_or(|last| last.last < u64::MAX) {
            periods.push(Period { joined: seq, first, last: u64::MAX });
        }
    }

    fn go(&mut self, user: u32, seq: u64) {
        if let Some(period) = self.periods.get_mut(&user).and_then(|periods| periods.last_mut())
            && period.last == u64::MAX
        {
            period.last = seq;
        }
    }
}

/// Who was in which conversation, for those whose beginning is known.
#[derive(Debug, Default)]
pub(crate) struct Timelines(HashMap<u32, Membership>);

impl Timelines {
    pub(super) fn of(history: &History) -> Self {
        let mut all = HashMap::new();
        for (conversation, users) in &history.direct {
            let mut membership = Membership { full: true, ..Membership::default() };
            users.0.iter().for_each(|user| membership.join(*user, 0));
            all.insert(*conversation, membership);
        }
        let mut changes: Vec<_> = history.memberships.iter().collect();
        changes.sort_unstable_by_key(|(place, _)| **place);
        for ((conversation, seq), change) in changes {
            // Who was in it before is only known from the beginning.
            if change.change == Change::Created {
                let full = change.full_history;
                all.insert(*conversation, Membership { full, ..Membership::default() });
            }
            let Some(membership) = all.get_mut(conversation) else { continue };
            for user in change.users.iter().filter_map(|user| history.users.find(user.as_ref())) {
                match change.change {
                    Change::Created | Change::Added => membership.join(user, *seq),
                    Change::Gone => membership.go(user, *seq),
                    Change::Other => {}
                }
            }
        }
        Self(all)
    }

    /// Who was in a conversation, if that is known.
    pub(crate) fn get(&self, conversation: u32) -> Option<&Membership> {
        self.0.get(&conversation)
    }

    /// The conversations of which it is known.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Membership)> {
        self.0.iter().map(|(conversation, membership)| (*conversation, membership))
    }
}
