//! The store on ScyllaDB or Apache Cassandra.
//!
//! The same promises as on one machine's disk, for any number of nodes: what was acknowledged is on the disks of a
//! majority of replicas, and of two nodes that both believe to own a conversation one can append. Events are emitted to a
//! broker, so there is no event log here.
//!
//! It knows nothing of actors and sockets. Begin reading at `gate.rs`, then `owned.rs`, then [`CqlStore`].

mod base;
pub mod check;
mod codec;
pub mod config;
mod conversations;
mod error;
mod gate;
pub mod hooks;
#[cfg(test)]
mod lab;
mod life;
mod log;
mod messages;
pub mod metrics;
mod owned;
mod ownership;
mod projections;
pub mod schema;
mod session;
mod statement;
mod store;
mod timestamp;
mod tls;
mod together;
mod users;

pub use config::{CqlConfig, Credentials, Level, TlsConfig};
pub use error::OpenError;
pub use metrics::CqlMetrics;
pub use store::CqlStore;
