//! Who hears what happens in a directory.

use causerie_protocol::{Timestamp, UserId};

use super::home::{ConnectionId, Registration};

/// Hears every change of a directory, in the order in which they happen.
///
/// Called while the directory is locked: it takes note and returns, waits for nothing, and cannot fail. What it makes of
/// it is soft: the directory never asks it anything.
pub trait DirectoryObserver: Send + Sync + 'static {
    /// A device is connected; a connection that it had before is replaced.
    fn opened(&self, user: &UserId, registration: &Registration);

    /// A connection has ended. It may have been replaced before.
    fn closed(&self, user: &UserId, connection: ConnectionId);

    /// A user has gone offline, and was last connected then.
    fn last_seen(&self, user: &UserId, at: Timestamp);
}

impl DirectoryObserver for Box<dyn DirectoryObserver> {
    fn opened(&self, user: &UserId, registration: &Registration) {
        (**self).opened(user, registration);
    }

    fn closed(&self, user: &UserId, connection: ConnectionId) {
        (**self).closed(user, connection);
    }

    fn last_seen(&self, user: &UserId, at: Timestamp) {
        (**self).last_seen(user, at);
    }
}

/// Hears nothing, and costs nothing: it is compiled away.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoObserver;

impl DirectoryObserver for NoObserver {
    fn opened(&self, _: &UserId, _: &Registration) {}
    fn closed(&self, _: &UserId, _: ConnectionId) {}
    fn last_seen(&self, _: &UserId, _: Timestamp) {}
}
