//! The emitter: what is committed goes to Kafka, in order, at least once.
//!
//! Callers hand over what was committed and never wait; each ordered emitter (see [`Limits::emitters`](crate::config::Limits))
//! is one task with a producer of its own, which alone hands records to it, so that their order is given. On start it looks
//! for marks in the outbox and emits what they lead to.
//!
//! Kafka away: nothing changes for callers, memory stays within the bounds of [`Limits`](crate::config::Limits), and what does
//! not fit is read back from the log when Kafka has returned. Topics that cannot be relied on are not written to: that is
//! logged, shown by [`Emitter::health`], and tried again. A record that Kafka refuses ends its producer; a new one begins
//! with what is not acknowledged. An entry that is too large for the topic is logged as an error and emitted without its body.

mod asking;
mod core;
mod inbox;
mod lane;
mod latest;
mod metrics;
mod producer;
mod source;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use causerie_protocol::time::Clock;
use causerie_protocol::{ConversationId, UserId};
use causerie_store::Committed;
use causerie_store::model::{Cursor, Shard};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use inbox::Inbox;
use lane::Lane;
use metrics::Gauges;
pub use metrics::{EmitterLag, EmitterMetrics};
pub use source::Source;

use crate::config::{ConfigError, KafkaConfig};
use crate::record::Undelivered;

/// Whether events can be emitted. Nothing else depends on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// As far as is known.
    Good,
    /// No: why, for an operator. It is tried again by itself.
    Failing(String),
}

/// Emits what a store commits. Dropping it ends it at once: what is not in Kafka then is emitted after the next start.
pub struct Emitter {
    lanes: Vec<Handle>,
    metrics: Arc<EmitterMetrics>,
    clock: Arc<dyn Clock>,
    tasks: TaskTracker,
    abort: CancellationToken,
    closing: watch::Sender<bool>,
}

/// What is shared with the task of one ordered emitter.
struct Handle {
    inbox: Arc<Inbox>,
    gauges: Arc<Gauges>,
    failing: Arc<Mutex<Option<String>>>,
}

impl Emitter {
    /// Begins, on the runtime that it is called on. Kafka need not be there.
    ///
    /// # Errors
    /// [`ConfigError`]; then nothing was begun.
    pub fn start(
        config: KafkaConfig,
        source: &Arc<dyn Source>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ConfigError> {
        config.check()?;
        config
            .producer(1_000_000)
            .create_native_config()
            .map_err(|error| ConfigError::Client(error.to_string()))?;
        let (closing, _) = watch::channel(false);
        let mut emitter = Self {
            lanes: Vec::new(),
            metrics: Arc::default(),
            clock,
            tasks: TaskTracker::new(),
            abort: CancellationToken::new(),
            closing,
        };
        let config = Arc::new(config);
        for number in 0..config.limits.emitters {
            let (lane, handle) = Lane::new(number, &config, source, &emitter);
            emitter.tasks.spawn(lane.run(emitter.closing.subscribe()));
            emitter.lanes.push(handle);
        }
        emitter.tasks.close();
        Ok(emitter)
    }

    /// Emits what was committed. Called for every batch, for one conversation in the order of its positions. Never waits,
    /// and keeps a bounded part in memory.
    pub fn committed(&self, committed: &Committed) {
        let batch = committed.batch();
        self.of(batch.conversation).inbox.committed(batch);
    }

    /// Tells that a user's cursor rose. Cumulative: if Kafka is slow, only the latest is told, and if too many users wait,
    /// or this node dies, none; the next one tells more.
    pub fn receipt(&self, conversation: ConversationId, user: UserId, cursor: Cursor) {
        self.of(conversation).inbox.receipt((conversation, user), cursor);
    }

    /// Tells that somebody without a connected device has something new. Once for each burst: when a burst is over is
    /// the caller's to know. Cumulative as receipts are.
    pub fn undelivered(&self, undelivered: Undelivered) {
        self.of(undelivered.conversation).inbox.undelivered(undelivered);
    }

    /// Tells that this node has taken over a shard: what is marked there is emitted. (At the start, all shards are
    /// looked at.)
    pub fn acquired(&self, shard: Shard) {
        self.lanes[usize::from(shard.number()) % self.lanes.len()].inbox.acquired(shard);
    }

    /// Counters.
    pub fn metrics(&self) -> &Arc<EmitterMetrics> {
        &self.metrics
    }

    /// How far it is behind.
    pub fn lag(&self) -> EmitterLag {
        let mut lag = EmitterLag::default();
        let now = self.clock.wall();
        self.lanes.iter().for_each(|lane| lane.gauges.add_to(&mut lag, now));
        lag
    }

    /// Whether Kafka takes events.
    pub fn health(&self) -> Health {
        for lane in &self.lanes {
            if let Some(why) = lane.failing.lock().clone() {
                return Health::Failing(why);
            }
            if !lane.gauges.reachable.load(std::sync::atomic::Ordering::Relaxed) {
                return Health::Failing("no broker of Kafka answers".to_owned());
            }
        }
        Health::Good
    }

    /// Ends in order: emits what is at hand, writes the cursors and clears the marks of what is complete. After `within` it
    /// ends as it is; what is missing is emitted after the next start. Call it when nothing is committed any more, and
    /// before the store is closed.
    pub async fn close(&self, within: Duration) {
        self.closing.send_replace(true);
        if tokio::time::timeout(within, self.tasks.wait()).await.is_err() {
            tracing::warn!("not everything was emitted in time; the rest is emitted after the next start");
            self.abort.cancel();
            self.tasks.wait().await;
        }
    }

    fn of(&self, conversation: ConversationId) -> &Handle {
        let shard = Shard::of_conversation(conversation);
        &self.lanes[usize::from(shard.number()) % self.lanes.len()]
    }
}

impl Drop for Emitter {
    fn drop(&mut self) {
        self.abort.cancel();
    }
}

impl fmt::Debug for Emitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emitter").field("lag", &self.lag()).finish_non_exhaustive()
    }
}
