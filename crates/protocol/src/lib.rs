//! The words of Causerie: identities, positions, limits, client frames and errors.
//!
//! This crate knows what is said, not how it travels: it does no I/O, asks no clock and has no runtime in it.
//! Everything here is parsed once into a type that cannot be wrong, so the crates above never check twice.
//!
//! Start with [`frame::up`] (what a client says), then [`frame::down`] (what it hears), then [`id`].

pub mod body;
pub mod frame;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
#[cfg(any(test, feature = "schema"))]
pub mod golden;
pub mod id;
pub mod kept;
pub mod limits;
#[cfg(feature = "schema")]
pub mod schema;
pub mod snowflake;
pub mod text;
pub mod time;
pub mod wire;

pub use body::Body;
pub use frame::{Down, Up};
pub use id::{ClientMessageId, ConversationId, MessageId, RequestId, Seq};
pub use text::{DeviceId, Title, UserId};
pub use time::{Clock, SystemClock, Timestamp};

/// The WebSocket subprotocol of these frames.
pub const SUBPROTOCOL: &str = "causerie.v1";
