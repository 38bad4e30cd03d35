//! The loop: poll, gather, settle; pause while the worker's store is unavailable.
//!
//! The consumer is polled all the time, also during a pause, so that the group goes on: only its partitions are paused.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message as _;
use rdkafka::topic_partition_list::TopicPartitionList;
use tokio_util::sync::CancellationToken;

use super::context::{Desk, Shared, note, offset};
use super::engine::{Engine, SettleError};
use super::error::RunError;
use super::settings::Settings;
use crate::aside::Aside;
use crate::progress::{Progress, State};
use crate::raw::Raw;
use crate::worker::{Partition, Worker, WorkerError};

/// How often the loop looks whether it has to stop.
const TICK: Duration = Duration::from_millis(100);

/// How long the broker may take to say what a partition holds, for the report of what is lost.
const ASKING: Duration = Duration::from_secs(2);

pub(super) fn run<W: Worker>(
    worker: W,
    aside: Aside,
    settings: &Settings,
    progress: &Arc<Progress>,
    stop: &CancellationToken,
) -> Result<(), RunError> {
    let topics: Vec<String> = worker.topics().iter().map(|topic| settings.topic(topic)).collect();
    let config = settings.config(worker.name())?;
    let desk = Desk {
        engine: Mutex::new(Engine::new(worker, aside, Arc::clone(progress))),
        progress: Arc::clone(progress),
        state: Mutex::new(Shared::default()),
    };
    let consumer: BaseConsumer<Desk<W>> = config.create_with_context(desk).map_err(RunError::Kafka)?;
    let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
    consumer.subscribe(&topics).map_err(RunError::Kafka)?;
    let mut session = Session { consumer, settings, since: None, pause: None, failures: 0 };
    while !stop.is_cancelled() {
        session.step()?;
    }
    session.end()
}

struct Session<'a, W: Worker> {
    consumer: BaseConsumer<Desk<W>>,
    settings: &'a Settings,
    /// When the oldest record that waits was read.
    since: Option<Instant>,
    /// When the worker's store is tried again.
    pause: Option<Instant>,
    /// Attempts that failed one after another.
    failures: u32,
}

