//! What a node counts, for `/metrics`.

use std::time::Duration;

use causerie_protocol::frame::ErrorCode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// One label and its value.
pub type Label = [(&'static str, &'static str); 1];

/// A bound of [`Settings`](crate::Settings) that refuses or delays when it is reached. The bounds of what waits for a
/// client do neither: they show in `replaced_by_head` and `reads_paused`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Sends and changes that wait in one conversation.
    ConversationQueue,
    /// Requests in the mailbox of one conversation.
    ConversationMailbox,
    /// Bytes that wait to be stored.
    NodeQueueBytes,
    /// How long a send may wait before it is in a batch.
    SendDeadline,
    /// How long a send in a batch may wait for the store.
    OutcomeDeadline,
    /// Connections of one user.
    ConnectionsPerUser,
    /// What may be said before `welcome`.
    UnauthenticatedBytes,
    /// One frame.
    FrameBytes,
    /// Users that one connection watches.
    WatchUsers,
    /// Members of one group.
    GroupMembers,
    /// Reads of the store under way; more wait.
    ReadsInFlight,
    /// Sends of one connection.
    ConnectionSends,
    /// Other requests of one connection.
    ConnectionRequests,
    /// Sends of one user.
    UserSends,
    /// Sends into one conversation.
    ConversationSends,
}

impl Limit {
    /// Every limit.
    pub const ALL: &'static [Self] = &[
        Self::ConversationQueue,
        Self::ConversationMailbox,
        Self::NodeQueueBytes,
        Self::SendDeadline,
        Self::OutcomeDeadline,
        Self::ConnectionsPerUser,
        Self::UnauthenticatedBytes,
        Self::FrameBytes,
        Self::WatchUsers,
        Self::GroupMembers,
        Self::ReadsInFlight,
        Self::ConnectionSends,
        Self::ConnectionRequests,
        Self::UserSends,
        Self::ConversationSends,
    ];

    /// Its name, which is that of the setting where there is one.
    pub fn name(self) -> &'static str {
        match self {
            Self::ConversationQueue => "conversation_queue",
            Self::ConversationMailbox => "conversation_mailbox",
            Self::NodeQueueBytes => "node_queue_bytes",
            Self::SendDeadline => "send_deadline",
            Self::OutcomeDeadline => "outcome_deadline",
            Self::ConnectionsPerUser => "connections_per_user",
            Self::UnauthenticatedBytes => "unauthenticated_bytes",
            Self::FrameBytes => "frame_bytes",
            Self::WatchUsers => "watch_users",
            Self::GroupMembers => "group_members",
            Self::ReadsInFlight => "reads_in_flight",
            Self::ConnectionSends => "connection_sends",
            Self::ConnectionRequests => "connection_requests",
            Self::UserSends => "user_sends",
            Self::ConversationSends => "conversation_sends",
        }
    }
}

/// Seconds that an append may take: from a fast disk to one that stands still.
const APPEND_SECONDS: [f64; 13] =
    [0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];
/// Seconds that a read may take: from one that finds all in memory to a disk that stands still.
const READ_SECONDS: [f64; 14] = [
    0.000_02, 0.000_05, 0.000_1, 0.000_15, 0.000_2, 0.000_3, 0.000_5, 0.001, 0.002_5, 0.01, 0.05, 0.25, 1.0,
    5.0,
];
/// Entries of a batch, up to the most that there may be.
const BATCH_ENTRIES: [f64; 7] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0];

/// The counters of a node. Clones count together.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// Open connections, `welcome`d or not.
    pub connections: Gauge,
    /// Connections ever opened.
    pub connections_opened: Counter,
    /// Connections that have ended, by reason; `client` when the client ended it or was gone.
    pub connections_closed: Family<Label, Counter>,
    /// Frames read from clients.
    pub frames_in: Counter,
    /// Bytes written to clients.
    pub bytes_out: Counter,
    /// Entries committed.
    pub entries_committed: Counter,
    /// Batches committed.
    pub batches_committed: Counter,
    /// Entries of a batch.
    pub batch_entries: Histogram,
    /// Seconds from handing a batch to the store until it was durable.
    pub append_seconds: Histogram,
    /// Live deliveries put into outboxes.
    pub deliveries: Counter,
    /// Live messages that became `head` frames.
    pub replaced_by_head: Counter,
    /// Error frames, by code.
    pub errors: Family<Label, Counter>,
    /// Times that a bound was reached, by its name.
    pub limit_hits: Family<Label, Counter>,
    /// Times a socket was not read because its window or queue was full.
    pub reads_paused: Counter,
    /// Reads of the store under way for clients.
    pub reads_in_flight: Gauge,
    /// Reads of the store that wait for their turn.
    pub reads_waiting: Gauge,
    /// Seconds from asking for a read of the store for a client until it was answered.
    pub read_seconds: Histogram,
    /// The position in the event log up to which the embedder's sink has taken events.
    pub sink_position: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            connections: Gauge::default(),
            connections_opened: Counter::default(),
            connections_closed: Family::default(),
            frames_in: Counter::default(),
            bytes_out: Counter::default(),
            entries_committed: Counter::default(),
            batches_committed: Counter::default(),
            batch_entries: Histogram::new(BATCH_ENTRIES),
            append_seconds: Histogram::new(APPEND_SECONDS),
            deliveries: Counter::default(),
            replaced_by_head: Counter::default(),
            errors: Family::default(),
            limit_hits: Family::default(),
            reads_paused: Counter::default(),
            reads_in_flight: Gauge::default(),
            reads_waiting: Gauge::default(),
            read_seconds: Histogram::new(READ_SECONDS),
            sink_position: Gauge::default(),
        }
    }
}

