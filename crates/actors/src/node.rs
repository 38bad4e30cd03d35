//! What all actors of one node share. There are no globals: two nodes in one process know nothing of each other.

use std::sync::Arc;

use causerie_cluster::directory::Directory;
use causerie_cluster::ownership::Ownership;
use causerie_protocol::Clock;
use causerie_protocol::snowflake::Snowflake;
use causerie_store::port::Store;
use parking_lot::Mutex;

use crate::authenticate::Authenticator;
use crate::background::Background;
use crate::bounded::Bound;
use crate::connection::{ConnectionHandle, Connections};
use crate::conversation::{Answers, Conversations};
use crate::listener::CommitListener;
use crate::metrics::Metrics;
use crate::revocation::Revocations;
use crate::rules::Rules;
use crate::settings::Settings;
use crate::wheel::Wheel;

/// Bodies that fit into one page: less for a connection that has more requests under way, so that all its pages
/// together stay within a few times the setting.
pub(crate) fn page_bytes(node: &Node, connection: Option<&ConnectionHandle>) -> usize {
    node.settings.page_bytes / connection.map_or(1, ConnectionHandle::unanswered).max(1)
}

/// One node.
pub struct Node {
    /// The bounds.
    pub settings: Settings,
    /// Both clocks.
    pub clock: Arc<dyn Clock>,
    /// What is durable.
    pub store: Arc<dyn Store>,
    /// Which shards are this node's.
    pub ownership: Arc<dyn Ownership>,
    /// Where users are.
    pub directory: Arc<dyn Directory>,
    /// Who hears what is committed.
    pub listener: Option<Arc<dyn CommitListener>>,
    /// Who may do what.
    pub rules: Arc<dyn Rules>,
    /// Who is who.
    pub authenticator: Arc<dyn Authenticator>,
    /// Which tokens are not accepted any more.
    pub revocations: Revocations,
    /// Message ids.
    pub ids: Mutex<Snowflake>,
    /// Open conversations.
    pub conversations: Conversations,
    /// Open connections.
    pub connections: Connections,
    /// Bytes of bodies that wait to be stored.
    pub waiting_bytes: Arc<Bound>,
    /// The store's answers on their way to conversations.
    pub answers: Arc<Answers>,
    /// Timers.
    pub wheel: Wheel,
    /// Tasks that nobody waits for, joined at the end.
    pub background: Background,
    /// What is counted.
    pub metrics: Metrics,
}
