//! Tests against real services: Cassandra, Kafka, Redis.
//!
//! Run by `cargo xtask test`, or by hand with the services that `cargo xtask services up` has started and the variables
//! that it prints. Without them each test says that it is skipped.

mod amnesia;
mod chat;
mod replicas;
mod ring;
