//! What is kept, as values.

mod batch;
mod conversation;
mod cursor;
mod entry;
mod event;
mod shard;
mod user;

pub use batch::{Batch, BatchError, Epoch, Projection};
pub use conversation::{ConversationRow, ConversationState, MemberRow, UserConversation};
pub use cursor::{Cursor, CursorUpdate};
pub use entry::Entry;
pub use event::{Event, EventBody, EventPosition};
pub use shard::Shard;
pub use user::{Profile, Revocation};
