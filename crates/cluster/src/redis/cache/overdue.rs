//! Keys that Redis may hold an old value of, because it did not answer when that was to be removed.
//!
//! Bounded: at most [`MOST`] are known. Beyond that the whole cache is left alone until every value that it may hold has
//! expired.

use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashMap;
use parking_lot::Mutex;

/// Keys that are known at most.
const MOST: usize = 10_000;

/// What is to be removed.
#[derive(Debug)]
pub(super) struct Overdue {
    ttl: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// With a number that rises with each addition: one that was added again is not removed by what was begun before.
    keys: HashMap<Arc<str>, u64>,
    added: u64,
    all_until: Option<Duration>,
}

impl Overdue {
    /// Nothing, in a cache whose values stay so long.
    pub(super) fn new(ttl: Duration) -> Self {
        Self { ttl, state: Mutex::default() }
    }

    /// Redis may hold an old value from now on.
    pub(super) fn add(&self, key: &Arc<str>, now: Duration) {
        let mut state = self.state.lock();
        state.added += 1;
        let added = state.added;
        if state.keys.len() < MOST || state.keys.contains_key(key) {
            state.keys.insert(Arc::clone(key), added);
        } else {
            state.all_until = Some(now + self.ttl);
        }
    }

    /// Whether Redis must not be believed.
    pub(super) fn holds(&self, key: &str, now: Duration) -> bool {
        let state = self.state.lock();
        state.all_until.is_some_and(|until| now < until) || state.keys.contains_key(key)
    }

    /// Some of them, with their numbers.
    pub(super) fn some(&self, most: usize) -> Vec<(Arc<str>, u64)> {
        let state = self.state.lock();
        state.keys.iter().take(most).map(|(key, added)| (Arc::clone(key), *added)).collect()
    }

    /// One was removed from Redis.
    pub(super) fn removed(&self, key: &str, added: u64) {
        let mut state = self.state.lock();
        if state.keys.get(key) == Some(&added) {
            state.keys.remove(key);
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.state.lock().keys.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1);

    #[test]
    fn one_that_was_added_again_stays() {
        let overdue = Overdue::new(NOW);
        overdue.add(&"k".into(), NOW);
        let first = overdue.some(9);
        overdue.add(&"k".into(), NOW);
        overdue.removed("k", first[0].1);
        assert!(overdue.holds("k", NOW) && !overdue.holds("other", NOW));
        overdue.removed("k", overdue.some(9)[0].1);
        assert!(!overdue.holds("k", NOW));
    }

    #[test]
    fn with_too_many_nothing_is_believed_until_all_has_expired() {
        let overdue = Overdue::new(NOW * 10);
        (0..=MOST).for_each(|at| overdue.add(&at.to_string().into(), NOW));
        assert_eq!(overdue.len(), MOST);
        assert!(overdue.holds("other", NOW * 10));
        assert!(!overdue.holds("other", NOW * 11));
        assert!(overdue.holds("0", NOW * 11));
    }
}
