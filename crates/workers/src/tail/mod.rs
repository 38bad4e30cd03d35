//! The event log on Kafka, printed: a CloudEvent a line, as `causerie events` prints them from a node.
//!
//! - A repetition of an entry is not printed again. Where entries of a conversation are missing, a line says so among the
//!   warnings, and it goes on: this is the tool to find that out with.
//! - Without `follow` it ends at what was the end of each partition when it began.
//! - It belongs to no consumer group and leaves no trace at the broker: the reader keeps the positions. There is one for each
//!   partition; begin after the last one of *each* to miss nothing. Partitions that are made later are not read.
//! - Records that nobody can read are a warning too.

mod error;
mod line;
mod position;
mod printer;
mod seen;

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message as _;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tokio_util::sync::CancellationToken;

pub use error::TailError;
pub use position::Position;
use printer::Printer;

use crate::raw::Raw;
use crate::worker::Partition;

/// How long the broker may take to say what there is.
const ASKING: Duration = Duration::from_secs(10);

/// How often it is looked whether to stop, and whether the end is reached.
const TICK: Duration = Duration::from_millis(100);

/// What to print.
#[derive(Clone, Debug)]
pub struct Tail {
    /// Brokers to begin with: `HOST:PORT`, separated by commas.
    pub brokers: String,
    /// What the topics' names begin with.
    pub prefix: String,
    /// The topics, without the prefix.
    pub topics: Vec<String>,
    /// The last record that was dealt with, of each partition; those that are not named are printed from their start.
    pub after: Vec<Position>,
    /// Stay, and print what comes.
    pub follow: bool,
    /// Settings of librdkafka: TLS, credentials.
    pub kafka: Vec<(String, String)>,
}

/// What is read of one partition.
#[derive(Clone, Copy, Debug)]
struct Range {
    from: i64,
    until: i64,
}

impl Tail {
    /// Prints to `out`, and warnings to `warnings`, until the end, or with `follow` until `stop` is cancelled. It blocks.
    ///
    /// # Errors
    /// See [`TailError`]. What was printed is whole lines.
    pub fn print(
        &self,
        out: &mut impl Write,
        warnings: &mut impl Write,
        stop: &CancellationToken,
    ) -> Result<(), TailError> {
        let consumer: BaseConsumer = self.config().create()?;
        let mut ranges = BTreeMap::new();
        for topic in &self.topics {
            self.ranges(&consumer, topic, &mut ranges)?;
        }
        self.check_after(&ranges)?;
        let whole = self.after.is_empty() && ranges.values().all(|range| range.from == 0);
        let mut printer = Printer::new(&self.prefix, whole, out, warnings);
        for position in &self.after {
            let range = ranges.get(&self.partition(position));
            if let Some(range) = range.filter(|range| range.from > position.offset + 1) {
                printer.warn(format_args!("the broker does not have what follows {position} any more"))?;
                printer.warn(format_args!("it goes on at offset {}", range.from))?;
            }
        }
        if !self.follow {
            ranges.retain(|_, range| range.from < range.until);
        }
        let mut list = TopicPartitionList::with_capacity(ranges.len());
        for (partition, range) in &ranges {
            list.add_partition_offset(&partition.topic, partition.number, Offset::Offset(range.from))?;
        }
        consumer.assign(&list)?;
        while !stop.is_cancelled() && (self.follow || !ranges.is_empty()) {
            match consumer.poll(TICK) {
                Some(Ok(message)) => {
                    let partition =
                        Partition { topic: message.topic().to_owned(), number: message.partition() };
                    let offset = message.offset();
                    let wanted =
                        ranges.get(&partition).is_some_and(|range| self.follow || offset < range.until);
                    if wanted {
                        printer.print(&partition, offset, &Raw::of(&message))?;
                    }
                    ranges.retain(|other, range| {
                        self.follow || *other != partition || offset + 1 < range.until
                    });
                }
                Some(Err(error)) => tolerate(error)?,
                None => {
                    printer.flush()?;
                    self.leave_what_is_read(&consumer, &mut ranges)?;
                }
            }
        }
        printer.flush()
    }

    fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("queued.max.messages.kbytes", "16384").set("reconnect.backoff.max.ms", "500");
        for (name, value) in &self.kafka {
            config.set(name, value);
        }
        config
            .set("bootstrap.servers", &self.brokers)
            // librdkafka wants a name, but nothing is asked of the group: partitions are assigned, offsets not committed.
            .set("group.id", format!("{}.tail", self.prefix))
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "error")
            .set("isolation.level", "read_committed")
            .set("allow.auto.create.topics", "false")
            .set("check.crcs", "true");
        config
    }

    fn partition(&self, position: &Position) -> Partition {
        Partition { topic: format!("{}.{}", self.prefix, position.topic), number: position.partition }
    }

    /// Asks the broker which partitions a topic has, and what is in them.
    fn ranges(
        &self,
        consumer: &BaseConsumer,
        topic: &str,
        ranges: &mut BTreeMap<Partition, Range>,
    ) -> Result<(), TailError> {
        let name = format!("{}.{topic}", self.prefix);
        let metadata = consumer.fetch_metadata(Some(&name), ASKING)?;
        let found = metadata.topics().iter().find(|found| found.name() == name);
        let partitions = found.map(|found| found.partitions()).unwrap_or_default();
        if partitions.is_empty() {
            return Err(TailError::NoTopic(name));
        }
        for partition in partitions {
            let (start, end) = consumer.fetch_watermarks(&name, partition.id(), ASKING)?;
            let partition = Partition { topic: name.clone(), number: partition.id() };
            let after = self.after.iter().filter(|after| self.partition(after) == partition);
            let after = after.map(|after| after.offset).max();
            if let Some(offset) = after.filter(|offset| *offset >= end) {
                return Err(TailError::Beyond { partition, offset, end });
            }
            let from = after.map_or(start, |offset| start.max(offset + 1));
            ranges.insert(partition, Range { from, until: end });
        }
        Ok(())
    }

    fn check_after(&self, ranges: &BTreeMap<Partition, Range>) -> Result<(), TailError> {
        let unknown = self.after.iter().find(|after| !ranges.contains_key(&self.partition(after)));
        unknown.map_or(Ok(()), |unknown| Err(TailError::NoPartition(unknown.clone())))
    }

    /// The last offsets of a partition can be such that no reader gets: marks of transactions, records that were compacted.
    fn leave_what_is_read(
        &self,
        consumer: &BaseConsumer,
        ranges: &mut BTreeMap<Partition, Range>,
    ) -> Result<(), TailError> {
        if self.follow {
            return Ok(());
        }
        for element in consumer.position()?.elements() {
            let partition = Partition { topic: element.topic().to_owned(), number: element.partition() };
            let Offset::Offset(at) = element.offset() else { continue };
            if ranges.get(&partition).is_some_and(|range| at >= range.until) {
                ranges.remove(&partition);
            }
        }
        Ok(())
    }
}

/// librdkafka tries everything again itself. What is lost for good ends it.
fn tolerate(error: KafkaError) -> Result<(), TailError> {
    match error {
        KafkaError::MessageConsumptionFatal(_)
        | KafkaError::MessageConsumption(
            RDKafkaErrorCode::AutoOffsetReset
            | RDKafkaErrorCode::TopicAuthorizationFailed
            | RDKafkaErrorCode::UnknownTopicOrPartition
            | RDKafkaErrorCode::UnknownTopic
            | RDKafkaErrorCode::Authentication,
        ) => Err(TailError::Kafka(error)),
        error => {
            tracing::debug!(%error, "kafka");
            Ok(())
        }
    }
}
