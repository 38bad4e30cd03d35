//! The home of users: which devices are connected, who watches them. Pure: the time comes as an argument.
//!
//! Guaranteed: a user is online while at least one connection is registered, and for the grace after an orderly end
//! of the last one. A watcher is told each change once, the latest state where several fell together.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use causerie_protocol::{DeviceId, Timestamp, UserId};
use hashbrown::HashMap;

/// A connection, unique in the life of its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// A device that is connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// Which device.
    pub device: DeviceId,
    /// By which connection.
    pub connection: ConnectionId,
    /// Since when.
    pub since: Timestamp,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    /// The client closed: a reload is not an absence, so the grace applies.
    Orderly,
    /// The client fell silent: it has been absent already.
    Silent,
}

/// What a watcher is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Who is told.
    pub watchers: Vec<ConnectionId>,
    /// About whom.
    pub user: UserId,
    /// Whether it is online.
    pub online: bool,
    /// When it was last seen, if it is not online and that is known.
    pub last_seen: Option<Timestamp>,
}

#[derive(Debug, Default)]
struct Place {
    devices: Vec<Registration>,
    /// While no device is connected: until when the user still counts as online.
    grace_until: Option<Duration>,
    last_seen: Option<Timestamp>,
    /// What watchers were told last.
    told_online: bool,
    /// Whether a device came since watchers were told: one that asks meanwhile hears that the user is online.
    came: bool,
}

/// The users of some shards.
#[derive(Debug)]
pub struct Home {
    grace: Duration,
    places: HashMap<UserId, Place>,
    watchers: HashMap<UserId, BTreeSet<ConnectionId>>,
    watched: HashMap<ConnectionId, BTreeSet<UserId>>,
    graces: BTreeMap<Duration, Vec<UserId>>,
    changed: BTreeSet<UserId>,
}

impl Home {
    /// An empty home with this grace.
    pub fn new(grace: Duration) -> Self {
        Self {
            grace,
            places: HashMap::new(),
            watchers: HashMap::new(),
            watched: HashMap::new(),
            graces: BTreeMap::new(),
            changed: BTreeSet::new(),
        }
    }

    /// A device is connected. Returns the connection of the same device that it replaces.
    pub fn register(&mut self, user: &UserId, registration: Registration) -> Option<ConnectionId> {
        let place = self.places.entry(user.clone()).or_default();
        place.grace_until = None;
        place.came = true;
        self.changed.insert(user.clone());
        let same = place.devices.iter_mut().find(|device| device.device == registration.device);
        if let Some(device) = same {
            return Some(std::mem::replace(device, registration).connection);
        }
        place.devices.push(registration);
        None
    }

    /// A connection ended. Does nothing when another one has replaced it.
    pub fn unregister(
        &mut self,
        user: &UserId,
        connection: ConnectionId,
        leave: Leave,
        now: Duration,
        wall: Timestamp,
    ) {
        self.unwatch_all(connection);
        let Some(place) = self.places.get_mut(user) else { return };
        let before = place.devices.len();
        place.devices.retain(|device| device.connection != connection);
        if place.devices.len() == before || !place.devices.is_empty() {
            return;
        }
        place.last_seen = Some(wall);
        match leave {
            Leave::Orderly => {
                let until = now + self.grace;
                place.grace_until = Some(until);
                self.graces.entry(until).or_default().push(user.clone());
            }
            Leave::Silent => {
                self.changed.insert(user.clone());
            }
        }
    }

    /// Starts telling a connection about a user. The present state follows with the next [`changes`](Self::changes).
    pub fn watch(&mut self, watcher: ConnectionId, user: &UserId) {
        self.watchers.entry(user.clone()).or_default().insert(watcher);
        self.watched.entry(watcher).or_default().insert(user.clone());
    }

    /// Stops telling it.
    pub fn unwatch(&mut self, watcher: ConnectionId, user: &UserId) {
        if let Some(watched) = self.watched.get_mut(&watcher) {
            watched.remove(user);
        }
        self.forget_watcher(watcher, user);
    }

    /// How many users a connection watches.
    pub fn watching(&self, watcher: ConnectionId) -> usize {
        self.watched.get(&watcher).map_or(0, BTreeSet::len)
    }

    /// Whether a user is online, and when it was last seen if not.
    pub fn presence(&self, user: &UserId) -> (bool, Option<Timestamp>) {
        match self.places.get(user) {
            Some(place) if online(place) => (true, None),
            Some(place) => (false, place.last_seen),
            None => (false, None),
        }
    }

