//! How the mirror is.

use std::time::Duration;

/// After so long a change that is not in Redis makes the mirror degraded.
const LATE: Duration = Duration::from_secs(5);

/// What the task notes.
#[derive(Debug, Default)]
pub(super) struct Health {
    /// Why Redis cannot be used, if so; `None` before the first answer too.
    pub(super) trouble: Option<String>,
    /// Whether Redis has answered last time.
    pub(super) up: bool,
    /// Announcements that reached Redis.
    pub(super) announced: u64,
    /// Announcements and signs of life that did not, or of which it is not known.
    pub(super) failed: u64,
    /// How often everybody was announced again.
    pub(super) losses: u64,
}

/// How a mirror is, for metrics and for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MirrorReading {
    /// Whether Redis answered last time.
    pub up: bool,
    /// The last error, while Redis is not up.
    pub trouble: Option<String>,
    /// How long the oldest change waits that Redis does not have.
    pub lag: Duration,
    /// Users with changes that Redis does not have.
    pub waiting: usize,
    /// Users who are connected here.
    pub here: usize,
    /// Whether everybody is being announced again.
    pub announcing_again: bool,
    /// Announcements that reached Redis, ever.
    pub announced: u64,
    /// Calls that failed, ever.
    pub failed: u64,
    /// How often everybody was announced again: after connections, errors and losses. Once at the start.
    pub losses: u64,
    /// Departures that were forgotten because too many waited, ever.
    pub forgotten: u64,
}

impl MirrorReading {
    /// What to say to operators when outsiders read stale presence; nothing that is promised to clients depends on it.
    pub fn degraded(&self) -> Option<String> {
        if !self.up {
            let why = self.trouble.as_deref().unwrap_or("it has not answered yet");
            return Some(format!("presence in Redis is stale: {why}"));
        }
        (self.lag >= LATE).then(|| format!("presence in Redis is {} s late", self.lag.as_secs()))
    }
}

impl Health {
    /// Redis answers again, or for the first time.
    pub(super) fn came_back(&mut self) {
        self.trouble = None;
        self.up = true;
    }

    /// Redis cannot be used. Returns whether that is new.
    pub(super) fn is_away(&mut self, why: String) -> bool {
        self.failed += 1;
        let new = self.trouble.replace(why).is_none();
        self.up = false;
        new
    }

    pub(super) fn reading(
        &self,
        now: Duration,
        since: Option<Duration>,
        here: usize,
        waiting: usize,
        announcing_again: bool,
        forgotten: u64,
    ) -> MirrorReading {
        MirrorReading {
            up: self.up,
            trouble: self.trouble.clone(),
            lag: since.map_or(Duration::ZERO, |since| now.saturating_sub(since)),
            waiting,
            here,
            announcing_again,
            announced: self.announced,
            failed: self.failed,
            losses: self.losses,
            forgotten,
        }
    }
}
