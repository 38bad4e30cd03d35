//! What the clients' listener counts: who was not let in, and who did not get as far as a connection.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::door::Refusal;

/// One label and its value.
type Label = [(&'static str, &'static str); 1];

/// The counters.
#[derive(Debug, Default)]
pub(crate) struct GatewayMetrics {
    refused: Family<Label, Counter>,
    failed: Family<Label, Counter>,
    /// Sockets that the system did not hand over.
    pub(super) not_accepted: Counter,
}

/// What did not come to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The TLS handshake.
    Tls,
    /// The head of the first request.
    Head,
    /// The WebSocket handshake.
    WebSocket,
    /// Any of them, within the time that it has.
    Timeout,
}

impl Failure {
    const ALL: [Self; 4] = [Self::Tls, Self::Head, Self::WebSocket, Self::Timeout];

    fn name(self) -> &'static str {
        match self {
            Self::Tls => "tls",
            Self::Head => "head",
            Self::WebSocket => "websocket",
            Self::Timeout => "timeout",
        }
    }
}

impl Refusal {
    const ALL: [Self; 3] = [Self::Full, Self::AddressFull, Self::TooFast];

    /// The setting that refuses.
    fn setting(self) -> &'static str {
        match self {
            Self::Full => "max_connections",
            Self::AddressFull => "connections_per_address",
            Self::TooFast => "address_connects",
        }
    }
}

impl GatewayMetrics {
    /// Counts a socket that was not let in.
    pub(super) fn count_refused(&self, refusal: Refusal) {
        self.refused.get_or_create(&[("limit", refusal.setting())]).inc();
    }

    /// Counts a socket that did not become a connection.
    pub(super) fn count_failed(&self, failure: Failure) {
        self.failed.get_or_create(&[("step", failure.name())]).inc();
    }

    /// Makes the counters visible, every label from the start.
    pub(crate) fn register(&self, registry: &mut Registry) {
        Refusal::ALL.iter().for_each(|it| drop(self.refused.get_or_create(&[("limit", it.setting())])));
        Failure::ALL.iter().for_each(|it| drop(self.failed.get_or_create(&[("step", it.name())])));
        let registry = registry.sub_registry_with_prefix("causerie");
        registry.register("door_refusals", "Sockets not let in, by limit", self.refused.clone());
        registry.register("handshakes_failed", "Handshakes that failed, by step", self.failed.clone());
        registry.register("accept_failures", "Sockets not accepted", self.not_accepted.clone());
    }
}
