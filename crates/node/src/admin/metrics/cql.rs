//! What the store in a database counts.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use causerie_cql::CqlStore;
use causerie_cql::metrics::Histogram;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

use super::{count, histogram_of};

/// Reads the counters of a store when it is asked.
#[derive(Debug)]
pub(super) struct Cql(pub(super) Arc<CqlStore>);

impl Collector for Cql {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> std::fmt::Result {
        let metrics = self.0.metrics();
        let counters = [
            ("batches", "Batches made durable.", &metrics.batches),
            ("entries", "Entries made durable.", &metrics.entries),
            ("refused", "Appends refused.", &metrics.refused),
            ("unknown", "Appends whose outcome was unknown when they were answered.", &metrics.unknown),
            ("rows_read", "Rows read.", &metrics.rows_read),
            ("reads_failed", "Reads that failed.", &metrics.reads_failed),
            ("writes_failed", "Writes that failed, once for each attempt.", &metrics.writes_failed),
            ("repetitions", "Writes sent again.", &metrics.repetitions),
            ("gate_passes", "What passed the fence gate.", &metrics.gate_passes),
            ("renewals_failed", "Renewals of the lease that failed.", &metrics.renewals_failed),
        ];
        for (name, help, value) in counters {
            count(&mut encoder, name, help, value.load(Relaxed))?;
        }
        let histograms = [
            ("append_duration", "Appends, from the chat and back.", &metrics.appends),
            ("read_duration", "Requests of reads.", &metrics.reads),
            ("write_duration", "Requests of writes.", &metrics.writes),
            ("conditional_duration", "Requests of conditional writes.", &metrics.conditionals),
            ("gate_duration", "Reads of the fence.", &metrics.gate_reads),
        ];
        for (name, help, histogram) in histograms {
            let unit = Some(&Unit::Seconds);
            let descriptor = encoder.encode_descriptor(name, help, unit, MetricType::Histogram)?;
            histogram_of(descriptor, &Histogram::BOUNDS_MICROS, &histogram.counts(), histogram.sum_micros())?;
        }
        Ok(())
    }
}
