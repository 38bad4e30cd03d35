//! `GET /metrics`: what is counted, and how full everything is, in the OpenMetrics text format.
//!
//! Every metric is explained in `docs/metrics.md`; a test keeps the two together.

mod node;
mod process;
mod store;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use causerie_actors::Chat;
use causerie_protocol::Timestamp;
use causerie_store::fjall::FjallStore;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use super::{Refusal, Shared};

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
