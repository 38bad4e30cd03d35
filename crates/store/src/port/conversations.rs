//! Conversations, their members and their cursors.

use causerie_protocol::{ConversationId, DeviceId, UserId};

use super::{Answer, ReadError, WriteError};
use crate::model::{ConversationState, Cursor, CursorUpdate, UserConversation};

/// What follows from the logs, and how far everybody is. Memberships are written by appends only.
pub trait Conversations: Send + Sync + 'static {
    /// All that an owner needs to open a conversation; `None` when there is none.
    fn load(&self, conversation: ConversationId) -> Answer<Result<Option<ConversationState>, ReadError>>;

    /// Every conversation that the user is or was in, by id.
    fn conversations_of(&self, user: UserId) -> Answer<Result<Vec<UserConversation>, ReadError>>;

    /// One conversation of the user's list; `None` when the user never was in it.
    fn conversation_of(
        &self,
        user: UserId,
        conversation: ConversationId,
    ) -> Answer<Result<Option<UserConversation>, ReadError>>;

    /// Whether two users are both members of some conversation now.
    fn share_conversation(&self, a: UserId, b: UserId) -> Answer<Result<bool, ReadError>>;

    /// Keeps cursors, in any order: the highest wins, for each device and for each user. Where the store
    /// keeps an event log, one receipt event is written for each user whose cursor rose. Durable when answered.
    fn put_cursors(&self, updates: Vec<CursorUpdate>) -> Answer<Result<(), WriteError>>;

    /// A user's cursor on each of its devices.
    fn device_cursors(
        &self,
        user: UserId,
        conversation: ConversationId,
    ) -> Answer<Result<Vec<(DeviceId, Cursor)>, ReadError>>;
}
