//! What can be wrong with Redis.

use std::path::PathBuf;

/// Why a mirror or a cache cannot be started. Nothing is running then. A Redis that is not there is no reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedisError {
    /// An address is not `host:port`.
    #[error("`{0}` is no address of a Redis: `host:port` is one")]
    Address(String),
    /// No address, or several of what is not a cluster.
    #[error("a single Redis has one address, a cluster one or more; there are {0}")]
    Addresses(usize),
    /// A certificate or key cannot be used.
    #[error("{path}: {problem}", path = path.display())]
    Tls {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The driver does not take the settings.
    #[error("the settings of Redis are not usable: {0}")]
    Settings(String),
}

/// Why a command has no answer. Whether it was carried out is not known: it may be carried out yet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum CallError {
    /// Redis has refused it, and has done nothing.
    #[error("Redis refuses: {0}")]
    Refused(String),
    /// Redis could not be asked, or did not answer in time.
    #[error("Redis does not answer: {0}")]
    Away(String),
}
