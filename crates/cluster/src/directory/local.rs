//! The port, and its embedded implementation: one home for all users.

use std::time::Duration;

use causerie_protocol::{Timestamp, UserId};
use parking_lot::Mutex;

use super::home::{Change, ConnectionId, Home, Leave, Registration};
use super::observer::{DirectoryObserver, NoObserver};

/// Where users are. In a cluster each call goes to the user's home node; presence never blocks a send.
pub trait Directory: Send + Sync + 'static {
    /// A device is connected, and from now on nothing live can be missed. Returns the connection it replaces.
    fn register(&self, user: &UserId, registration: Registration) -> Option<ConnectionId>;

    /// A connection ended.
    fn unregister(
        &self,
        user: &UserId,
        connection: ConnectionId,
        leave: Leave,
        now: Duration,
        wall: Timestamp,
    );

    /// Starts telling a connection about users, at most `limit` in all; returns `false` and changes nothing above it.
    fn watch(&self, watcher: ConnectionId, users: &[UserId], limit: usize) -> bool;

    /// Stops telling it.
    fn unwatch(&self, watcher: ConnectionId, users: &[UserId]);

    /// Whether a user is online, and when it was last seen if not.
    fn presence(&self, user: &UserId) -> (bool, Option<Timestamp>);

    /// What to tell whom since the last call, and who went offline.
    fn changes(&self, now: Duration) -> (Vec<Change>, Vec<(UserId, Timestamp)>);
}

/// One home for all users, in memory.
#[derive(Debug)]
pub struct LocalDirectory<O = NoObserver> {
    home: Mutex<Home>,
    observer: O,
}

impl LocalDirectory {
    /// An empty directory with this grace.
    pub fn new(grace: Duration) -> Self {
        Self::observed(grace, NoObserver)
    }
}

impl<O: DirectoryObserver> LocalDirectory<O> {
    /// An empty directory with this grace, and somebody who hears what happens in it.
    pub fn observed(grace: Duration, observer: O) -> Self {
        Self { home: Mutex::new(Home::new(grace)), observer }
    }
}

impl<O: DirectoryObserver> Directory for LocalDirectory<O> {
    fn register(&self, user: &UserId, registration: Registration) -> Option<ConnectionId> {
        let mut home = self.home.lock();
        self.observer.opened(user, &registration);
        home.register(user, registration)
    }

    fn unregister(
        &self,
        user: &UserId,
        connection: ConnectionId,
        leave: Leave,
        now: Duration,
        wall: Timestamp,
    ) {
        let mut home = self.home.lock();
        self.observer.closed(user, connection);
        home.unregister(user, connection, leave, now, wall);
    }

    fn watch(&self, watcher: ConnectionId, users: &[UserId], limit: usize) -> bool {
        let mut home = self.home.lock();
        if home.watching(watcher) + users.len() > limit {
            return false;
        }
        for user in users {
            home.watch(watcher, user);
        }
        true
    }

    fn unwatch(&self, watcher: ConnectionId, users: &[UserId]) {
        let mut home = self.home.lock();
        for user in users {
            home.unwatch(watcher, user);
        }
    }

    fn presence(&self, user: &UserId) -> (bool, Option<Timestamp>) {
        self.home.lock().presence(user)
    }

    fn changes(&self, now: Duration) -> (Vec<Change>, Vec<(UserId, Timestamp)>) {
        let mut home = self.home.lock();
        let (changes, gone) = home.changes(now);
        gone.iter().for_each(|(user, at)| self.observer.last_seen(user, *at));
        (changes, gone)
    }
}
