//! Why the log was not printed, or not to its end.

use std::io;

use rdkafka::error::KafkaError;

use super::position::Position;
use crate::worker::Partition;

/// Why the log was not printed, or not to its end. Nothing is changed at the broker.
#[derive(Debug, thiserror::Error)]
pub enum TailError {
    /// The broker does not answer, or refuses.
    #[error("kafka: {0}")]
    Kafka(KafkaError),
    /// There is no such topic.
    #[error("there is no topic {0}: nothing was emitted yet, or the prefix is another")]
    NoTopic(String),
    /// A position names a partition that is not read.
    #[error("{0} is of no partition that is read: name its topic, too")]
    NoPartition(Position),
    /// A position is beyond the end.
    #[error("{partition} ends before offset {end}: {offset} is of another log")]
    Beyond {
        /// Of which partition.
        partition: Partition,
        /// The position's offset.
        offset: i64,
        /// One past the last record.
        end: i64,
    },
    /// Nobody takes what is printed.
    #[error(transparent)]
    Write(#[from] io::Error),
}

impl From<KafkaError> for TailError {
    /// Not as the source: its text is in this one's.
    fn from(error: KafkaError) -> Self {
        Self::Kafka(error)
    }
}
