//! Spans to an OpenTelemetry collector, as OTLP over HTTP.

use std::time::Duration;

use opentelemetry::trace::TracerProvider;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tracing::level_filters::LevelFilter;
use tracing::{Subscriber, warn};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::registry::LookupSpan;

use super::TelemetryError;
use crate::{config, http_client};

/// How long one batch may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The largest answer of a collector that is read, in bytes.
const MAX_ANSWER_BYTES: u64 = 64 * 1024;

/// What the names of our own crates begin with: their spans are sent, at the level at which they are.
const OURS: &str = "causerie";

/// The export, which has a thread of its own.
pub(super) struct Export(SdkTracerProvider);

impl Export {
    /// Begins to export to `endpoint`.
    pub(super) fn start(endpoint: &str, config: &config::Telemetry) -> Result<Self, TelemetryError> {
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Client(http_client::agent(Some(TIMEOUT))))
            .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
            .with_timeout(TIMEOUT)
            .build()
            .map_err(|error| TelemetryError::Endpoint(error.to_string()))?;
        let share = f64::from(config.otlp_sample_percent) / 100.0;
        let resource = Resource::builder().with_service_name(config.otlp_service_name.clone()).build();
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(share))))
            .with_resource(resource)
            .build();
        Ok(Self(provider))
    }

    /// What hands the program's spans over.
    pub(super) fn layer<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        let spans = Targets::new().with_target(OURS, LevelFilter::DEBUG);
        tracing_opentelemetry::layer().with_tracer(self.0.tracer("causerie")).with_filter(spans)
    }

    pub(super) fn shutdown(&self) {
        if let Err(error) = self.0.shutdown_with_timeout(TIMEOUT) {
            warn!(%error, "the last spans could not be sent");
        }
    }
}

/// The program's one HTTP client, as the exporter wants it. It blocks, which the exporter's thread may.
#[derive(Debug)]
struct Client(ureq::Agent);

#[async_trait::async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (head, body) = request.into_parts();
        let response = self.0.run(Request::from_parts(head, &body[..]))?;
        let (head, mut body) = response.into_parts();
        let answer = body.with_config().limit(MAX_ANSWER_BYTES).read_to_vec()?;
        Ok(Response::from_parts(head, Bytes::from(answer)))
    }
}
