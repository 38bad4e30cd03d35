//! Handing the event log on to an embedder's sink: at least once, in order, resumable.

use std::sync::Arc;
use std::time::Duration;

use causerie_store::model::{Event, EventPosition};

use crate::authenticate::BoxFuture;
use crate::node::Node;

/// Where an embedder wants events to go.
pub trait EventSink: Send + Sync + 'static {
    /// The position up to which everything was taken before; 0 to begin at the beginning. Asked once, at the start.
    fn resume_after<'a>(&'a self) -> BoxFuture<'a, EventPosition>;

    /// Takes events, in order. An error hands the same events over again after a pause.
    fn take<'a>(&'a self, events: &'a [Event]) -> BoxFuture<'a, Result<(), String>>;
}

/// Events that are handed over at once.
const RUN: usize = 256;

/// Runs until the node ends.
pub(crate) async fn run_sink(node: Arc<Node>, sink: Arc<dyn EventSink>) {
    let mut position = sink.resume_after().await;
    loop {
        node.store.event_after(position).await;
        let taken = match node.store.events(position, RUN).await {
            Ok(events) => sink.take(&events).await.map(|()| events.last().map(|event| event.position)),
            Err(error) => Err(error.to_string()),
        };
        match taken {
            Ok(last) => {
                position = last.unwrap_or(position);
                node.metrics.sink_position.set(i64::try_from(position.0).unwrap_or(i64::MAX));
            }
            Err(why) => {
                tracing::warn!(why, "the event sink took nothing; the same events come again");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}