impl Metrics {
    /// Counts an error frame.
    pub fn count_error(&self, code: ErrorCode) {
        self.errors.get_or_create(&[("code", code.name())]).inc();
    }

    /// Counts that a bound was reached.
    pub fn count_limit(&self, limit: Limit) {
        self.limit_hits.get_or_create(&[("limit", limit.name())]).inc();
    }

    /// Counts the end of a connection.
    pub fn count_close(&self, reason: &'static str) {
        self.connections_closed.get_or_create(&[("reason", reason)]).inc();
    }

    /// Notes how long an append took, and how many entries it had.
    pub fn note_append(&self, took: Duration, entries: usize) {
        self.append_seconds.observe(took.as_secs_f64());
        // At most `Batch::MAX_ENTRIES`.
        self.batch_entries.observe(u32::try_from(entries).unwrap_or(u32::MAX).into());
    }

    /// Makes the counters visible, under names that begin with `causerie_`. Every code and every limit has a line from
    /// the start, so that a first error is a rise and not a line that was not there.
    pub fn register(&self, registry: &mut Registry) {
        ErrorCode::ALL.iter().for_each(|code| drop(self.errors.get_or_create(&[("code", code.name())])));
        Limit::ALL.iter().for_each(|limit| drop(self.limit_hits.get_or_create(&[("limit", limit.name())])));
        drop(self.connections_closed.get_or_create(&[("reason", "client")]));
        let registry = registry.sub_registry_with_prefix("causerie");
        self.register_connections(registry);
        self.register_messages(registry);
        registry.register("errors", "Error frames sent, by code", self.errors.clone());
        registry.register(
            "limit_hits",
            "Times that a bound was reached, by its name",
            self.limit_hits.clone(),
        );
        registry.register(
            "reads_in_flight",
            "Reads of the store under way for clients",
            self.reads_in_flight.clone(),
        );
        registry.register(
            "reads_waiting",
            "Reads of the store that wait for their turn",
            self.reads_waiting.clone(),
        );
        registry.register_with_unit(
            "read_duration",
            "From asking for a read of the store for a client until it was answered",
            Unit::Seconds,
            self.read_seconds.clone(),
        );
    }

    fn register_connections(&self, registry: &mut Registry) {
        registry.register("connections", "Open connections, signed in or not", self.connections.clone());
        registry.register("connections_opened", "Connections opened", self.connections_opened.clone());
        registry.register(
            "connections_closed",
            "Connections ended, by reason",
            self.connections_closed.clone(),
        );
        registry.register("received_frames", "Frames read from clients", self.frames_in.clone());
        registry.register_with_unit("sent", "Bytes written to clients", Unit::Bytes, self.bytes_out.clone());
        registry.register("reads_paused", "Times a socket was not read", self.reads_paused.clone());
    }

    fn register_messages(&self, registry: &mut Registry) {
        registry.register("entries_committed", "Entries made durable", self.entries_committed.clone());
        registry.register("batches_committed", "Batches made durable", self.batches_committed.clone());
        registry.register("batch_entries", "Entries of a durable batch", self.batch_entries.clone());
        registry.register_with_unit(
            "append_duration",
            "From handing a batch to the store until it was durable",
            Unit::Seconds,
            self.append_seconds.clone(),
        );
        registry.register("deliveries", "Live deliveries put into out queues", self.deliveries.clone());
        registry.register(
            "replaced_by_head",
            "Live messages replaced by head frames",
            self.replaced_by_head.clone(),
        );
        registry.register(
            "event_sink_position",
            "The last event that the embedder's sink has taken",
            self.sink_position.clone(),
        );
    }
}
