//! Presence: who went away is seen to be away in time, and not before; who came back, likewise.

use std::time::Duration;

use causerie_protocol::UserId;

use crate::stage::Stage;

/// What a session was told of a user.
#[derive(Clone, Debug)]
pub struct Told {
    /// When.
    pub at: Duration,
    /// The session, by its number in the history.
    pub session: u32,
    /// The user.
    pub user: UserId,
    /// Whether it is online.
    pub online: bool,
}

/// Telling may take so long after the moment that is promised.
const TELLING: Duration = Duration::from_secs(2);
/// And so much longer for the network and the pause between two looks.
const SLACK: Duration = Duration::from_millis(500);

impl Stage {
    /// How long others may believe that the absent user is there.
    pub fn absence_limit(&self) -> Duration {
        let settings = &self.plan.settings;
        let promised = if self.plan.orderly { settings.presence_grace } else { settings.presence_ttl };
        promised + TELLING + SLACK
    }

    /// How long others may believe that a user who is there is not.
    pub fn return_limit(&self) -> Duration {
        TELLING + SLACK
    }

    /// Notes a broken promise for each session of others that believes something else of the absent user.
    pub fn expect_presence(&self, online: bool) {
        let user = &self.users[self.plan.absent];
        for (_, memory) in self.all_devices().filter(|(number, _)| *number != self.plan.absent) {
            let Some(session) = memory.borrow().session else { continue };
            let told = self.told.borrow();
            let last = told.iter().rev().find(|told| told.session == session && told.user == *user);
            if last.map(|told| told.online) != Some(online) {
                let now = self.time.elapsed();
                let what =
                    format!("P12: at {now:?} session {session} was last told {last:?}, online is {online}");
                self.book.borrow_mut().fail(what);
            }
        }
    }

    /// Nobody may be told that the absent user is away before it has been for this long.
    pub fn expect_nobody_told_before(&self, gone: Duration, least: Duration) {
        let user = &self.users[self.plan.absent];
        let told = self.told.borrow();
        let early = told
            .iter()
            .find(|told| told.user == *user && !told.online && told.at > gone && told.at < gone + least);
        if let Some(early) = early {
            let what = format!("P12: {early:?}, though it went at {gone:?} and may come back for {least:?}");
            self.book.borrow_mut().fail(what);
        }
    }
}
