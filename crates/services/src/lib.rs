//! Real servers on loopback: Cassandra, Kafka, Redis and HAProxy as processes, without containers.
//!
//! For two users. `cargo xtask services` keeps one set of them running at fixed ports ([`Standing`]); a test that kills,
//! freezes or breaks a server starts its own, in a folder and on ports of its own ([`Cassandra`], [`Kafka`], [`Redis`],
//! [`RedisCluster`]). Both are the same code: a [`Service`] is a few [`Process`]es and a check that says when they are
//! ready.
//!
//! Guaranteed:
//! - What runs is what was pinned: jars are checked against a list of hashes before each use ([`jars`]). Servers of
//!   the distribution (Redis, HAProxy) are as trusted as the distribution.
//! - Ready means usable by a client, never that a port is open.
//! - A process is only ever signalled after its start time has been compared, so that a reused id is left alone.
//! - A test's servers end with the test's process, also when that is killed.
//!
//! Knows nothing of Causerie: no schema, no topic. No runtime either: it blocks, and is called before and beside tests,
//! never by a server. Begin reading at [`service`].

mod cassandra;
mod cql;
mod environment;
mod error;
mod guard;
mod haproxy;
mod home;
mod identity;
pub mod jars;
mod java;
mod kafka;
mod ports;
mod process;
mod redis;
mod scratch;
pub mod service;
mod standing;
mod wait;

pub use cassandra::{Cassandra, CassandraPlan, CommitLog};
pub use environment::{addresses, may_start};
pub use error::ServiceError;
pub use haproxy::{Haproxy, HaproxyPlan};
pub use home::Home;
pub use identity::Identity;
pub use java::find as find_java;
pub use kafka::{Kafka, KafkaPlan};
pub use ports::Ports;
pub use process::{Lifetime, Process, Started};
pub use redis::{Redis, RedisCluster, RedisClusterPlan, RedisPlan};
pub use scratch::Scratch;
pub use service::Service;
pub use standing::Standing;