    /// What changed since the last call, and who went offline by then (for keeping when they were last seen).
    pub fn changes(&mut self, now: Duration) -> (Vec<Change>, Vec<(UserId, Timestamp)>) {
        let later = self.graces.split_off(&(now + Duration::from_nanos(1)));
        for user in std::mem::replace(&mut self.graces, later).into_values().flatten() {
            let Some(place) = self.places.get_mut(&user) else { continue };
            if place.grace_until.is_some_and(|until| until <= now) {
                place.grace_until = None;
                self.changed.insert(user);
            }
        }
        let (mut changes, mut gone) = (Vec::new(), Vec::new());
        for user in std::mem::take(&mut self.changed) {
            let Some(place) = self.places.get_mut(&user) else { continue };
            let online = online(place);
            let last_seen = if online { None } else { place.last_seen };
            let came_and_went = std::mem::take(&mut place.came) && !online;
            if online != place.told_online || came_and_went {
                place.told_online = online;
                let watchers: Vec<_> = self.watchers.get(&user).into_iter().flatten().copied().collect();
                if !watchers.is_empty() {
                    changes.push(Change { watchers, user: user.clone(), online, last_seen });
                }
            }
            if !online {
                gone.extend(last_seen.map(|seen| (user.clone(), seen)));
                self.places.remove(&user);
            }
        }
        (changes, gone)
    }

    fn unwatch_all(&mut self, watcher: ConnectionId) {
        for user in self.watched.remove(&watcher).into_iter().flatten() {
            self.forget_watcher(watcher, &user);
        }
    }

    fn forget_watcher(&mut self, watcher: ConnectionId, user: &UserId) {
        if let Some(watchers) = self.watchers.get_mut(user) {
            watchers.remove(&watcher);
            if watchers.is_empty() {
                self.watchers.remove(user);
            }
        }
    }
}

fn online(place: &Place) -> bool {
    !place.devices.is_empty() || place.grace_until.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOB: ConnectionId = ConnectionId(9);

    fn user(name: &str) -> UserId {
        UserId::new(name).unwrap()
    }

    fn device(connection: u64) -> Registration {
        Registration {
            device: DeviceId::new("phone").unwrap(),
            connection: ConnectionId(connection),
            since: Timestamp(0),
        }
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn told(home: &mut Home, now: u64) -> Vec<(String, bool)> {
        home.changes(at(now)).0.into_iter().map(|change| (change.user.to_string(), change.online)).collect()
    }

    fn home() -> Home {
        let mut home = Home::new(at(5));
        home.watch(BOB, &user("alice"));
        home
    }

    #[test]
    fn a_reload_is_not_an_absence() {
        let mut home = home();
        home.register(&user("alice"), device(1));
        assert_eq!(told(&mut home, 0), [("alice".to_owned(), true)]);
        home.unregister(&user("alice"), ConnectionId(1), Leave::Orderly, at(10), Timestamp(10));
        assert_eq!(told(&mut home, 12), []);
        home.register(&user("alice"), device(2));
        assert_eq!(told(&mut home, 60), []);
        assert!(home.presence(&user("alice")).0);
    }

    #[test]
    fn an_orderly_end_is_told_after_the_grace_and_silence_at_once() {
        for (leave, when) in [(Leave::Orderly, 15), (Leave::Silent, 10)] {
            let mut home = home();
            home.register(&user("alice"), device(1));
            told(&mut home, 0);
            home.unregister(&user("alice"), ConnectionId(1), leave, at(10), Timestamp(10));
            if when > 10 {
                assert_eq!(told(&mut home, when - 1), []);
            }
            assert_eq!(told(&mut home, when), [("alice".to_owned(), false)]);
            assert!(home.places.is_empty(), "who is gone is forgotten");
        }
    }

    #[test]
    fn the_end_of_a_replaced_connection_changes_nothing() {
        let mut home = home();
        assert_eq!(home.register(&user("alice"), device(1)), None);
        assert_eq!(home.register(&user("alice"), device(2)), Some(ConnectionId(1)));
        told(&mut home, 0);
        home.unregister(&user("alice"), ConnectionId(1), Leave::Silent, at(1), Timestamp(1));
        assert_eq!(told(&mut home, 100), []);
        assert!(home.presence(&user("alice")).0);
    }

    #[test]
    fn who_came_and_went_between_two_looks_is_told_to_be_gone() {
        let mut home = Home::new(at(5));
        home.register(&user("alice"), device(1));
        home.watch(BOB, &user("alice"));
        assert!(home.presence(&user("alice")).0, "which Bob is told at once");
        home.unregister(&user("alice"), ConnectionId(1), Leave::Silent, at(1), Timestamp(1));
        assert_eq!(told(&mut home, 1), [("alice".to_owned(), false)]);
    }

    #[test]
    fn a_watcher_that_left_is_not_told() {
        let mut home = home();
        home.unregister(&user("bob"), BOB, Leave::Orderly, at(0), Timestamp(0));
        home.register(&user("alice"), device(1));
        assert_eq!(told(&mut home, 1), []);
        assert_eq!(home.watching(BOB), 0);
    }
}
