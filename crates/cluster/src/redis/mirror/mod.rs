//! The mirror of the directory in Redis: who is connected where, for readers outside.
//!
//! Keys, each behind the configured prefix:
//! - `node:<incarnation>` = the node's address; expires after 10 s, set every 3 s. A node's life ends with it.
//! - `route:<user>` = a hash, device → `<node>|<incarnation>|<connection>`; expires after 90 s, announced again every 30 s.
//!   **A field counts only while `node:<incarnation>` is there.**
//! - `seen:<user>` = milliseconds since 1970 when the user went offline; expires after 30 days. The store keeps it too;
//!   this copy is not made again after a loss.
//!
//! Guaranteed:
//! - The directory never waits for this: an observer takes note in memory, under a lock that is held for microseconds.
//! - An announcement is the whole state of a user on this node, carried out by one script: it sets what is there, removes
//!   what this incarnation said before and is true no more, and touches no field of another incarnation.
//! - Whatever Redis lost is announced again, at most [`announce_per_second`](super::RedisConfig::announce_per_second): after
//!   each new connection, after an error, when `node:<incarnation>` was not what it should be, and when a renewal found a
//!   route missing (which is how the loss of one server of a cluster shows).
//! - Bounded memory: see [`board`].
//!
//! Not guaranteed: order between a command that Redis found in a dead connection and later ones. What is wrong then is
//! mended by the next renewal.

mod announce;
mod board;
mod health;
mod task;

use std::sync::Arc;

use causerie_protocol::snowflake::NodeNumber;
use causerie_protocol::{Clock, Timestamp, UserId};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use super::client::Client;
use super::config::RedisConfig;
use super::error::RedisError;
use crate::directory::{ConnectionId, DirectoryObserver, Registration};
use crate::link::Incarnation;

use announce::Announcer;
use board::Board;
use health::Health;
pub use health::MirrorReading;
use task::Task;

/// Who announces.
#[derive(Clone, Debug)]
pub struct MirrorIdentity {
    /// The node's number in message ids.
    pub node: NodeNumber,
    /// This life of the node.
    pub incarnation: Incarnation,
    /// Where other nodes reach it.
    pub address: String,
}

/// What observers, the task and readers of the health share.
struct Shared {
    board: Mutex<Board>,
    health: Mutex<Health>,
    clock: Arc<dyn Clock>,
}

/// The mirror of one node's directory. Clones are the same mirror; one is the directory's observer.
#[derive(Clone)]
pub struct RedisMirror {
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    tasks: TaskTracker,
}

impl RedisMirror {
    /// Starts to mirror, whether Redis is there or not. Needs a tokio runtime.
    ///
    /// # Errors
    /// [`RedisError`] when the settings cannot be used; nothing is running then.
    pub fn start(
        config: &RedisConfig,
        identity: &MirrorIdentity,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, RedisError> {
        let client = Arc::new(Client::start(config, config.command_timeout)?);
        let shared = Arc::new(Shared { board: Mutex::default(), health: Mutex::default(), clock });
        let (stop, stopped) = watch::channel(false);
        let tasks = TaskTracker::new();
        let announcer = Announcer::new(client, &config.prefix, identity);
        tasks.spawn(Task::new(Arc::clone(&shared), announcer, config.announce_per_second).run(stopped));
        tasks.close();
        Ok(Self { shared, stop, tasks })
    }

    /// How it is.
    pub fn reading(&self) -> MirrorReading {
        let now = self.shared.clock.monotonic();
        let (here, (waiting, since), again, forgotten) = {
            let board = self.shared.board.lock();
            (board.here(), board.waiting(), board.is_hurrying(), board.forgotten())
        };
        self.shared.health.lock().reading(now, since, here, waiting, again, forgotten)
    }

    /// Takes this node out of Redis and ends, after 4 s at most where Redis does not answer. Call it when the directory
    /// is empty or will not change any more.
    pub async fn close(&self) {
        self.stop.send_replace(true);
        self.tasks.wait().await;
    }
}

impl std::fmt::Debug for RedisMirror {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("RedisMirror").field(&self.reading()).finish()
    }
}

impl DirectoryObserver for RedisMirror {
    fn opened(&self, user: &UserId, registration: &Registration) {
        let now = self.shared.clock.monotonic();
        self.shared.board.lock().opened(user, registration, now);
    }

    fn closed(&self, user: &UserId, connection: ConnectionId) {
        let now = self.shared.clock.monotonic();
        self.shared.board.lock().closed(user, connection, now);
    }

    fn last_seen(&self, user: &UserId, at: Timestamp) {
        let now = self.shared.clock.monotonic();
        self.shared.board.lock().last_seen(user, at, now);
    }
}
