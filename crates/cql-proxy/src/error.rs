//! What goes wrong in the proxy itself.

/// Why the proxy could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyError {
    /// No socket to listen on, or no such address.
    #[error("the proxy cannot listen or reach its server: {0}")]
    Io(#[from] std::io::Error),
    /// A frame that this proxy does not understand; its connection has ended.
    #[error("not a frame of CQL version 4: {0}")]
    Malformed(&'static str),
    /// The fault that a test waited for did not happen.
    #[error("{rule} took effect {seen} times within 30 s, not {wanted}")]
    NoEffect {
        /// The rule: what it picks and what it does.
        rule: String,
        /// How often it should have.
        wanted: u64,
        /// How often it did.
        seen: u64,
    },
}
