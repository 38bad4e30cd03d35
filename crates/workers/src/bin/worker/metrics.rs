//! A worker's progress in the OpenMetrics text format.

use std::fmt;

use causerie_workers::{Snapshot, State};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

type Labels = Vec<(&'static str, String)>;

/// The numbers of one moment.
pub(crate) fn text(now: &Snapshot) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix("causerie_worker");
    let mut count = |name, help, value: u64| {
        let counter = Counter::<u64>::default();
        counter.inc_by(value);
        registry.register(name, help, counter);
    };
    count("records", "Records whose effect was committed", now.records);
    count("set_aside", "Records that were set aside", now.set_aside);
    count("commits", "Commits of the worker's store", now.commits);
    count("retries", "Times that the worker's store was unavailable", now.retries);
    let running = Gauge::<i64>::default();
    running.set(i64::from(now.state == State::Running));
    registry.register("running", "1 when it reads, 0 when it waits for the group or for its store", running);
    let (positions, lags) = (Family::<Labels, Gauge>::default(), Family::<Labels, Gauge>::default());
    for (partition, reached) in &now.partitions {
        let labels = vec![("topic", partition.topic.clone()), ("partition", partition.number.to_string())];
        positions.get_or_create(&labels).set(reached.position);
        if reached.end.is_some() {
            lags.get_or_create(&labels).set(i64::try_from(reached.lag()).unwrap_or(i64::MAX));
        }
    }
    registry.register("position", "The offset of the first record that is not in the result", positions);
    registry.register("lag", "Records at the broker that are not in the result", lags);
    let mut text = String::new();
    encode(&mut text, &registry)?;
    Ok(text)
}
