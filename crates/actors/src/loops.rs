//! What a node does by itself: timers, presence, the ceiling of message ids, and handing on events.

use std::sync::Arc;
use std::time::Duration;

use causerie_protocol::Timestamp;
use causerie_protocol::frame::down::Presence;
use tokio::sync::watch;

use crate::authenticate::BoxFuture;
use crate::connection::{ConnectionHandle, Outgoing};
use crate::node::Node;
use crate::sink::{EventSink, run_sink};
use crate::wheel::TICK;

/// How far ahead of the clock the ceiling of message ids is kept.
pub(crate) const CEILING: Duration = Duration::from_secs(10);
/// How often it is seen whether the wall clock was set, and by how much it may be before anybody is told.
const CLOCK: Duration = Duration::from_secs(1);
/// How often presence is told.
const PRESENCE: Duration = Duration::from_millis(500);

/// Runs them until the node stops or is dropped.
pub(crate) fn run_loops(node: &Arc<Node>, stopped: &watch::Receiver<bool>, sink: Option<Arc<dyn EventSink>>) {
    let run = |task: BoxFuture<'static, ()>| {
        let mut stopped = stopped.clone();
        node.background.spawn(async move {
            tokio::select! {
                () = task => {}
                // An error means that the node was dropped, which stops it too.
                _ = stopped.wait_for(|stopped| *stopped) => {}
            }
        });
    };
    run(Box::pin(turn_wheel(Arc::clone(node))));
    run(Box::pin(tell_presence(Arc::clone(node))));
    run(Box::pin(raise_ceiling(Arc::clone(node))));
    run(Box::pin(watch_clock(Arc::clone(node))));
    if let Some(sink) = sink {
        node.background.spawn(run_sink(Arc::clone(node), sink, stopped.clone()));
    }
}

async fn turn_wheel(node: Arc<Node>) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        node.wheel.turn(node.clock.monotonic());
    }
}

async fn tell_presence(node: Arc<Node>) {
    let mut ticks = tokio::time::interval(PRESENCE);
    loop {
        ticks.tick().await;
        let (changes, gone) = node.directory.changes(node.clock.monotonic());
        for change in changes {
            let (user, online, last_seen) = (change.user, change.online, change.last_seen);
            let presence = Presence { user, online, last_seen };
            for watcher in change.watchers.into_iter().filter_map(|id| node.connections.get(id)) {
                watcher.push(Outgoing::Presence(presence.clone()));
            }
        }
        if !gone.is_empty()
            && let Err(error) = node.store.put_last_seen(gone).await
        {
            tracing::warn!(%error, "when users were last seen was not kept");
        }
    }
}

/// Timers follow the monotonic clock, the end of a token the wall clock: when that is set forward, every connection looks.
async fn watch_clock(node: Arc<Node>) {
    let offset = || u128::from(node.clock.wall().0).saturating_sub(node.clock.monotonic().as_millis());
    let mut ticks = tokio::time::interval(CLOCK);
    let mut known = offset();
    loop {
        ticks.tick().await;
        let now = offset();
        if now > known + CLOCK.as_millis() {
            tracing::warn!(ms = now - known, "the wall clock was set forward");
            node.connections.all().iter().for_each(ConnectionHandle::tick);
            known = now;
        }
        known = known.min(now);
    }
}

/// Keeps the durable ceiling of message ids ahead of the clock and of the ids.
async fn raise_ceiling(node: Arc<Node>) {
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    let mut raised = Timestamp(0);
    loop {
        ticks.tick().await;
        let ahead = node.clock.wall().max(node.ids.lock().last()).plus(CEILING);
        if ahead < raised.plus(CEILING / 2) {
            continue;
        }
        match node.store.raise_id_ceiling(ahead).await {
            Ok(()) => {
                node.ids.lock().raise_ceiling(ahead);
                raised = ahead;
            }
            Err(error) => tracing::warn!(%error, "the ceiling of message ids was not raised"),
        }
    }
}
