//! What the server tells about itself: log lines to standard error, and spans to a collector when one is configured.
//!
//! Lines are written as they arise. Spans are sent in batches from a thread of their own; when the collector is away or
//! too slow they are dropped there, never waited for. Which lines are written is the operator's choice and changes
//! nothing for spans: a collector gets all of ours.

#[cfg(feature = "otlp")]
mod otlp;

use std::io::IsTerminal;

use tracing::Subscriber;
use tracing::subscriber::SetGlobalDefaultError;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, reload};

use crate::config::{self, LogFormat};

/// Telemetry could not be set up or changed. What there was stays.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The log levels cannot be read.
    #[error("the log levels cannot be read: {0}")]
    Filter(#[from] ParseError),
    /// The program has set up its log lines before.
    #[error("log lines are set up already: {0}")]
    AlreadySet(#[from] SetGlobalDefaultError),
    /// The log levels can no longer be changed.
    #[error("the log levels cannot be changed: {0}")]
    Reload(#[from] reload::Error),
    /// Spans cannot be exported to the configured address.
    #[error("telemetry.otlp_endpoint: {0}")]
    Endpoint(String),
}

/// The handle of what [`init`] has set up.
pub struct Telemetry {
    filter: reload::Handle<EnvFilter, Registry>,
    #[cfg(feature = "otlp")]
    spans: Option<otlp::Export>,
}

impl std::fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Telemetry").finish_non_exhaustive()
    }
}

/// Sets up log lines, and spans when a collector is configured, for the whole process. Once.
///
/// # Errors
/// Nothing was set up.
pub fn init(config: &config::Telemetry) -> Result<Telemetry, TelemetryError> {
    let (subscriber, telemetry) = build(config, std::io::stderr, std::io::stderr().is_terminal())?;
    tracing::subscriber::set_global_default(subscriber)?;
    Ok(telemetry)
}

pub(crate) fn build<W>(
    config: &config::Telemetry,
    writer: W,
    colours: bool,
) -> Result<(impl Subscriber + Send + Sync, Telemetry), TelemetryError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let (filter, handle) = reload::Layer::new(parse(&config.log)?);
    let lines = lines(config.log_format, writer, colours).with_filter(filter).boxed();
    // A list, not an optional layer: one that is not there has no filter either, and then every span would be made.
    #[cfg_attr(not(feature = "otlp"), expect(unused_mut, reason = "nothing is added without the feature"))]
    let mut layers = vec![lines];
    #[cfg(feature = "otlp")]
    let spans = {
        let start = |endpoint| otlp::Export::start(endpoint, config);
        let spans = config.otlp_endpoint.as_deref().map(start).transpose()?;
        layers.extend(spans.as_ref().map(|spans| spans.layer().boxed()));
        spans
    };
    #[cfg(not(feature = "otlp"))]
    if config.otlp_endpoint.is_some() {
        return Err(TelemetryError::Endpoint("this program was built without the feature `otlp`".to_owned()));
    }
    let telemetry = Telemetry {
        filter: handle,
        #[cfg(feature = "otlp")]
        spans,
    };
    Ok((Registry::default().with(layers), telemetry))
}

fn parse(levels: &str) -> Result<EnvFilter, ParseError> {
    EnvFilter::builder().parse(levels)
}

fn lines<S, W>(format: LogFormat, writer: W, colours: bool) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    match format {
        LogFormat::Text => fmt::layer().with_writer(writer).with_ansi(colours).boxed(),
        LogFormat::Json => fmt::layer().with_writer(writer).json().flatten_event(true).boxed(),
    }
}

impl Telemetry {
    /// Changes which lines are written.
    ///
    /// # Errors
    /// The levels cannot be read; those in force stay.
    pub fn set_log(&self, levels: &str) -> Result<(), TelemetryError> {
        self.filter.reload(parse(levels)?)?;
        Ok(())
    }

    /// Sends the spans that wait, for at most five seconds. Blocks; call it last.
    pub fn shutdown(&self) {
        #[cfg(feature = "otlp")]
        if let Some(spans) = &self.spans {
            spans.shutdown();
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
