//! What a batch does to each user, taken together: one change a user, so that one write timestamp is enough.

use std::collections::BTreeMap;

use causerie_protocol::{Seq, UserId};
use causerie_store::model::{ConversationRow, MemberRow, Projection};

/// The projections of one batch, folded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Folded {
    /// What the conversation is from now on.
    pub(crate) row: Option<ConversationRow>,
    /// What becomes of each user, by user id.
    pub(crate) users: BTreeMap<UserId, Change>,
}

/// What one batch makes of one user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// The last membership that the batch gave; `None` when it only took.
    pub(crate) joined: Option<MemberRow>,
    /// Whether the batch ended a membership, before or after it gave one.
    pub(crate) ended: bool,
    /// Whether the user is a member when all is done.
    pub(crate) member: bool,
}

impl Folded {
    /// Folds the projections of a batch, in their order.
    pub(crate) fn of(projections: &[Projection]) -> Self {
        let mut folded = Self::default();
        for projection in projections {
            match projection {
                Projection::Conversation(row) => folded.row = Some(row.clone()),
                Projection::Member(user, row) => {
                    let change = folded.change(user);
                    (change.joined, change.member) = (Some(*row), true);
                }
                Projection::Removed(user) => {
                    let change = folded.change(user);
                    (change.ended, change.member) = (true, false);
                }
            }
        }
        folded
    }

    fn change(&mut self, user: &UserId) -> &mut Change {
        self.users.entry(user.clone()).or_insert(Change { joined: None, ended: false, member: false })
    }
}

/// When a membership began or ended, as one number: the later one says what is true. Two ranks to a position, because
/// one batch may do both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank(pub(crate) i64);

impl Change {
    /// The ranks of what began and of what ended, in a batch whose last entry is `seq`.
    pub(crate) fn ranks(self, seq: Position) -> (Option<Rank>, Option<Rank>) {
        let (first, second) = (Rank(2 * seq.0), Rank(2 * seq.0 + 1));
        let joined = self.joined.map(|_| if self.ended && self.member { second } else { first });
        let ended = self.ended.then_some(if self.joined.is_some() && !self.member { second } else { first });
        (joined, ended)
    }
}

/// A position of a log as the database has it: also the write timestamp of all that follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position(pub(crate) i64);

impl Position {
    /// The highest: above the last message of any conversation, and below the time of day in microseconds, beyond which
    /// Scylla takes no write timestamp.
    pub(crate) const MAX: Self = Self(1 << 46);

    /// `None` beyond [`MAX`](Self::MAX), where no log ends.
    pub(crate) fn of(seq: Seq) -> Option<Self> {
        i64::try_from(seq.0).ok().map(Self).filter(|position| *position <= Self::MAX)
    }
}

#[cfg(test)]
mod tests {
    use causerie_protocol::frame::down::Role;
    use proptest::prelude::*;

    use super::*;

    fn row(join_seq: u64) -> MemberRow {
        MemberRow { role: Role::Member, join_seq: Seq(join_seq), first: Seq(join_seq) }
    }

    /// Of few users, so that one batch says several things of one.
    fn projection() -> impl Strategy<Value = Projection> {
        let user = (0..3_u8).prop_map(|number| UserId::new(&format!("user-{number}")).unwrap());
        (user, any::<Option<u8>>()).prop_map(|(user, join)| match join {
            Some(seq) => Projection::Member(user, row(seq.into())),
            None => Projection::Removed(user),
        })
    }

    proptest! {
        /// One by one: the last membership, whether it goes on, and whether cursors were forgotten.
        #[test]
        fn folding_says_what_one_by_one_says(
            batches in prop::collection::vec(prop::collection::vec(projection(), 0..6), 1..6),
        ) {
            let mut listed: BTreeMap<UserId, (MemberRow, bool)> = BTreeMap::new();
            type Kept = (Option<(Rank, MemberRow)>, Option<Rank>);
            let mut ranks: BTreeMap<UserId, Kept> = BTreeMap::new();
            for (projections, seq) in batches.iter().zip(1..) {
                for projection in projections {
                    match projection {
                        Projection::Member(user, row) => drop(listed.insert(user.clone(), (*row, true))),
                        Projection::Removed(user) => {
                            listed.entry(user.clone()).and_modify(|listed| listed.1 = false);
                        }
                        Projection::Conversation(_) => {}
                    }
                }
                for (user, change) in Folded::of(projections).users {
                    let (joined, ended) = change.ranks(Position(seq));
                    let kept = ranks.entry(user).or_default();
                    kept.0 = joined.zip(change.joined).or(kept.0);
                    kept.1 = ended.or(kept.1);
                }
            }
            let by_rank = ranks.into_iter().filter_map(|(user, (joined, ended))| {
                let (joined, row) = joined?;
                Some((user, (row, ended.is_none_or(|ended| ended < joined))))
            });
            prop_assert_eq!(by_rank.collect::<BTreeMap<_, _>>(), listed);
        }
    }

    #[test]
    fn positions_end_where_timestamps_do() {
        assert_eq!(Position::of(Seq(7)), Some(Position(7)));
        assert_eq!(Position::of(Seq((1 << 46) + 1)), None);
        assert_eq!(Position::of(Seq(u64::MAX)), None);
    }
}
