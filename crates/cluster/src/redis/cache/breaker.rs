//! When Redis is left alone. Pure: the time comes as an argument.

use std::time::Duration;

/// So many failures one after another open it.
const FAILURES: u32 = 3;
/// For how long at first, and at most: it doubles with each attempt that fails.
const PAUSE: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(15)];

/// Lets calls through while they succeed. When it is open it lets one through after each pause.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    failures: u32,
    pause: Duration,
    until: Option<Duration>,
    /// Whether the one that tries for all is under way.
    trying: bool,
}

impl Breaker {
    /// Whether a call may be made now. One that is let through says how it went.
    pub(super) fn lets_through(&mut self, now: Duration) -> bool {
        let Some(until) = self.until else { return true };
        if now < until {
            return false;
        }
        // If it never says how it went, another one tries after the next pause.
        self.until = Some(now + self.pause);
        self.trying = true;
        true
    }

    /// A call was answered.
    pub(super) fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// A call was not. Those that were under way when it opened change nothing.
    pub(super) fn failed(&mut self, now: Duration) {
        self.failures = self.failures.saturating_add(1);
        let opens = self.until.is_none() && self.failures >= FAILURES;
        if opens || std::mem::take(&mut self.trying) {
            self.pause = (self.pause * 2).clamp(PAUSE[0], PAUSE[1]);
            self.until = Some(now + self.pause);
        }
    }

    /// Whether Redis is left alone.
    pub(super) fn is_open(&self) -> bool {
        self.until.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn it_opens_after_a_few_failures_and_tries_once_after_each_pause() {
        let mut breaker = Breaker::default();
        for _ in 0..FAILURES {
            assert!(breaker.lets_through(at(0)));
            breaker.failed(at(0));
        }
        assert!(breaker.is_open() && !breaker.lets_through(at(499)));
        assert!(breaker.lets_through(at(500)));
        assert!(!breaker.lets_through(at(500)), "one tries for all");
        breaker.failed(at(600));
        assert!(!breaker.lets_through(at(1_500)));
        assert!(breaker.lets_through(at(1_600)));
        breaker.succeeded();
        assert!(!breaker.is_open() && breaker.lets_through(at(1_600)));
    }

    #[test]
    fn many_that_fail_together_are_one_failure_and_a_success_forgives() {
        let mut breaker = Breaker::default();
        (0..FAILURES - 1).for_each(|_| breaker.failed(at(0)));
        breaker.succeeded();
        breaker.failed(at(0));
        assert!(!breaker.is_open());
        (0..1000).for_each(|_| breaker.failed(at(0)));
        assert!(breaker.lets_through(at(500)), "the pause is the first");
    }
}
