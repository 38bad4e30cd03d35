//! Every bound of connections and conversations, in one place.

use std::time::Duration;

use causerie_protocol::limits;

/// A bucket of tokens that fills at a steady rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// How many a second in the long run; 0 turns the limit off.
    pub per_second: f64,
    /// How many at once after a pause.
    pub burst: f64,
}

/// The bounds, with the defaults of a server.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What `welcome` calls this node.
    pub node_name: String,
    /// Unanswered requests of one connection; above, its socket is not read.
    pub sends_in_flight: usize,
    /// Content of one body, in bytes.
    pub body_bytes: usize,
    /// One frame from a client, in bytes.
    pub frame_bytes: usize,
    /// All frames of a socket before `welcome`, in bytes.
    pub unauthenticated_bytes: usize,
    /// How long a socket may stay without an accepted `hello`.
    pub hello_timeout: Duration,
    /// Frames waiting for one client; above, live messages become `head` frames.
    pub out_queue_frames: usize,
    /// Bytes waiting for one client, likewise.
    pub out_queue_bytes: usize,
    /// How long a client's socket may take nothing while something waits for it.
    pub lagging_close: Duration,
    /// Sends waiting in one conversation; above, `busy`.
    pub conversation_queue: usize,
    /// Sends of the whole node that are not stored yet, in bytes of bodies; above, `busy`.
    pub node_queue_bytes: usize,
    /// How long a send may wait before it is in a batch; then `unavailable`.
    pub send_deadline: Duration,
    /// How long a send in a batch may wait for the store; then `unknown_outcome`.
    pub outcome_deadline: Duration,
    /// The last keys that a conversation remembers; older ones are asked of the store.
    pub recent_keys: usize,
    /// How long a conversation stays open with nothing to do.
    pub conversation_idle: Duration,
    /// How often, at most, one conversation stores cursors.
    pub cursor_interval: Duration,
    /// Members of one group.
    pub group_members: usize,
    /// Users that one connection may watch.
    pub watch_users: usize,
    /// Connections of one user.
    pub connections_per_user: usize,
    /// How often a client has to say something.
    pub heartbeat: Duration,
    /// When a silent client is closed.
    pub presence_ttl: Duration,
    /// How long a user counts as online after an orderly close.
    pub presence_grace: Duration,
    /// The body content of one page, in bytes; the first message is always there. A connection that asks for several at
    /// once gets smaller ones, so that they do not pile up.
    pub page_bytes: usize,
    /// Reads of the store under way for clients.
    pub reads_in_flight: usize,
    /// Sends of one connection.
    pub connection_sends: Rate,
    /// Other requests of one connection.
    pub connection_requests: Rate,
    /// Sends of one user, over all its connections.
    pub user_sends: Rate,
    /// Sends into one conversation.
    pub conversation_sends: Rate,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            node_name: "n1".to_owned(),
            sends_in_flight: limits::SENDS_IN_FLIGHT,
            body_bytes: limits::BODY_BYTES,
            frame_bytes: 128 * 1024,
            unauthenticated_bytes: 4 * 1024,
            hello_timeout: Duration::from_secs(5),
            out_queue_frames: 256,
            out_queue_bytes: 1024 * 1024,
            lagging_close: Duration::from_secs(30),
            conversation_queue: 1024,
            node_queue_bytes: 64 * 1024 * 1024,
            send_deadline: Duration::from_secs(5),
            outcome_deadline: Duration::from_secs(20),
            recent_keys: 1024,
            conversation_idle: Duration::from_secs(60),
            cursor_interval: Duration::from_millis(250),
            group_members: 100_000,
            watch_users: limits::WATCH_USERS,
            connections_per_user: 64,
            heartbeat: Duration::from_secs(30),
            presence_ttl: Duration::from_secs(60),
            presence_grace: Duration::from_secs(5),
            page_bytes: 256 * 1024,
            reads_in_flight: 256,
            connection_sends: Rate { per_second: 2_000.0, burst: 4_000.0 },
            connection_requests: Rate { per_second: 500.0, burst: 2_000.0 },
            user_sends: Rate { per_second: 5_000.0, burst: 10_000.0 },
            conversation_sends: Rate { per_second: 20_000.0, burst: 40_000.0 },
        }
    }
}
