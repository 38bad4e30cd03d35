//! The connections of a node: by id for the operator, by user for deliveries.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use causerie_cluster::Shard;
use causerie_cluster::directory::ConnectionId;
use causerie_planted::{Bug, planted};
use causerie_protocol::{DeviceId, Timestamp, UserId};
use hashbrown::HashMap;
use parking_lot::Mutex;
use smallvec::SmallVec;

use super::mailbox::ConnectionHandle;
use crate::bucket::Bucket;
use crate::settings::Rate;

/// Parts of the table, so that unrelated users seldom meet at a lock.
const PARTS: usize = 64;

/// A connection, for the operator.
#[derive(Clone, Debug)]
pub struct SessionInfo {
    /// The connection.
    pub connection: ConnectionId,
    /// Whose.
    pub user: UserId,
    /// On which device.
    pub device: DeviceId,
    /// The client's name for itself.
    pub agent: Option<Box<str>>,
    /// From where.
    pub peer: String,
    /// Since when.
    pub since: Timestamp,
}

struct User {
    connections: SmallVec<[ConnectionHandle; 1]>,
    sends: Arc<Mutex<Bucket>>,
}

/// The table.
pub struct Connections {
    draining: AtomicBool,
    next: AtomicU64,
    users: Box<[Mutex<HashMap<UserId, User>>]>,
    all: Mutex<HashMap<ConnectionId, (ConnectionHandle, Option<SessionInfo>)>>,
}

impl Default for Connections {
    fn default() -> Self {
        let users = (0..PARTS).map(|_| Mutex::new(HashMap::new())).collect();
        Self { draining: AtomicBool::new(false), next: AtomicU64::new(1), users, all: Mutex::default() }
    }
}

impl Connections {
    /// From now on no client is welcomed.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::SeqCst);
    }

    /// Whether no client is welcomed any more.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::SeqCst)
    }

    /// A number for a new connection.
    pub(super) fn number(&self) -> ConnectionId {
        ConnectionId(self.next.fetch_add(1, Ordering::Relaxed))
    }

    /// A socket was accepted.
    pub(super) fn open(&self, handle: &ConnectionHandle) {
        self.all.lock().insert(handle.id(), (handle.clone(), None));
    }

    /// A user is known: from now on it gets what is delivered. `None`: it has `limit` connections already.
    pub(super) fn add(
        &self,
        handle: &ConnectionHandle,
        info: SessionInfo,
        limit: usize,
        sends: Rate,
        now: Duration,
    ) -> Option<Arc<Mutex<Bucket>>> {
        let mut part = self.part(&info.user).lock();
        let new =
            || User { connections: SmallVec::new(), sends: Arc::new(Mutex::new(Bucket::new(sends, now))) };
        let user = part.entry(info.user.clone()).or_insert_with(new);
        // A device whose old connection hangs does not stand in its own way: that one is about to be replaced.
        let full = user.connections.len() >= limit;
        let far_over = user.connections.len() >= limit.saturating_mul(2);
        if full && (far_over || !self.has_device(&user.connections, &info.device)) {
            return None;
        }
        user.connections.push(handle.clone());
        let bucket = Arc::clone(&user.sends);
        drop(part);
        if let Some(entry) = self.all.lock().get_mut(&handle.id()) {
            entry.1 = Some(info);
        }
        Some(bucket)
    }

    fn has_device(&self, connections: &[ConnectionHandle], device: &DeviceId) -> bool {
        let all = self.all.lock();
        let info = |connection: &ConnectionHandle| all.get(&connection.id())?.1.as_ref();
        connections.iter().filter_map(info).any(|info| info.device == *device)
    }

    /// A connection ended.
    pub(super) fn remove(&self, handle: &ConnectionHandle, user: Option<&UserId>) {
        self.all.lock().remove(&handle.id());
        let Some(user) = user else { return };
        let mut part = self.part(user).lock();
        if let Some(entry) = part.get_mut(user) {
            entry.connections.retain(|connection| connection != handle);
            if entry.connections.is_empty() {
                part.remove(user);
            }
        }
    }

    /// Visits the connections of a user. `visit` must not block.
    pub fn of_user(&self, user: &UserId, visit: impl FnMut(&ConnectionHandle)) {
        if let Some(entry) = self.part(user).lock().get(user) {
            let most = if planted(Bug::OneDeviceOnly) { 1 } else { usize::MAX };
            entry.connections.iter().take(most).for_each(visit);
        }
    }

    /// Whether a user has a connected device here.
    pub fn is_connected(&self, user: &UserId) -> bool {
        self.part(user).lock().get(user).is_some_and(|entry| !entry.connections.is_empty())
    }

    /// The connection with this id.
    pub fn get(&self, id: ConnectionId) -> Option<ConnectionHandle> {
        self.all.lock().get(&id).map(|(handle, _)| handle.clone())
    }

    /// Every connection, by id.
    pub fn all(&self) -> Vec<ConnectionHandle> {
        let mut all: Vec<_> = self.all.lock().values().map(|(handle, _)| handle.clone()).collect();
        all.sort_by_key(ConnectionHandle::id);
        all
    }

    /// Every connection whose user is known.
    pub fn sessions(&self) -> Vec<SessionInfo> {
        let mut sessions: Vec<_> = self.all.lock().values().filter_map(|(_, info)| info.clone()).collect();
        sessions.sort_by_key(|session| session.connection);
        sessions
    }

    /// How many there are, known or not.
    pub fn len(&self) -> usize {
        self.all.lock().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn part(&self, user: &UserId) -> &Mutex<HashMap<UserId, User>> {
        &self.users[usize::from(Shard::of_user(user).number()) % PARTS]
    }
}

impl std::fmt::Debug for Connections {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connections").field("open", &self.len()).finish_non_exhaustive()
    }
}
