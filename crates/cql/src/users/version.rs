//! The write timestamps of what has no owner: profiles, blocks, suspensions.
//!
//! The last write wins, but "last" is not left to the clocks of nodes and databases, which may be an hour apart. Whoever
//! writes reads first which timestamp was the highest, and takes the time of day or one more than that, whichever is
//! higher. So a write that begins after another was answered wins over it. Of two at the same time, one wins.

use scylla::policies::timestamp_generator::{MonotonicTimestampGenerator, TimestampGenerator as _};

/// Gives out write timestamps: rising on this node.
pub(super) struct Versions(MonotonicTimestampGenerator);

impl Versions {
    pub(super) fn new() -> Self {
        Self(MonotonicTimestampGenerator::new().without_warnings())
    }

    /// One above the highest that was read.
    pub(super) fn above(&self, highest: Option<i64>) -> i64 {
        let now = self.0.next_timestamp();
        highest.map_or(now, |highest| now.max(highest.saturating_add(1)))
    }
}

impl std::fmt::Debug for Versions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Versions").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_above_the_last_whatever_the_clock_says() {
        let versions = Versions::new();
        let now = versions.above(None);
        assert!(versions.above(Some(now)) > now && versions.above(None) > now);
        let in_an_hour = now + 3_600_000_000;
        assert_eq!(versions.above(Some(in_an_hour)), in_an_hour + 1);
    }
}
