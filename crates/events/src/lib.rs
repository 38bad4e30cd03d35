//! The event log on Kafka: what is committed, emitted in order, at least once.
//!
//! [`emitter::Emitter`] takes what a store has committed to Kafka. The log of messages is its outbox
//! ([`causerie_store::port::Outbox`]), so nothing is written twice and a crash loses no event: what is not known to be in
//! Kafka is read back from the log. [`record`] says what stands in Kafka, and reads it again; [`topics`] creates the
//! topics or checks that they can be relied on; [`config`] is what an operator sets.
//!
//! Promised of entries of logs (messages and membership changes): every committed one is in `PREFIX.messages` at least
//! once, under its conversation's key, and first occurrences are in the order of their positions, without a gap. Kafka
//! slow or away delays that and nothing else. Receipts and undelivered are news, not facts: only the latest of each user
//! and conversation counts, some may never be told, and those that wait when a node dies are gone.
//!
//! Kafka over TLS or SASL needs the feature `kafka-tls`, which compiles OpenSSL; without it `security.protocol` can only be
//! `plaintext`.

mod client_log;
pub mod config;
pub mod emitter;
pub mod record;
pub mod topics;

pub use config::KafkaConfig;
pub use emitter::Emitter;
