//! Sockets: accepting them, finding out what they want, and carrying frames.
//!
//! One port serves the page, the HTTP API and the WebSocket: the request head is read within a bound, then the
//! connection goes to the one or the other, and no byte is lost between. [`websocket`] is the transport that the
//! connection actor polls; it keeps no buffers of its own while idle.

mod accept;
#[cfg(test)]
mod conformance;
mod door;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod handshake;
mod head;
pub(crate) mod metrics;
mod prefixed;
pub(crate) mod websocket;

pub(crate) use accept::{Gateway, Origins, is_loopback};
