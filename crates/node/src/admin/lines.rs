//! JSON lines, made as they are read: a reader that stops makes the source stop, with one page in hand.
//!
//! A stream that cannot go on is cut off, so that the reader sees that something is missing; one that has come to its end
//! ends in order. Streams are few at a time.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use causerie_store::port::ReadError;
use futures_util::stream;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Refusal;

/// Streams at a time. Below the bound on connections, so that an operator gets through when all are taken.
pub(super) const STREAMS: usize = 32;
/// Items of a list in one piece.
const PIECE: usize = 256;

/// Why a stream was cut off.
#[derive(Debug, thiserror::Error)]
pub(super) enum CutOff {
    /// The store does not give what comes next.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The server stops.
    #[error("the server stops")]
    Stopping,
}

impl From<CutOff> for Refusal {
    fn from(error: CutOff) -> Self {
        match error {
            CutOff::Read(error) => error.into(),
            CutOff::Stopping => Self::Unavailable("The server stops.".to_owned()),
        }
    }
}

/// Where lines come from.
pub(super) trait Source: Send + 'static {
    /// The next lines, each with its line end; `None` at the end.
    fn next(&mut self) -> impl Future<Output = Result<Option<Bytes>, CutOff>> + Send;
}

/// A list that is there already.
pub(super) struct List<T>(pub(super) std::vec::IntoIter<T>);

impl<T: Serialize + Send + 'static> Source for List<T> {
    async fn next(&mut self) -> Result<Option<Bytes>, CutOff> {
        let mut lines = Vec::new();
        for item in self.0.by_ref().take(PIECE) {
            line(&mut lines, &item);
        }
        Ok((!lines.is_empty()).then(|| lines.into()))
    }
}

/// Appends a value as a line.
pub(super) fn line(out: &mut Vec<u8>, value: &impl Serialize) {
    serde_json::to_writer(&mut *out, value).expect("texts and numbers are written to memory without fail");
    out.push(b'\n');
}

/// Answers with a list.
pub(super) fn list<T: Serialize + Send + 'static>(items: Vec<T>) -> Response {
    respond(List(items.into_iter()), None, None)
}

/// The streams that are open, and their bound.
#[derive(Clone)]
pub(super) struct Streams {
    pub(super) permits: Arc<Semaphore>,
    open: Gauge,
}

/// A stream's place.
pub(super) struct Place {
    open: Gauge,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.open.dec();
    }
}

impl Streams {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let streams = Self { permits: Arc::new(Semaphore::new(STREAMS)), open: Gauge::default() };
        let registry = registry.sub_registry_with_prefix("causerie");
        registry.register("admin_streams", "Open event streams and exports", streams.open.clone());
        streams
    }

    /// Takes a place.
    ///
    /// # Errors
    /// All are taken.
    pub(super) fn enter(&self) -> Result<Place, Refusal> {
        let full =
            |_| Refusal::Unavailable(format!("There are {STREAMS} streams open already; try again later."));
        let permit = Arc::clone(&self.permits).try_acquire_owned().map_err(full)?;
        self.open.inc();
        Ok(Place { open: self.open.clone(), _permit: permit })
    }
}

/// Answers with what has been read already, and with what the source gives as the reader takes it.
pub(super) fn respond(source: impl Source, read: Option<Bytes>, place: Option<Place>) -> Response {
    let lines = stream::try_unfold((source, read, place), |(mut source, read, place)| async move {
        let next = match read {
            Some(read) => Some(read),
            None => {
                source.next().await.inspect_err(|error| tracing::warn!(%error, "a stream was cut off"))?
            }
        };
        Ok::<_, CutOff>(next.map(|lines| (lines, (source, None, place))))
    });
    ([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(lines)).into_response()
}
