//! How a worker is run.

use std::path::PathBuf;
use std::time::Duration;

use rdkafka::ClientConfig;

use super::error::RunError;

/// What the guarantees rest on, or what has a setting of its own here.
const FIXED: [&str; 14] = [
    "allow.auto.create.topics",
    "auto.commit.enable",
    "auto.offset.reset",
    "bootstrap.servers",
    "check.crcs",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "group.id",
    "group.instance.id",
    "group.protocol",
    "isolation.level",
    "metadata.broker.list",
    "partition.assignment.strategy",
    "session.timeout.ms",
];

/// Settings of the frame.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Brokers to begin with: `HOST:PORT`, separated by commas.
    pub brokers: String,
    /// What the topics' names and the consumer group's begin with.
    pub prefix: String,
    /// The directory that is this process's alone, for records that are set aside. The worker may keep its result beside them.
    pub dir: PathBuf,
    /// A name that this process keeps over restarts and that no other process of the group has. With it, a restart is no
    /// rebalance: the partitions, and with them what was counted, stay with this process if it is back within
    /// [`session_timeout`](Self::session_timeout).
    pub instance: Option<String>,
    /// How long the broker waits for this process before it gives its partitions to others. Brokers accept 6 s to 30 min.
    pub session_timeout: Duration,
    /// Records that are gathered at most before they are applied and committed.
    pub batch_records: usize,
    /// Bytes of keys and values that are gathered at most; one record may exceed it.
    pub batch_bytes: usize,
    /// How long a record waits for others at most.
    pub linger: Duration,
    /// Records that are fetched ahead at most, in bytes.
    pub fetched_bytes: usize,
    /// Records that may be set aside before the worker stops instead.
    pub set_aside_most: usize,
    /// The first and the longest pause when the worker's store is unavailable; each is twice the one before.
    pub pauses: (Duration, Duration),
    /// Settings of librdkafka, for what is not above: TLS, credentials. What the guarantees rest on is refused here.
    pub kafka: Vec<(String, String)>,
}

impl Settings {
    /// The settings for brokers, with `dir` as the process's own directory.
    pub fn new(brokers: impl Into<String>, dir: impl Into<PathBuf>) -> Self {
        Self {
            brokers: brokers.into(),
            prefix: "causerie".to_owned(),
            dir: dir.into(),
            instance: None,
            session_timeout: Duration::from_secs(45),
            batch_records: 4096,
            batch_bytes: 4 * 1024 * 1024,
            linger: Duration::from_millis(50),
            fetched_bytes: 16 * 1024 * 1024,
            set_aside_most: 10_000,
            pauses: (Duration::from_millis(100), Duration::from_secs(10)),
            kafka: Vec::new(),
        }
    }

    /// The consumer group of a worker.
    #[must_use]
    pub fn group(&self, worker: &str) -> String {
        format!("{}.worker.{worker}", self.prefix)
    }

    /// A topic's name at the broker.
    #[must_use]
    pub fn topic(&self, topic: &str) -> String {
        format!("{}.{topic}", self.prefix)
    }

    /// What librdkafka is told.
    pub(super) fn config(&self, worker: &str) -> Result<ClientConfig, RunError> {
        let fixed = self.kafka.iter().find(|(name, _)| FIXED.contains(&name.as_str()));
        if let Some((name, _)) = fixed {
            return Err(RunError::Fixed(name.clone()));
        }
        let mut config = ClientConfig::new();
        config
            .set("statistics.interval.ms", "1000")
            .set("topic.metadata.refresh.interval.ms", "10000")
            .set("reconnect.backoff.max.ms", "500")
            // A member hears of a rebalance at its next heartbeat: so much longer does each take.
            .set("heartbeat.interval.ms", "500")
            .set("session.timeout.ms", self.session_timeout.as_millis().to_string())
            .set("queued.max.messages.kbytes", (self.fetched_bytes / 1024).max(1).to_string());
        for (name, value) in &self.kafka {
            config.set(name, value);
        }
        if let Some(instance) = &self.instance {
            config.set("group.instance.id", instance);
        }
        config
            .set("bootstrap.servers", &self.brokers)
            .set("group.id", self.group(worker))
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            // A position that the broker does not have any more is lost records, and that is said, not passed over.
            .set("auto.offset.reset", "error")
            .set("isolation.level", "read_committed")
            .set("allow.auto.create.topics", "false")
            .set("check.crcs", "true");
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_guarantees_rest_on_is_refused_and_the_rest_is_passed_on() {
        let mut settings = Settings::new("b:1", "/nowhere");
        settings.kafka = vec![("client.id".to_owned(), "me".to_owned())];
        let config = settings.config("counts").unwrap();
        assert_eq!(config.get("client.id"), Some("me"));
        assert_eq!(config.get("group.id"), Some("causerie.worker.counts"));
        assert_eq!(config.get("enable.auto.commit"), Some("false"));
        for name in FIXED {
            settings.kafka = vec![(name.to_owned(), "x".to_owned())];
            assert!(matches!(settings.config("counts"), Err(RunError::Fixed(refused)) if refused == name));
        }
    }
}
