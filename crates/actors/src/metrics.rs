//! What a node counts, for `/metrics`.

use causerie_protocol::frame::ErrorCode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The name of an error code.
pub type ErrorLabel = [(&'static str, &'static str); 1];

/// The counters of a node; names follow the Prometheus conventions.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Open connections, `welcome`d or not.
    pub connections: Gauge,
    /// Connections ever opened.
    pub connections_opened: Counter,
    /// Frames read from clients.
    pub frames_in: Counter,
    /// Bytes written to clients.
    pub bytes_out: Counter,
    /// Entries committed.
    pub entries_committed: Counter,
    /// Batches committed.
    pub batches_committed: Counter,
    /// Live deliveries put into outboxes.
    pub deliveries: Counter,
    /// Live messages that became `head` frames.
    pub replaced_by_head: Counter,
    /// Sends refused or of unknown outcome, by code.
    pub errors: Family<ErrorLabel, Counter>,
    /// Clients closed because they read too slowly.
    pub closed_lagging: Counter,
    /// Times a socket was not read because its window or queue was full.
    pub reads_paused: Counter,
}

impl Metrics {
    /// Counts an error frame.
    pub fn count_error(&self, code: ErrorCode) {
        self.errors.get_or_create(&[("code", code.name())]).inc();
    }

    /// Makes the counters visible.
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("causerie");
        registry.register("connections", "Open connections", self.connections.clone());
        registry.register("connections_opened", "Connections ever opened", self.connections_opened.clone());
        registry.register("frames_in", "Frames read from clients", self.frames_in.clone());
        registry.register("bytes_out", "Bytes written to clients", self.bytes_out.clone());
        registry.register("entries_committed", "Entries committed", self.entries_committed.clone());
        registry.register("batches_committed", "Batches committed", self.batches_committed.clone());
        registry.register("deliveries", "Live deliveries put into out queues", self.deliveries.clone());
        registry.register(
            "replaced_by_head",
            "Live messages replaced by head frames",
            self.replaced_by_head.clone(),
        );
        registry.register("errors", "Error frames sent, by code", self.errors.clone());
        registry.register(
            "closed_lagging",
            "Clients closed for reading too slowly",
            self.closed_lagging.clone(),
        );
        registry.register("reads_paused", "Times a socket was not read", self.reads_paused.clone());
    }
}
