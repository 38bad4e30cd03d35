//! Write timestamps: a counter below a ceiling that is durable, never a clock.
//!
//! All that an instance writes lies in `[floor, ceiling)`, its successor's floor is above the ceiling, so the last write
//! is always the later owner's, whatever any clock says. One counter serves all shards of an instance: it starts at or
//! above the highest floor.

use std::sync::atomic::{AtomicI64, Ordering};

use tokio::sync::Notify;

/// How far the ceiling is raised at a time.
pub(crate) const BLOCK: i64 = 1 << 20;

/// Gives out timestamps, each once.
#[derive(Debug, Default)]
pub(crate) struct Timestamps {
    next: AtomicI64,
    ceiling: AtomicI64,
    low: Notify,
}

impl Timestamps {
    /// The next one; `None` while the ceiling is reached.
    pub(crate) fn next(&self) -> Option<i64> {
        let ceiling = self.ceiling.load(Ordering::Acquire);
        let below = |next: i64| (next < ceiling).then_some(next + 1);
        let given = self.next.fetch_update(Ordering::AcqRel, Ordering::Acquire, below).ok();
        if given.is_none_or(|given| ceiling - given < BLOCK / 2) {
            self.low.notify_one();
        }
        given
    }

    /// From now on none below `floor` is given out.
    pub(crate) fn start_at(&self, floor: i64) {
        self.next.fetch_max(floor, Ordering::AcqRel);
    }

    /// A higher ceiling is durable.
    pub(crate) fn raise(&self, ceiling: i64) {
        self.ceiling.fetch_max(ceiling, Ordering::AcqRel);
    }

    /// The ceiling that should be made durable next, once less than half a block is left.
    pub(crate) fn wanted(&self) -> Option<i64> {
        let (next, ceiling) = (self.next.load(Ordering::Acquire), self.ceiling.load(Ordering::Acquire));
        (ceiling - next < BLOCK / 2).then(|| next.max(ceiling).saturating_add(BLOCK))
    }

    /// Ends soon after the ceiling has come near.
    pub(crate) async fn low(&self) {
        self.low.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_ceiling_stops_and_raising_it_goes_on() {
        let timestamps = Timestamps::default();
        assert_eq!(timestamps.next(), None, "no ceiling is durable yet");
        timestamps.start_at(7);
        timestamps.raise(9);
        assert_eq!([timestamps.next(), timestamps.next(), timestamps.next()], [Some(7), Some(8), None]);
        timestamps.raise(10);
        assert_eq!([timestamps.next(), timestamps.next()], [Some(9), None]);
    }

    #[test]
    fn more_is_wanted_before_it_is_needed() {
        let timestamps = Timestamps::default();
        assert_eq!(timestamps.wanted(), Some(BLOCK));
        timestamps.raise(BLOCK);
        assert_eq!(timestamps.wanted(), None);
        timestamps.start_at(BLOCK / 2 + 1);
        assert_eq!(timestamps.wanted(), Some(2 * BLOCK));
        assert!(timestamps.next().is_some());
    }

    proptest! {
        /// Whatever is asked in whatever order: each is given once, rising, from the floor on and below the ceiling.
        #[test]
        fn each_is_given_once_and_in_bounds(steps in prop::collection::vec((0u8..3, 0i64..50), 1..200)) {
            let timestamps = Timestamps::default();
            let (mut last, mut floor, mut ceiling) = (-1, 0, 0);
            for (step, value) in steps {
                match step {
                    0 => { timestamps.start_at(value); floor = floor.max(value); }
                    1 => { timestamps.raise(value); ceiling = ceiling.max(value); }
                    _ => if let Some(given) = timestamps.next() {
                        prop_assert!(given > last && given >= floor && given < ceiling);
                        last = given;
                    }
                }
            }
        }
    }
}
