//! `GET /metrics`: what is counted, and how full everything is, in the OpenMetrics text format.
//!
//! Every metric is explained in `docs/metrics.md`; a test keeps the two together.

mod cql;
mod emitter;
mod node;
mod process;
mod redis;
mod store;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use causerie_actors::Chat;
use causerie_protocol::Timestamp;
use causerie_store::fjall::FjallStore;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use super::{Refusal, Shared};
use crate::backends::Backends;

/// Everything that a server shows, but for what its listeners add.
pub(crate) fn registry(chat: &Chat, started: Timestamp) -> Registry {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(process::Process { started: Duration::from_millis(started.0) }));
    chat.metrics().register(&mut registry);
    let ours = registry.sub_registry_with_prefix("causerie");
    ours.register("build", "The version that runs", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
    ours.register_collector(Box::new(node::Depths(chat.clone())));
    registry
}

/// Adds what the server's back ends count.
pub(crate) fn add_backends(registry: &mut Registry, backends: &Backends) {
    if let Some(store) = backends.embedded() {
        add_store(registry, store);
    }
    if let Some(store) = backends.cql() {
        registry.sub_registry_with_prefix("causerie_cql").register_collector(Box::new(cql::Cql(store)));
    }
    if let Some(emitter) = backends.emitter() {
        let ours = registry.sub_registry_with_prefix("causerie_emitter");
        ours.register_collector(Box::new(emitter::Emitting(emitter)));
    }
    if let Some(parts) = backends.redis() {
        registry.sub_registry_with_prefix("causerie_redis").register_collector(Box::new(redis::Redis(parts)));
    }
}

/// Adds what the embedded store counts.
pub(crate) fn add_store(registry: &mut Registry, store: Arc<FjallStore>) {
    registry.sub_registry_with_prefix("causerie_store").register_collector(Box::new(store::Store(store)));
}

/// The metrics as text. Looking at all connections takes a while, so it is done beside the runtime's threads.
pub(super) async fn answer(State(shared): State<Shared>) -> Result<impl IntoResponse, Refusal> {
    let encode = move || {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &shared.registry).map(|()| text)
    };
    let text =
        tokio::task::spawn_blocking(encode).await.map_err(|error| Refusal::Failed(error.to_string()))?;
    let text = text.map_err(|error| Refusal::Failed(error.to_string()))?;
    Ok(([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text))
}

/// A counter whose value is read when it is asked for.
fn count(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> std::fmt::Result {
    let counter = ConstCounter::<u64>::new(value);
    counter.encode(encoder.encode_descriptor(name, help, None, counter.metric_type())?)
}

/// Durations that were counted by size: `counts` has one more than there are bounds.
fn histogram_of(
    mut encoder: MetricEncoder<'_>,
    bounds_micros: &[u64],
    counts: &[u64],
    sum_micros: u64,
) -> std::fmt::Result {
    let seconds = |micros: u64| micros as f64 / 1e6;
    let bounds = bounds_micros.iter().map(|bound| seconds(*bound)).chain([f64::INFINITY]);
    let buckets: Vec<_> = bounds.zip(counts.iter().copied()).collect();
    encoder.encode_histogram::<NoLabelSet>(seconds(sum_micros), counts.iter().sum(), &buckets, None)
}

/// A number that is read when it is asked for.
struct Reading<T> {
    name: &'static str,
    help: &'static str,
    unit: Option<Unit>,
    value: T,
}

impl<T> Reading<T>
where
    ConstGauge<T>: EncodeMetric,
{
    fn gauge(self, encoder: &mut DescriptorEncoder<'_>) -> std::fmt::Result {
        let gauge = ConstGauge::new(self.value);
        let kind = gauge.metric_type();
        gauge.encode(encoder.encode_descriptor(self.name, self.help, self.unit.as_ref(), kind)?)
    }
}
