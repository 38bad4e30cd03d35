//! `[kafka]`

use super::kind::{list, number, optional, text};
use super::section::section;

section! {
    /// The event log on Kafka, for `store.backend = "cql"`. docs/kafka.md says what is in the topics.
    Kafka = "kafka" {
        /// Brokers to begin with, as `host:port,host:port`. Not set: no events are emitted.
        bootstrap_servers: Option<String> = None, optional(text());
        /// What the names of all topics begin with, before a dot.
        topic_prefix: String = "causerie".to_owned(), text();
        /// Partitions of topics that are made.
        partitions: u16 = 12, number(1..=10_000);
        /// Replicas of topics that are made, and the least that topics may have. One is for trying out only.
        replication: u16 = 3, number(1..=16);
        /// Replicas that have a record before it counts (`min.insync.replicas`).
        min_insync: u16 = 2, number(1..=16);
        /// Further properties of the client library librdkafka, each as `name=value`.
        properties: Vec<String> = Vec::new(), list(text());
    }
}
