//! What an operator sets.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::ClientConfig;

use crate::topics::TopicNames;

/// How to reach Kafka, and what its topics are to be.
#[derive(Clone, Debug)]
pub struct KafkaConfig {
    /// Where to begin, as `host:port,host:port`.
    pub bootstrap_servers: String,
    /// What the names of the topics begin with: `PREFIX.messages` and so on.
    pub topic_prefix: String,
    /// Partitions of a topic that is created. Adding some later breaks the order of a conversation at that moment.
    pub partitions: u16,
    /// Replicas of a topic that is created, and the fewest of one that exists. 1 is for development: then one lost disk
    /// loses events.
    pub replication: u16,
    /// `min.insync.replicas` of a topic that is created, and the least of one that exists.
    pub min_insync: u16,
    /// Further properties of librdkafka, for all clients: credentials, timings. Those on which a promise rests are refused.
    pub properties: BTreeMap<String, String>,
    /// How much there may be at a time.
    pub limits: Limits,
}

/// Bounds and rhythms of emitting. Each holds for one of the ordered emitters.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Ordered emitters, each for an equal part of the shards, with a producer and bounds of its own. One takes some
    /// hundred thousand records a second.
    pub emitters: usize,
    /// Bytes of committed entries that wait; what does not fit is read back from the log.
    pub buffered_bytes: usize,
    /// Records that the producer has, and their bytes.
    pub in_flight: usize,
    /// See `in_flight`.
    pub in_flight_bytes: usize,
    /// Conversations that are followed at a time, at about 300 bytes each; others are found by their marks later.
    pub conversations: usize,
    /// Receipts that wait for Kafka, and as many undelivered.
    pub latest: usize,
    /// How often emit cursors are written. A crash emits again what was emitted since.
    pub cursor_interval: Duration,
    /// A conversation that was silent for so long loses its mark.
    pub idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            emitters: 1,
            buffered_bytes: 32 << 20,
            in_flight: 50_000,
            in_flight_bytes: 32 << 20,
            conversations: 100_000,
            latest: 65_536,
            cursor_interval: Duration::from_secs(5),
            idle: Duration::from_secs(60),
        }
    }
}

/// A setting that cannot be followed. Nothing was begun.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A number or a name outside of its range.
    #[error("{setting} {rule}")]
    Range {
        /// Which.
        setting: &'static str,
        /// What it is to be.
        rule: &'static str,
    },
    /// A property that is not the operator's to set.
    #[error("the property {0} is set by the server: a promise rests on it")]
    Fixed(String),
    /// librdkafka does not take the properties.
    #[error("the properties of Kafka's client: {0}")]
    Client(String),
}

/// Properties on which order, completeness or a bound rests.
const FIXED: [&str; 20] = [
    "acks",
    "bootstrap.servers",
    "metadata.broker.list",
    "delivery.timeout.ms",
    "enable.gapless.guarantee",
    "enable.idempotence",
    "max.in.flight",
    "max.in.flight.requests.per.connection",
    "message.max.bytes",
    "message.send.max.retries",
    "message.timeout.ms",
    "msg_order_cmp",
    "partitioner",
    "queue.buffering.max.kbytes",
    "queue.buffering.max.messages",
    "queuing.strategy",
    "request.required.acks",
    "retries",
    "transaction.timeout.ms",
    "transactional.id",
];

impl KafkaConfig {
    /// These servers and this prefix; topics of 12 partitions, 3 replicas, 2 of them in sync.
    pub fn new(bootstrap_servers: impl Into<String>, topic_prefix: impl Into<String>) -> Self {
        Self {
            bootstrap_servers: bootstrap_servers.into(),
            topic_prefix: topic_prefix.into(),
            partitions: 12,
            replication: 3,
            min_insync: 2,
            properties: BTreeMap::new(),
            limits: Limits::default(),
        }
    }

