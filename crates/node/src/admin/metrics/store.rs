//! What the embedded store counts.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use causerie_store::fjall::FjallStore;
use causerie_store::fjall::metrics::Histogram;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::registry::Unit;

use super::{Reading, histogram_of};

/// Reads the counters of a store when it is asked.
#[derive(Debug)]
pub(super) struct Store(pub(super) Arc<FjallStore>);

impl Collector for Store {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> std::fmt::Result {
        let metrics = self.0.metrics();
        let mut count = |name, help, unit: Option<&Unit>, value| {
            let counter = ConstCounter::<u64>::new(value);
            counter.encode(encoder.encode_descriptor(name, help, unit, counter.metric_type())?)
        };
        count("appends", "Batches made durable.", None, metrics.appends.load(Relaxed))?;
        count("entries", "Entries made durable.", None, metrics.entries.load(Relaxed))?;
        count("refused", "Appends and writes refused.", None, metrics.refused.load(Relaxed))?;
        count("reads_refused", "Reads refused.", None, metrics.reads_refused.load(Relaxed))?;
        count("written", "Keys and values written.", Some(&Unit::Bytes), metrics.bytes.load(Relaxed))?;
        let queue =
            ("commit_queue", "Appends and writes that wait for the committer.", None, &metrics.queue_depth);
        let free = ("disk_free", "Space left on the disk.", Some(Unit::Bytes), &metrics.disk_free);
        for (name, help, unit, value) in [queue, free] {
            Reading { name, help, unit, value: value.load(Relaxed) as f64 }.gauge(&mut encoder)?;
        }
        let (help, unit) = ("Writing and syncing a group.", Some(&Unit::Seconds));
        let histogram = encoder.encode_descriptor("sync_duration", help, unit, MetricType::Histogram)?;
        histogram_of(
            histogram,
            &Histogram::BOUNDS_MICROS,
            &metrics.syncs.counts(),
            metrics.syncs.sum_micros(),
        )
    }
}
