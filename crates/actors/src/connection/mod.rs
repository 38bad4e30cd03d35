//! A connection: one device of one user, and the only one that reads and writes its socket.
//!
//! [`state`] is what it knows, [`input`] what happens to it, [`effect`] what it wants done, [`handle`] decides; all pure.
//! [`actor`] performs: one wake-up reads all that is there, decides, hands on one parcel per conversation and writes once.
//! What comes back waits in the [`outbox`] and rings the bell of the [`mailbox`].

mod actor;
pub mod channel;
pub mod effect;
pub mod handle;
pub mod input;
mod mailbox;
pub mod outbox;
mod perform;
mod queries;
mod registry;
mod requests;
mod socket;
pub mod state;
pub mod transport;

pub(crate) use actor::{Entry, accept};
pub use input::End;
pub use mailbox::ConnectionHandle;
pub use outbox::{Live, OutboxLimits, Outgoing};
#[cfg(any(test, fuzzing))]
pub(crate) use queries::parse_place;
pub use registry::{Connections, SessionInfo};
pub use transport::{Incoming, Transport, TransportEnd};

#[cfg(test)]
mod tests;
