//! Conversations, their members, the lists of users, and cursors, as the port wants them.

mod cells;
mod cursors;
mod lists;
mod snapshot;

use std::sync::Arc;

use causerie_protocol::{ConversationId, DeviceId, UserId};
use causerie_store::model::{ConversationState, Cursor, CursorUpdate, UserConversation};
use causerie_store::port::{Answer, Conversations, ReadError, WriteError};

use crate::error::OpenError;
use crate::log::Log;
use crate::projections::Projections;
use crate::session::Cql;
use crate::store::CqlStore;
pub(crate) use cells::user as user_of;
pub(crate) use cursors::Cursors;
use lists::Lists;
use snapshot::Snapshots;

/// Everything of conversations but their logs.
#[derive(Debug)]
pub(crate) struct ConversationTables {
    projections: Arc<Projections>,
    snapshots: Snapshots,
    lists: Lists,
    pub(crate) cursors: Cursors,
}

impl ConversationTables {
    pub(crate) async fn prepare(cql: &Arc<Cql>, projections: Arc<Projections>) -> Result<Self, OpenError> {
        Ok(Self {
            projections,
            snapshots: Snapshots::prepare(cql).await?,
            lists: Lists::prepare(cql).await?,
            cursors: Cursors::prepare(cql).await?,
        })
    }

    /// Reads a conversation, and applies first what its log has and the tables have not: of the batch that was under way
    /// when its owner ended, or when the database did not answer.
    async fn load(
        &self,
        log: &Log,
        conversation: ConversationId,
    ) -> Result<Option<ConversationState>, ReadError> {
        // The log is opened while the tables are read: one round trip when all is applied.
        let (tail, mut snapshot) =
            tokio::try_join!(log.opening(conversation), self.snapshots.read(conversation))?;
        let applied = snapshot.applied.unwrap_or_default();
        let missing = log.unapplied(conversation, &tail, applied).await?;
        if !missing.is_empty() {
            for (seq, projections) in missing {
                let applied = self.projections.apply(conversation, seq, &projections).await;
                applied.map_err(|error| ReadError::Unavailable(error.to_string()))?;
            }
            snapshot = self.snapshots.read(conversation).await?;
        }
        Ok(snapshot.into_state())
    }
}

type Read<T> = Answer<Result<T, ReadError>>;

impl Conversations for CqlStore {
    fn load(&self, conversation: ConversationId) -> Read<Option<ConversationState>> {
        let (tables, log) = (Arc::clone(&self.conversations), Arc::clone(&self.log));
        Box::pin(async move { tables.load(&log, conversation).await })
    }

    fn conversations_of(&self, user: UserId) -> Read<Vec<UserConversation>> {
        let tables = Arc::clone(&self.conversations);
        Box::pin(async move { tables.lists.list(&user).await })
    }

    fn conversation_of(&self, user: UserId, conversation: ConversationId) -> Read<Option<UserConversation>> {
        let tables = Arc::clone(&self.conversations);
        Box::pin(async move { tables.lists.one(&user, conversation).await })
    }

    fn share_conversation(&self, a: UserId, b: UserId) -> Read<bool> {
        let tables = Arc::clone(&self.conversations);
        Box::pin(async move { tables.lists.shared(&a, &b).await })
    }

    fn put_cursors(&self, updates: Vec<CursorUpdate>) -> Answer<Result<(), WriteError>> {
        let tables = Arc::clone(&self.conversations);
        Box::pin(async move { tables.cursors.put(updates).await })
    }

    fn device_cursors(&self, user: UserId, conversation: ConversationId) -> Read<Vec<(DeviceId, Cursor)>> {
        let tables = Arc::clone(&self.conversations);
        Box::pin(async move { tables.lists.device_cursors(&user, conversation).await })
    }
}
