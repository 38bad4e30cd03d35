//! A conversation: the only one that gives out its order.
//!
//! [`state`] is what it knows, [`input`] what happens to it, [`effect`] what it wants done, [`handle`] decides; all pure.
//! [`actor`] performs. A message is admitted, deduplicated, numbered, made durable and only then told, and at most one
//! batch is under way, so that the log has no gaps.

mod actor;
mod appended;
mod away;
mod batch;
mod changes;
mod cursors;
mod dedupe;
mod deliver;
pub mod effect;
mod give_up;
pub mod handle;
pub mod input;
mod members;
mod open;
mod owner;
mod pages;
mod reads;
mod recover;
mod resend;
pub mod state;

pub use appended::Answers;
pub use input::{Change, Create, Origin, Request, SendRequest};
pub(crate) use owner::refuse_busy;
pub use owner::{ConversationHandle, Conversations};
pub use state::Conversation;

#[cfg(test)]
mod tests;
