//! What the consumer asks and tells the frame while it is polled: partitions come and go, and where their ends are.
//!
//! Everything here runs on the thread that polls.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rdkafka::Statistics;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::util::Timeout;

use super::engine::Engine;
use super::error::RunError;
use crate::progress::{Progress, State};
use crate::worker::{Partition, Worker, WorkerError};

/// What the consumer and the loop around it share.
pub(super) struct Desk<W> {
    pub(super) engine: Mutex<Engine<W>>,
    pub(super) progress: Arc<Progress>,
    pub(super) state: Mutex<Shared>,
}

/// What callbacks leave for the loop.
#[derive(Default)]
pub(super) struct Shared {
    /// Why the loop has to end, if it has to.
    pub(super) fatal: Option<RunError>,
    /// What librdkafka said last, since its errors do not say of which partition they are.
    pub(super) said: String,
    /// The worker's store is unavailable: partitions that come are not read yet.
    pub(super) paused: bool,
}

impl<W: Worker> ClientContext for Desk<W> {
    fn stats(&self, statistics: Statistics) {
        for (topic, stats) in &statistics.topics {
            for (number, stats) in &stats.partitions {
                // Below 0: not known yet. The last stable offset is where a reader of committed records gets to.
                let end = if stats.ls_offset >= 0 { stats.ls_offset } else { stats.hi_offset };
                if end >= 0 {
                    self.progress.end(&Partition { topic: topic.clone(), number: *number }, end);
                }
            }
        }
    }

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        match level {
            RDKafkaLogLevel::Emerg
            | RDKafkaLogLevel::Alert
            | RDKafkaLogLevel::Critical
            | RDKafkaLogLevel::Error => tracing::error!(target: "librdkafka", facility, message),
            RDKafkaLogLevel::Warning => tracing::warn!(target: "librdkafka", facility, message),
            RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => {
                tracing::info!(target: "librdkafka", facility, message);
            }
            RDKafkaLogLevel::Debug => tracing::debug!(target: "librdkafka", facility, message),
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::warn!(%error, reason, "kafka");
        reason.clone_into(&mut self.state.lock().said);
    }
}

impl<W: Worker> ConsumerContext for Desk<W> {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, error: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let done = match error {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => self.assigned(consumer, list),
            _ => self.revoked(consumer, list),
        };
        if let Err(error) = done {
            self.fail(RunError::Kafka(error));
        }
    }

    fn commit_callback(&self, result: KafkaResult<()>, _: &TopicPartitionList) {
        if let Err(error) = result {
            // For tools that show lag alone: the next commit tells them.
            tracing::debug!(%error, "the broker did not note the position");
        }
    }

    fn main_queue_min_poll_interval(&self) -> Timeout {
        Timeout::After(Duration::from_millis(100))
    }
}

impl<W: Worker> Desk<W> {
    pub(super) fn fail(&self, error: RunError) {
        self.state.lock().fatal.get_or_insert(error);
    }

    fn assigned(&self, consumer: &BaseConsumer<Self>, list: &mut TopicPartitionList) -> KafkaResult<()> {
        let partitions = partitions(list);
        tracing::info!(partitions = ?names(&partitions), "given partitions");
        let mut engine = self.engine.lock();
        engine.given(&partitions);
        let places = match engine.places() {
            Ok(places) => places,
            Err(error @ WorkerError::Broken(_)) => {
                self.fail(RunError::Worker(error));
                Vec::new()
            }
            // They stand still until it is known where they begin.
            Err(error) => {
                tracing::warn!(%error, "where the partitions begin is not known yet");
                self.state.lock().paused = true;
                Vec::new()
            }
        };
        for (partition, position) in &places {
            // Those that were given before and are not placed yet are not in the list.
            let _ = list.set_partition_offset(&partition.topic, partition.number, offset(*position));
        }
        consumer.incremental_assign(list)?;
        let given = places.into_iter().filter(|(partition, _)| partitions.contains(partition));
        engine.placed(&given.collect::<Vec<_>>());
        drop(engine);
        if self.state.lock().paused {
            return consumer.pause(list);
        }
        self.progress.state(State::Running);
        Ok(())
    }

    /// Commits what was read of them first. Where that fails, they go as they are: whoever gets them begins at its own
    /// position, and so does this process when they come back.
    fn revoked(&self, consumer: &BaseConsumer<Self>, list: &TopicPartitionList) -> KafkaResult<()> {
        let partitions = partitions(list);
        tracing::info!(partitions = ?names(&partitions), lost = consumer.assignment_lost(), "partitions taken");
        let mut engine = self.engine.lock();
        match engine.settle() {
            Ok(positions) => note(consumer, &positions),
            Err(error) => tracing::warn!(%error, "not committed before the partitions were taken"),
        }
        engine.taken(&partitions);
        drop(engine);
        consumer.incremental_unassign(list)
    }
}

/// Where a place is for the consumer.
pub(super) fn offset(position: Option<i64>) -> Offset {
    position.map_or(Offset::Beginning, Offset::Offset)
}

/// Tells the broker how far the group is, for tools that show lag. It waits for no answer.
pub(super) fn note<C: ConsumerContext>(consumer: &BaseConsumer<C>, positions: &[(Partition, i64)]) {
    if positions.is_empty() {
        return;
    }
    let mut list = TopicPartitionList::with_capacity(positions.len());
    for (partition, position) in positions {
        if let Err(error) =
            list.add_partition_offset(&partition.topic, partition.number, Offset::Offset(*position))
        {
            tracing::debug!(%error, %partition, "a position that cannot be told");
        }
    }
    if let Err(error) = consumer.commit(&list, CommitMode::Async) {
        tracing::debug!(%error, "the broker did not note the position");
    }
}

fn partitions(list: &TopicPartitionList) -> Vec<Partition> {
    let name = |element: rdkafka::topic_partition_list::TopicPartitionListElem<'_>| Partition {
        topic: element.topic().to_owned(),
        number: element.partition(),
    };
    list.elements().into_iter().map(name).collect()
}

fn names(partitions: &[Partition]) -> Vec<String> {
    partitions.iter().map(Partition::to_string).collect()
}
