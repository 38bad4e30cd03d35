//! What the emitter of events counts.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use causerie_events::Emitter;
use causerie_events::emitter::Health;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::registry::Unit;

use super::{Reading, count};

/// Reads the counters of an emitter when it is asked.
#[derive(Debug)]
pub(super) struct Emitting(pub(super) Arc<Emitter>);

impl Collector for Emitting {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> std::fmt::Result {
        let (metrics, lag) = (self.0.metrics(), self.0.lag());
        let counters = [
            ("delivered", "Records that Kafka has acknowledged.", &metrics.delivered),
            ("read_back", "Entries read back from the log.", &metrics.read_back),
            ("restarts", "Times that a producer was given up.", &metrics.restarts),
            ("oversize", "Entries too large for their topic, emitted without bodies.", &metrics.oversize),
            ("dropped", "Receipts and notices dropped because too many waited.", &metrics.dropped),
            ("store_errors", "Questions to the store that failed and are repeated.", &metrics.store_errors),
        ];
        for (name, help, value) in counters {
            count(&mut encoder, name, help, value.load(Relaxed))?;
        }
        let good = f64::from(u8::from(self.0.health() == Health::Good));
        let (seconds, bytes) = (Some(Unit::Seconds), Some(Unit::Bytes));
        let gauges = [
            ("up", "1 while Kafka takes events.", None, good),
            ("lag_entries", "Committed entries that Kafka has not acknowledged.", None, lag.records as f64),
            ("lag", "The age of the oldest of them.", seconds, lag.seconds),
            ("buffered", "Entries that wait in memory.", bytes.clone(), lag.buffered_bytes as f64),
            ("in_flight", "Records on their way to Kafka.", bytes, lag.in_flight_bytes as f64),
        ];
        for (name, help, unit, value) in gauges {
            Reading { name, help, unit, value }.gauge(&mut encoder)?;
        }
        Ok(())
    }
}
