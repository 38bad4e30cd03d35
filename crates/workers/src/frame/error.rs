//! Why the frame ended.

use rdkafka::error::KafkaError;

use crate::aside::AsideError;
use crate::worker::WorkerError;

/// Why a worker ended before it was told to. What it has committed stays, and the next start goes on there.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The consumer was refused or cannot go on: a wrong setting, or another process has taken this one's instance name.
    #[error("kafka: {0}")]
    Kafka(KafkaError),
    /// A setting of librdkafka that is not the operator's to set. Nothing was begun.
    #[error("`{0}` is set by the worker: a guarantee rests on it, or there is a setting for it")]
    Fixed(String),
    /// The broker does not have the records at the worker's position any more: they were deleted before they were read, or
    /// the topic was made anew. The result would miss them; start over in an empty directory, or restore the topic.
    #[error("the broker does not have what comes next: {0}")]
    Lost(String),
    /// The worker cannot go on.
    #[error(transparent)]
    Worker(WorkerError),
    /// Records cannot be set aside.
    #[error(transparent)]
    Aside(AsideError),
}
