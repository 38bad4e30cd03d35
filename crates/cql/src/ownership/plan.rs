//! What to do about one shard. Pure: rows in, a decision out.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::rows::ShardRow;

/// Between the timestamps of two terms: one for a range deletion above all of the earlier one, one to spare.
const GAP: i64 = 2;

/// Instances that are dead for good, each with the ceiling that is final since.
pub(super) type Dead = BTreeMap<Uuid, i64>;

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// Nobody ever had it: make this row, if there still is none.
    Create(ShardRow),
    /// Nobody has it, or a dead one: change it to this, if owner and term still are these.
    Take { owner: Uuid, epoch: i64, to: ShardRow },
    /// It is ours.
    Mine,
    /// Somebody has it who is not known to be dead.
    Held(Uuid),
}

/// Decides for `me`.
pub(super) fn decide(row: Option<&ShardRow>, me: Uuid, dead: &Dead) -> Decision {
    let Some(row) = row else {
        let floor = GAP;
        return Decision::Create(ShardRow {
            owner: me,
            epoch: 1,
            crash_epoch: 0,
            floor,
            unfenced: BTreeSet::new(),
        });
    };
    if row.owner == me {
        return Decision::Mine;
    }
    let epoch = row.epoch + 1;
    let mut to = ShardRow { owner: me, epoch, floor: row.floor + GAP, ..row.clone() };
    if !row.owner.is_nil() {
        let Some(ceiling) = dead.get(&row.owner) else { return Decision::Held(row.owner) };
        to.floor = row.floor.max(*ceiling) + GAP;
        to.crash_epoch = epoch;
        to.unfenced.insert(row.owner);
    }
    Decision::Take { owner: row.owner, epoch: row.epoch, to }
}

/// The row after a hand-over by its owner, whose timestamps all are below `ceiling`. Only of a shard that has nobody to
/// fence any more.
pub(super) fn release(row: &ShardRow, ceiling: i64) -> ShardRow {
    let floor = row.floor.max(ceiling);
    ShardRow { owner: Uuid::nil(), epoch: row.epoch + 1, floor, ..row.clone() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    #[test]
    fn who_lives_is_not_taken_from() {
        let row = ShardRow { owner: id(1), epoch: 4, crash_epoch: 2, floor: 9, unfenced: BTreeSet::new() };
        assert_eq!(decide(Some(&row), id(2), &Dead::new()), Decision::Held(id(1)));
        assert_eq!(decide(Some(&row), id(1), &Dead::new()), Decision::Mine);
    }

    /// One instance as the model has it.
    #[derive(Clone, Debug)]
    struct Holder {
        ceiling: i64,
        crashed: bool,
    }

    /// What happens to one shard, in any order.
    #[derive(Clone, Debug)]
    enum Step {
        Raise(i64),
        Write(i64),
        Release,
        Crash,
        Fence,
        Claim,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (1i64..1000).prop_map(Step::Raise),
            (0i64..1000).prop_map(Step::Write),
            Just(Step::Release),
            Just(Step::Crash),
            Just(Step::Fence),
            Just(Step::Claim),
        ]
    }

    proptest! {
        /// However owners come, crash, hand over and forget to fence: what a term writes is above all that earlier terms
        /// wrote, with room for a deletion between; and whoever crashed is named until it is fenced.
        #[test]
        fn terms_never_overlap_and_nobody_is_forgotten(steps in prop::collection::vec(step(), 1..80)) {
            let (mut row, mut holders): (Option<ShardRow>, Vec<Holder>) = (None, Vec::new());
            let (mut highest, mut fenced) = (0, BTreeSet::new());
            for step in steps {
                let owner = row.as_ref().map(|row| row.owner).filter(|owner| !owner.is_nil());
                let current = owner.map(|owner| usize::try_from(owner.as_u128()).unwrap() - 1);
                match (step, current, &mut row) {
                    (Step::Claim, _, row) => {
                        let me = id(holders.len() as u128 + 1);
                        let crashed = (1..).zip(&holders).filter(|(_, holder)| holder.crashed);
                        let dead = crashed.map(|(number, holder)| (id(number), holder.ceiling)).collect();
                        let to = match decide(row.as_ref(), me, &dead) {
                            Decision::Create(to) | Decision::Take { to, .. } => to,
                            Decision::Mine | Decision::Held(_) => continue,
                        };
                        prop_assert!(to.floor - 1 > highest, "no room below {to:?} for {highest}");
                        let named = to.unfenced.clone();
                        for (number, holder) in (1..).zip(&holders) {
                            prop_assert!(!holder.crashed || named.contains(&id(number)) || fenced.contains(&id(number)));
                        }
                        *row = Some(to);
                        holders.push(Holder { ceiling: 0, crashed: false });
                    }
                    (Step::Raise(by), Some(at), Some(row)) if !holders[at].crashed => {
                        holders[at].ceiling = holders[at].ceiling.max(row.floor) + by;
                    }
                    (Step::Write(above), Some(at), Some(row)) if !holders[at].crashed => {
                        let timestamp = row.floor + above;
                        if timestamp < holders[at].ceiling {
                            highest = highest.max(timestamp);
                        }
                    }
                    (Step::Release, Some(at), Some(row)) if !holders[at].crashed && row.unfenced.is_empty() => {
                        let released = release(row, holders[at].ceiling);
                        prop_assert!(released.epoch > row.epoch && released.crash_epoch == row.crash_epoch);
                        *row = released;
                    }
                    (Step::Crash, Some(at), _) => holders[at].crashed = true,
                    (Step::Fence, Some(at), Some(row)) if !holders[at].crashed => {
                        fenced.append(&mut row.unfenced);
                    }
                    _ => (),
                }
            }
        }
    }
}
