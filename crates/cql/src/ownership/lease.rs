//! When silence counts as death. Pure: what was read and when, by a monotonic clock.

use std::time::Duration;

/// One other instance, as this one has seen it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watch {
    lease: i64,
    since: Duration,
}

/// What is known of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    /// It has renewed its lease while it was watched.
    Alive,
    /// It has not, and not for long enough.
    Open,
    /// It has not for the whole time-out: it may be declared dead, if its lease still is this.
    Silent(i64),
}

impl Watch {
    /// Begins to watch at `now` whoever has this lease.
    pub(crate) fn new(lease: i64, now: Duration) -> Self {
        Self { lease, since: now }
    }

    /// The lease was read again.
    pub(crate) fn see(&mut self, lease: i64, now: Duration, ttl: Duration) -> Sign {
        if lease != self.lease {
            *self = Self::new(lease, now);
            return Sign::Alive;
        }
        if now.saturating_sub(self.since) >= ttl { Sign::Silent(lease) } else { Sign::Open }
    }

    /// The lease could not be read: silence counts from zero, since the other may be cut off in the same way.
    pub(crate) fn blind(&mut self, now: Duration) {
        self.since = now;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TTL: Duration = Duration::from_secs(6);

    proptest! {
        /// Whoever renews within the time-out is never silent, whatever is read in between and however often not.
        #[test]
        fn who_renews_in_time_is_not_silent(
            renewals in prop::collection::vec(1u64..3000, 1..30),
            looks in prop::collection::vec((1u64..2900, any::<bool>()), 1..60),
        ) {
            let at: Vec<u64> = renewals.iter().scan(0, |at, step| { *at += step; Some(*at) }).collect();
            let lease = |now: u64| i64::try_from(at.iter().filter(|at| **at <= now).count()).unwrap();
            let (mut now, mut watch) = (0, Watch::new(lease(0), Duration::ZERO));
            for (step, readable) in looks {
                now += step;
                if now > *at.last().unwrap() { break }
                if readable {
                    let sign = watch.see(lease(now), Duration::from_millis(now), TTL);
                    prop_assert!(!matches!(sign, Sign::Silent(_)), "at {now}");
                } else {
                    watch.blind(Duration::from_millis(now));
                }
            }
        }
    }

    #[test]
    fn silence_is_death_after_the_whole_time_and_an_outage_begins_it_anew() {
        let at = Duration::from_secs;
        let mut watch = Watch::new(5, at(0));
        assert_eq!(watch.see(5, at(5), TTL), Sign::Open);
        assert_eq!(watch.see(5, at(6), TTL), Sign::Silent(5));
        watch.blind(at(7));
        assert_eq!(watch.see(5, at(12), TTL), Sign::Open);
        assert_eq!(watch.see(5, at(13), TTL), Sign::Silent(5));
        assert_eq!(watch.see(6, at(14), TTL), Sign::Alive);
    }
}
