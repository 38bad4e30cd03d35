//! Handing the event log on to an embedder's sink: at least once, in order, resumable.

use std::sync::Arc;
use std::time::Duration;

use causerie_store::model::{Event, EventPosition};
use tokio::sync::watch;

use crate::authenticate::BoxFuture;
use crate::node::Node;

/// Where an embedder wants events to go.
pub trait EventSink: Send + Sync + 'static {
    /// The position up to which everything was taken before; 0 to begin at the beginning. Asked once, at the start.
    fn resume_after<'a>(&'a self) -> BoxFuture<'a, EventPosition>;

    /// Takes events, in order. Takes all of them or answers an error, which is logged and hands the same events over
    /// again a second later. Not given up half-way when the node stops: [`Chat::stop`](crate::Chat::stop) waits for it.
    fn take<'a>(&'a self, events: &'a [Event]) -> BoxFuture<'a, Result<(), String>>;
}

/// Events that are handed over at once.
const RUN: usize = 256;

/// How long it waits after an error.
const PAUSE: Duration = Duration::from_secs(1);

/// Runs until the node ends (not at all where the store keeps no event log, see [`StartError`](crate::StartError)), and a little longer if the sink is just taking events.
pub(crate) async fn run_sink(node: Arc<Node>, sink: Arc<dyn EventSink>, mut stopped: watch::Receiver<bool>) {
    let Some(log) = node.store.event_log() else { return };
    let mut position = sink.resume_after().await;
    loop {
        tokio::select! {
            biased;
            // An error means that the node was dropped, which stops it too.
            _ = stopped.wait_for(|stopped| *stopped) => return,
            () = log.event_after(position) => {}
        }
        let taken = match log.events(position, RUN).await {
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
                // Whether the pause or the end comes first, the next round sees it.
                let _ = tokio::time::timeout(PAUSE, stopped.wait_for(|stopped| *stopped)).await;
            }
        }
    }
}
