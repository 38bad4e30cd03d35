//! The producer of one ordered emitter, and what it reports.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use parking_lot::Mutex;
use rdkafka::ClientContext;
use rdkafka::config::{FromClientConfigAndContext as _, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::OwnedHeaders;
use rdkafka::producer::{BaseRecord, DeliveryResult, ProducerContext, ThreadedProducer};
use tokio::sync::Notify;

use super::metrics::Gauges;
use crate::client_log;
use crate::config::KafkaConfig;

/// A record's end: delivered, or why not.
pub(super) type Report = (usize, Option<RDKafkaErrorCode>);

/// Why the producer took no record.
#[derive(Debug)]
pub(super) enum Refusal {
    /// Later it may.
    Full,
    /// The record is too large.
    TooLarge,
    /// It never will again.
    Broken(String),
}

/// Reports as they come, from the producer's own thread.
struct Context {
    reports: Mutex<Vec<Report>>,
    broken: Mutex<Option<String>>,
    wake: Arc<Notify>,
    gauges: Arc<Gauges>,
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        client_log::write(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::AllBrokersDown) => self.gauges.reachable.store(false, Relaxed),
            Some(RDKafkaErrorCode::Fatal | RDKafkaErrorCode::GaplessGuarantee) => {
                *self.broken.lock() = Some(reason.to_owned());
                self.wake.notify_one();
            }
            _ => {}
        }
        tracing::debug!(%error, reason, "Kafka's producer");
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, ticket: usize) {
        let error = result
            .as_ref()
            .err()
            .map(|(error, _)| error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail));
        let first = {
            let mut reports = self.reports.lock();
            reports.push((ticket, error));
            reports.len() == 1
        };
        if first {
            self.wake.notify_one();
        }
    }
}

/// A producer that takes records in order.
pub(super) struct Producer {
    context: Arc<Context>,
    producer: ThreadedProducer<Shared>,
    /// The largest record.
    pub(super) record_bytes: usize,
}

/// The context, which the producer owns too.
struct Shared(Arc<Context>);

impl ClientContext for Shared {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.0.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.0.error(error, reason);
    }
}

impl ProducerContext for Shared {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, ticket: usize) {
        self.0.delivery(result, ticket);
    }
}

impl Producer {
    /// One for records of at most so many bytes. It connects by itself.
    pub(super) fn new(
        config: &KafkaConfig,
        record_bytes: usize,
        wake: Arc<Notify>,
        gauges: Arc<Gauges>,
    ) -> Result<Self, KafkaError> {
        let context = Arc::new(Context { reports: Mutex::default(), broken: Mutex::default(), wake, gauges });
        let shared = Shared(Arc::clone(&context));
        let producer = ThreadedProducer::from_config_and_context(&config.producer(record_bytes), shared)?;
        Ok(Self { context, producer, record_bytes })
    }

    /// Takes a record, or says why not. Never waits.
    pub(super) fn send(
        &self,
        topic: &str,
        key: &[u8],
        (value, headers): (&[u8], OwnedHeaders),
        ticket: usize,
    ) -> Result<(), Refusal> {
        let record = BaseRecord::with_opaque_to(topic, ticket).key(key).payload(value).headers(headers);
        self.producer.send(record).map_err(|(error, _)| match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::QueueFull) => Refusal::Full,
            Some(RDKafkaErrorCode::MessageSizeTooLarge) => Refusal::TooLarge,
            _ => Refusal::Broken(error.to_string()),
        })
    }

    /// Moves what was reported into `reports`.
    pub(super) fn take_reports(&self, reports: &mut Vec<Report>) {
        std::mem::swap(&mut *self.context.reports.lock(), reports);
    }

    /// Why it will take and deliver nothing any more.
    pub(super) fn broken(&self) -> Option<String> {
        self.context.broken.lock().clone()
    }
}
