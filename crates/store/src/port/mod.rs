//! What a store promises, one trait a file. [`Store`] is all of them.
//!
//! Common to all:
//! - a read never returns what is not durable yet, and sees everything that was acknowledged before it began;
//! - an error says whether state was changed;
//! - a record that fails its checksum is [`ReadError::Corrupt`], never served, never skipped.

pub mod conversations;
pub mod events;
pub mod messages;
pub mod outbox;
pub mod ownership;
pub mod users;

use std::future::Future;
use std::pin::Pin;

pub use conversations::Conversations;
pub use events::Events;
pub use messages::Messages;
pub use outbox::Outbox;
pub use ownership::Ownership;
pub use users::Users;

/// A boxed future that owns what it needs, so that the traits here can be objects.
pub type Answer<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Every port of one store.
pub trait Store: Messages + Conversations + Users + Ownership {
    /// The log of events, where the store keeps one; `None` where they are emitted to a broker instead.
    fn event_log(&self) -> Option<&dyn Events>;
}

/// Why something could not be read. Reading changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// A record is damaged; the text says which. It needs an operator.
    #[error("a stored record is damaged: {0}")]
    Corrupt(String),
    /// The store cannot answer now; later it may.
    #[error("the store does not answer: {0}")]
    Unavailable(String),
}

/// Why something other than an append could not be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// Nothing was changed, and nothing will be: the disk is full, or the store is not there.
    #[error("not stored: {0}")]
    Refused(String),
    /// It may have been stored, or not. Writing the same again is safe.
    #[error("it is not known whether it was stored: {0}")]
    Unknown(String),
}
