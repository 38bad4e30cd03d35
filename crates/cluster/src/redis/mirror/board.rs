//! What the mirror knows, and what of it is to be announced next. Pure: the time comes as an argument.
//!
//! Guaranteed: an announcement is all that is true of one user at the moment when it is taken, so that changes of a user
//! that wait together become one, and one that is repeated or comes late does no harm that the next does not mend.
//! Everybody who is here is announced again once in [`RENEWAL`], and all at once after [`Board::announce_all`].
//!
//! Bounded: one place for each user who is here, and [`GONE`] for users who have left and of whom Redis does not know it
//! yet. Beyond that the departure of a user is forgotten, and its route expires by itself.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::time::Duration;

use causerie_protocol::{DeviceId, Timestamp, UserId};
use hashbrown::HashMap;

use crate::directory::{ConnectionId, Registration};

/// In what time everybody is announced again, though nothing has changed.
pub(super) const RENEWAL: Duration = Duration::from_secs(30);
/// Users who have left and whose departure may wait, at most.
pub(super) const GONE: usize = 131_072;

/// All that is true of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Announcement {
    /// Who.
    pub(super) user: UserId,
    /// Its devices here.
    pub(super) devices: Vec<(DeviceId, ConnectionId)>,
    /// What has changed; `None` for one that repeats what was announced before.
    pub(super) change: Option<Change>,
}

/// What waits to be announced of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// Since when the oldest part of it waits.
    pub(super) since: Duration,
    /// When the user was last connected, if that is new.
    pub(super) seen: Option<Timestamp>,
}

impl Change {
    fn and(self, other: Self) -> Self {
        Self { since: self.since.min(other.since), seen: self.seen.max(other.seen) }
    }
}

/// Who is here, and what waits.
#[derive(Debug, Default)]
pub(super) struct Board {
    here: BTreeMap<UserId, Vec<(DeviceId, ConnectionId)>>,
    changes: HashMap<UserId, Change>,
    /// The users of `changes`, the longest waiting first; and some whose change has been announced with a renewal.
    order: VecDeque<UserId>,
    /// Of them, those who are not here.
    gone: usize,
    /// Up to whom it was announced again.
    renewed: Option<UserId>,
    /// How many are still to be announced again as fast as may be.
    hurry: usize,
    /// Renewals that are due, and the part of the next.
    owed: f64,
    forgotten: u64,
}

impl Board {
    /// A device is connected.
    pub(super) fn opened(&mut self, user: &UserId, registration: &Registration, now: Duration) {
        let devices = self.here.entry(user.clone()).or_default();
        if devices.is_empty() && self.changes.contains_key(user) {
            self.gone -= 1;
        }
        devices.retain(|(device, _)| *device != registration.device);
        devices.push((registration.device.clone(), registration.connection));
        self.changed(user, Change { since: now, seen: None });
    }

    /// A connection has ended.
    pub(super) fn closed(&mut self, user: &UserId, connection: ConnectionId, now: Duration) {
        let Some(devices) = self.here.get_mut(user) else { return };
        let before = devices.len();
        devices.retain(|(_, known)| *known != connection);
        if devices.len() == before {
            return;
        }
        if devices.is_empty() {
            self.here.remove(user);
            if self.changes.contains_key(user) {
                self.gone += 1;
            }
        }
        self.changed(user, Change { since: now, seen: None });
    }

    /// A user has gone offline.
    pub(super) fn last_seen(&mut self, user: &UserId, at: Timestamp, now: Duration) {
        self.changed(user, Change { since: now, seen: Some(at) });
    }

    /// At most so many announcements: changes first, but a quarter is left to renewals, of which so much time has passed.
    pub(super) fn take(&mut self, most: usize, passed: Duration) -> Vec<Announcement> {
        let due = self.due(passed);
        let renewals = due.min(most.div_ceil(4).max(most.saturating_sub(self.order.len())));
        let mut taken = Vec::new();
        while taken.len() < most - renewals {
            let Some(user) = self.order.pop_front() else { break };
            // It may have been announced with a renewal.
            if self.changes.contains_key(&user) {
                taken.push(self.announcement(user));
            }
        }
        self.hurry = self.hurry.saturating_sub(renewals);
        self.owed = (self.owed - renewals as f64).max(0.0);
        for _ in 0..renewals {
            let Some(user) = self.next_to_renew() else { break };
            taken.push(self.announcement(user));
        }
        taken
    }

    /// What was taken did not reach Redis, or it is not known whether it did.
    pub(super) fn put_back(&mut self, announcement: &Announcement, now: Duration) {
        let change = announcement.change.unwrap_or(Change { since: now, seen: None });
        self.changed(&announcement.user, change);
    }

    /// Redis may have lost anything: everybody is announced again, as fast as may be.
    pub(super) fn announce_all(&mut self) {
        self.hurry = self.here.len();
    }

    /// Whether it still is.
    pub(super) fn is_hurrying(&self) -> bool {
        self.hurry > 0
    }

    /// How many users are here.
    pub(super) fn here(&self) -> usize {
        self.here.len()
    }

    /// How many changes wait, and since when the oldest does.
    pub(super) fn waiting(&self) -> (usize, Option<Duration>) {
        (self.changes.len(), self.changes.values().map(|change| change.since).min())
    }

    /// How many departures were forgotten.
    pub(super) fn forgotten(&self) -> u64 {
        self.forgotten
    }

    fn changed(&mut self, user: &UserId, change: Change) {
        if let Some(waiting) = self.changes.get_mut(user) {
            *waiting = waiting.and(change);
            return;
        }
        if !self.here.contains_key(user) {
            if self.gone >= GONE {
                self.forgotten += 1;
                return;
            }
            self.gone += 1;
        }
        self.changes.insert(user.clone(), change);
        self.order.push_back(user.clone());
    }

    fn announcement(&mut self, user: UserId) -> Announcement {
        let change = self.changes.remove(&user);
        let devices = self.here.get(&user).cloned();
        if devices.is_none() && change.is_some() {
            self.gone -= 1;
        }
        Announcement { devices: devices.unwrap_or_default(), change, user }
    }

    /// How many are to be announced again by now.
    fn due(&mut self, passed: Duration) -> usize {
        let all = self.here.len();
        let part = passed.as_secs_f64() / RENEWAL.as_secs_f64();
        self.owed = (self.owed + all as f64 * part).min(all as f64);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and `all`")]
        let owed = self.owed as usize;
        owed.max(self.hurry)
    }

    /// The next in the circle.
    fn next_to_renew(&mut self) -> Option<UserId> {
        let after = self.renewed.take().map_or(Bound::Unbounded, Bound::Excluded);
        let mut rest = self.here.range((after, Bound::Unbounded));
        let user = rest.next().or_else(|| self.here.iter().next()).map(|(user, _)| user.clone());
        self.renewed.clone_from(&user);
        user
    }
}

#[cfg(test)]
mod tests;