    /// Checks what can be checked without Kafka.
    ///
    /// # Errors
    /// [`ConfigError`] names the setting.
    pub fn check(&self) -> Result<(), ConfigError> {
        let prefix = &self.topic_prefix;
        let named = !prefix.is_empty()
            && prefix.len() <= 200
            && prefix.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        let limits = &self.limits;
        let rules = [
            (!self.bootstrap_servers.is_empty(), "bootstrap_servers", "names a server as host:port"),
            (named, "topic_prefix", "has 1 to 200 of the characters a-z A-Z 0-9 . _ -"),
            (self.partitions > 0, "partitions", "is at least 1"),
            (self.replication > 0, "replication", "is at least 1"),
            (
                (1..=self.replication).contains(&self.min_insync),
                "min_insync",
                "is at least 1 and at most the replication",
            ),
            ((1..=64).contains(&limits.emitters), "emitters", "is 1 to 64"),
            (limits.buffered_bytes >= 1 << 16, "buffered_bytes", "is at least 64 KiB"),
            ((1..=1_000_000).contains(&limits.in_flight), "in_flight", "is 1 to 1,000,000"),
            ((1 << 16..=1 << 30).contains(&limits.in_flight_bytes), "in_flight_bytes", "is 64 KiB to 1 GiB"),
            (limits.conversations >= 1024, "conversations", "is at least 1,024"),
            (limits.latest > 0, "latest", "is at least 1"),
        ];
        if let Some((_, setting, rule)) = rules.into_iter().find(|(kept, ..)| !kept) {
            return Err(ConfigError::Range { setting, rule });
        }
        match self.properties.keys().find(|key| FIXED.contains(&key.as_str())) {
            Some(key) => Err(ConfigError::Fixed(key.clone())),
            None => Ok(()),
        }
    }

    /// The topics' names.
    pub fn topics(&self) -> TopicNames {
        TopicNames::new(&self.topic_prefix)
    }

    /// What every client of Kafka is told, consumers too.
    pub fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        client.set("client.id", "causerie");
        client.set("reconnect.backoff.ms", "100");
        client.set("reconnect.backoff.max.ms", "500");
        client.set("socket.keepalive.enable", "true");
        for (key, value) in &self.properties {
            client.set(key, value);
        }
        client.set("bootstrap.servers", &self.bootstrap_servers);
        client
    }

    /// What a producer is told: records of at most so many bytes, in order, acknowledged by all replicas in sync, kept
    /// until they are, and after a failure nothing more.
    pub(crate) fn producer(&self, record_bytes: usize) -> ClientConfig {
        let mut client = self.client();
        if !self.properties.contains_key("compression.type")
            && !self.properties.contains_key("compression.codec")
        {
            client.set("compression.type", "lz4");
        }
        let limits = &self.limits;
        // Room above our own bounds, so that it is them that hold.
        let kbytes = (limits.in_flight_bytes / 1024 + record_bytes / 1024) * 2;
        client.set("enable.idempotence", "true");
        client.set("enable.gapless.guarantee", "true");
        client.set("acks", "all");
        client.set("message.timeout.ms", "0");
        client.set("partitioner", "murmur2_random");
        client.set("message.max.bytes", record_bytes.to_string());
        client.set("queue.buffering.max.messages", (limits.in_flight * 2).to_string());
        client.set("queue.buffering.max.kbytes", kbytes.to_string());
        client
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_followed_is_named() {
        let good = KafkaConfig::new("localhost:9092", "causerie");
        assert_eq!(good.check(), Ok(()));
        let with = |change: fn(&mut KafkaConfig)| {
            let mut config = good.clone();
            change(&mut config);
            config.check().unwrap_err().to_string()
        };
        assert_eq!(
            with(|config| config.min_insync = 4),
            "min_insync is at least 1 and at most the replication"
        );
        assert!(with(|config| config.topic_prefix = "a b".into()).starts_with("topic_prefix"));
        let fixed = with(|config| drop(config.properties.insert("acks".into(), "1".into())));
        assert_eq!(fixed, "the property acks is set by the server: a promise rests on it");
    }

    #[test]
    fn what_a_promise_rests_on_is_in_the_producers_properties() {
        let producer = KafkaConfig::new("localhost:9092", "causerie").producer(1_000_000);
        for (key, value) in [
            ("enable.idempotence", "true"),
            ("enable.gapless.guarantee", "true"),
            ("acks", "all"),
            ("message.timeout.ms", "0"),
            ("partitioner", "murmur2_random"),
            ("compression.type", "lz4"),
            ("reconnect.backoff.max.ms", "500"),
        ] {
            assert_eq!(producer.get(key), Some(value), "{key}");
        }
        assert!(producer.create_native_config().is_ok());
    }
}
