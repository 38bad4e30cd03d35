//! How many appends are on their way to the database at once: fewer when it does not keep up.
//!
//! More in flight than a database can serve only makes requests time out, each of which has to be sent again. So the
//! limit grows by one a round of good answers while somebody waits, and is halved when one does not come.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// Fewer never.
const LEAST: usize = 4;

/// An answer that took longer says that too many are under way.
const SLOW: Duration = Duration::from_millis(500);

/// After a cut, answers to what was sent before it say nothing new.
const REST: Duration = Duration::from_secs(1);

/// The limit.
#[derive(Debug)]
pub(super) struct Limit {
    permits: Semaphore,
    most: usize,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    limit: usize,
    /// Permits that exist, given out or not.
    exist: usize,
    good: usize,
    cut: Option<Instant>,
}

impl Limit {
    /// At most `most`, which is where it begins.
    pub(super) fn new(most: usize) -> Self {
        let state = State { limit: most, exist: most, good: 0, cut: None };
        Self { permits: Semaphore::new(most), most, state: Mutex::new(state) }
    }

    /// Waits for a place.
    pub(super) async fn enter(&self) -> Place<'_> {
        if let Ok(permit) = self.permits.acquire().await {
            permit.forget();
        }
        Place { limit: self, began: Instant::now(), failed: false }
    }

    /// How many may be under way now.
    #[cfg(test)]
    fn now(&self) -> usize {
        self.state.lock().limit
    }

    fn leave(&self, took: Duration, failed: bool) {
        let mut state = self.state.lock();
        let rested = state.cut.is_none_or(|cut| cut.elapsed() >= REST.max(took));
        if failed || took >= SLOW {
            state.good = 0;
            if rested {
                state.limit = (state.limit / 2).max(LEAST.min(self.most));
                state.cut = Some(Instant::now());
            }
        } else {
            state.good += 1;
            if state.good >= state.limit {
                (state.good, state.limit) = (0, (state.limit + 1).min(self.most));
            }
        }
        // This place comes back, unless there are too many; and one more if there are too few.
        state.exist -= 1;
        let missing = state.limit.saturating_sub(state.exist);
        self.permits.add_permits(missing);
        let spare = self.permits.forget_permits(state.exist.saturating_sub(state.limit));
        state.exist = state.exist + missing - spare;
    }
}

/// One append under way.
pub(super) struct Place<'a> {
    limit: &'a Limit,
    began: Instant,
    failed: bool,
}

impl Place<'_> {
    /// No answer came.
    pub(super) fn failed(&mut self) {
        self.failed = true;
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.limit.leave(self.began.elapsed(), self.failed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_is_halved_by_failures_and_grows_again() {
        let limit = Limit::new(64);
        let mut places = Vec::new();
        for _ in 0..64 {
            places.push(limit.enter().await);
        }
        for place in &mut places {
            place.failed();
        }
        drop(places);
        assert_eq!(limit.now(), 32, "what failed together counts once");
        for _ in 0..3 {
            tokio::time::advance(REST).await;
            limit.enter().await.failed();
        }
        assert_eq!((limit.now(), limit.permits.available_permits()), (4, 4));
        while limit.now() < 64 {
            drop(limit.enter().await);
        }
        assert_eq!(limit.permits.available_permits(), 64);
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_are_under_way_than_it_says() {
        let limit = Limit::new(2);
        let (_one, two) = (limit.enter().await, limit.enter().await);
        let third = limit.enter();
        tokio::pin!(third);
        assert!(tokio::time::timeout(Duration::from_secs(9), &mut third).await.is_err());
        drop(two);
        third.await;
    }
}
