//! What a client decides, without a socket, a clock or chance of its own.
//!
//! [`Session::handle`] takes an [`Input`] and answers with the [`Effect`]s to perform, in order; [`Session::deadline`]
//! says when to come back with [`Input::Tick`] at the latest. The same inputs give the same effects.
//!
//! Guaranteed: the application gets each message of a conversation once, rising by seq, from its position on, with no
//! gap but those of its membership; every send ends in exactly one outcome; nothing is kept without a bound.
//! Not guaranteed: that a receipt or a presence reaches an application that does not listen; it is told so.
//! Recovery: a lost connection is dialled again where the options say so; then unanswered sends go out again under
//! their ids, and every conversation is synced from its position.

mod connection;
mod effect;
mod follow;
mod handle;
mod input;
mod marks;
mod options;
mod outbox;
mod requests;
mod state;
mod stream;

pub use effect::{Effect, Ended, Event, LinkId};
pub use input::{At, Input, Ticket};
pub use options::{Options, Start};
pub use state::Session;