impl<W: Worker> Session<'_, W> {
    fn step(&mut self) -> Result<(), RunError> {
        let now = Instant::now();
        let due = self.pause.or(self.since.map(|since| since + self.settings.linger));
        let wait = due.map_or(TICK, |due| due.saturating_duration_since(now)).min(TICK);
        match self.consumer.poll(wait) {
            None => {}
            Some(Ok(message)) => {
                let partition = Partition { topic: message.topic().to_owned(), number: message.partition() };
                let offset = message.offset();
                self.desk().engine.lock().read(&partition, offset, Raw::of(&message));
                self.since = self.since.or(Some(now));
            }
            Some(Err(error)) => self.trouble(error)?,
        }
        if let Some(fatal) = self.desk().state.lock().fatal.take() {
            return Err(fatal);
        }
        if self.desk().state.lock().paused && self.pause.is_none() {
            let pause = self.next_pause();
            self.wait(pause)?;
        }
        let (records, bytes) = self.desk().engine.lock().size();
        let full = records >= self.settings.batch_records || bytes >= self.settings.batch_bytes;
        let late = due.is_some_and(|due| due <= Instant::now());
        match self.pause {
            Some(_) if late => self.settle(),
            None if full || late => self.settle(),
            _ => Ok(()),
        }
    }

    /// Commits what was read; a store that is unavailable begins or prolongs a pause.
    fn settle(&mut self) -> Result<(), RunError> {
        let settled = self.place().and_then(|()| self.desk().engine.lock().settle());
        match settled {
            Ok(positions) => {
                note(&self.consumer, &positions);
                self.since = None;
                self.failures = 0;
                if self.pause.take().is_some() {
                    tracing::info!("the worker's store is back");
                    self.stand(false)?;
                }
                Ok(())
            }
            Err(error @ (SettleError::Worker(WorkerError::Unavailable(_)) | SettleError::Seek(_))) => {
                let pause = self.next_pause();
                tracing::warn!(%error, ?pause, "nothing was committed; trying again");
                self.desk().progress.retried();
                self.wait(pause)
            }
            Err(SettleError::Worker(error)) => Err(RunError::Worker(error)),
            Err(SettleError::Aside(error)) => Err(RunError::Aside(error)),
        }
    }

    /// Puts the consumer where partitions begin of which that was not known when they were given.
    fn place(&self) -> Result<(), SettleError> {
        let places = self.desk().engine.lock().places()?;
        if places.is_empty() {
            return Ok(());
        }
        let mut list = TopicPartitionList::with_capacity(places.len());
        for (partition, position) in &places {
            list.add_partition_offset(&partition.topic, partition.number, offset(*position))?;
        }
        for element in self.consumer.seek_partitions(list, ASKING)?.elements() {
            element.error()?;
        }
        self.desk().engine.lock().placed(&places);
        Ok(())
    }

    /// Stands still for so long.
    fn wait(&mut self, pause: Duration) -> Result<(), RunError> {
        match self.pause.replace(Instant::now() + pause) {
            Some(_) => Ok(()),
            None => self.stand(true),
        }
    }

    fn next_pause(&mut self) -> Duration {
        let (first, longest) = self.settings.pauses;
        let pause = first.saturating_mul(1 << self.failures.min(16)).min(longest);
        self.failures += 1;
        pause
    }

    /// Stops or resumes reading; the group goes on.
    fn stand(&self, still: bool) -> Result<(), RunError> {
        let desk = self.desk();
        desk.state.lock().paused = still;
        desk.progress.state(if still { State::Waiting } else { State::Running });
        let assignment = self.consumer.assignment().map_err(RunError::Kafka)?;
        let done = if still { self.consumer.pause(&assignment) } else { self.consumer.resume(&assignment) };
        done.map_err(RunError::Kafka)
    }

    /// What librdkafka tells instead of a record. It tries everything again itself, except for what ends the run.
    fn trouble(&self, error: KafkaError) -> Result<(), RunError> {
        match error {
            KafkaError::MessageConsumption(RDKafkaErrorCode::AutoOffsetReset) => {
                Err(RunError::Lost(self.what_is_lost()))
            }
            KafkaError::MessageConsumptionFatal(_) => Err(RunError::Kafka(error)),
            // Said already, with its reason.
            _ => Ok(()),
        }
    }

    /// Which partitions begin after, or end before, where the worker is; librdkafka's error does not say it.
    fn what_is_lost(&self) -> String {
        let desk = self.desk();
        let mut lost = Vec::new();
        for (partition, reached) in desk.progress.snapshot().partitions {
            let bounds = self.consumer.fetch_watermarks(&partition.topic, partition.number, ASKING);
            let Ok((start, end)) = bounds else { continue };
            let position = reached.position;
            // At 0 are those of which nothing is committed yet: they begin wherever the broker does.
            if position > 0 && !(start..=end).contains(&position) {
                lost.push(format!("{partition} has offsets {start} to {end}, and {position} is next"));
            }
        }
        if lost.is_empty() { desk.state.lock().said.clone() } else { lost.join("; ") }
    }

    /// Commits what was read, once, and leaves the group.
    fn end(self) -> Result<(), RunError> {
        let settled = self.desk().engine.lock().settle();
        match settled {
            Ok(positions) => note(&self.consumer, &positions),
            // It is read again at the next start.
            Err(error @ (SettleError::Worker(WorkerError::Unavailable(_)) | SettleError::Seek(_))) => {
                tracing::warn!(%error, "what was read last was not committed");
            }
            Err(SettleError::Worker(error)) => return Err(RunError::Worker(error)),
            Err(SettleError::Aside(error)) => return Err(RunError::Aside(error)),
        }
        Ok(())
    }

    fn desk(&self) -> &Desk<W> {
        self.consumer.client().context()
    }
}
