//! A token bucket. Pure: the time comes as an argument.

use std::time::Duration;

use crate::settings::Rate;

/// How much may still be done now.
#[derive(Clone, Debug)]
pub struct Bucket {
    rate: Rate,
    tokens: f64,
    filled: Duration,
}

impl Bucket {
    /// A full bucket.
    pub fn new(rate: Rate, now: Duration) -> Self {
        Self { rate, tokens: rate.burst, filled: now }
    }

    /// Takes one token.
    ///
    /// # Errors
    /// How long to wait for the next one, in milliseconds; nothing was taken.
    pub fn take(&mut self, now: Duration) -> Result<(), u64> {
        if self.rate.per_second <= 0.0 {
            return Ok(());
        }
        let gained = now.saturating_sub(self.filled).as_secs_f64() * self.rate.per_second;
        self.tokens = (self.tokens + gained).min(self.rate.burst.max(1.0));
        self.filled = self.filled.max(now);
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Ok(());
        }
        let wait =
            Duration::try_from_secs_f64((1.0 - self.tokens) / self.rate.per_second).unwrap_or(Duration::MAX);
        Err(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_the_rate() {
        let mut bucket = Bucket::new(Rate { per_second: 10.0, burst: 2.0 }, Duration::ZERO);
        assert_eq!((bucket.take(Duration::ZERO), bucket.take(Duration::ZERO)), (Ok(()), Ok(())));
        assert_eq!(bucket.take(Duration::ZERO), Err(100));
        assert_eq!(bucket.take(Duration::from_millis(100)), Ok(()));
        assert_eq!(bucket.take(Duration::from_millis(50)), Err(100), "a time that goes back gives nothing");
        let mut off = Bucket::new(Rate { per_second: 0.0, burst: 0.0 }, Duration::ZERO);
        assert!((0..1000).all(|_| off.take(Duration::ZERO).is_ok()));
    }
}
