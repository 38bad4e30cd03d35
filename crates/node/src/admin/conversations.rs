//! `GET /admin/conversations`: those of a user, and one by its id.

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::response::Response;
use causerie_protocol::frame::down::{ConversationKind, HistoryAccess, Role};
use causerie_protocol::{ConversationId, Seq, Timestamp, Title, UserId};
use causerie_store::model::{ConversationRow, UserConversation};
use serde::{Deserialize, Serialize};

use super::{Refusal, Shared, lines};

/// What a conversation is.
#[derive(Serialize)]
pub(super) struct Conversation {
    conversation: ConversationId,
    kind: ConversationKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<Title>,
    created: Timestamp,
    created_by: UserId,
    /// The other user of a direct conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    with: Option<UserId>,
    /// What new members may read.
    history: HistoryAccess,
    members: u32,
}

impl Conversation {
    fn new(conversation: ConversationId, row: ConversationRow) -> Self {
        Self {
            conversation,
            kind: row.kind,
            title: row.title,
            created: Timestamp(row.created),
            created_by: row.created_by,
            with: row.with,
            history: row.history,
            members: row.member_count,
        }
    }
}

/// A conversation with a user's part in it.
#[derive(Serialize)]
pub(super) struct Membership {
    #[serde(flatten)]
    conversation: Conversation,
    role: Role,
    /// The entry that let the user in; 0 in a direct conversation.
    joined: Seq,
    /// The first position that it may read.
    first: Seq,
    /// Whether it has left or was removed.
    removed: bool,
    /// How far it has received and read.
    delivered: Seq,
    read: Seq,
}

impl From<UserConversation> for Membership {
    fn from(listed: UserConversation) -> Self {
        Self {
            conversation: Conversation::new(listed.conversation, listed.row),
            role: listed.member.role,
            joined: listed.member.join_seq,
            first: listed.member.first,
            removed: listed.removed,
            delivered: listed.cursor.delivered,
            read: listed.cursor.read,
        }
    }
}

/// Whose.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Whose {
    user: UserId,
}

/// Every conversation that a user is or was in, by id.
pub(super) async fn list(
    State(shared): State<Shared>,
    query: Result<Query<Whose>, QueryRejection>,
) -> Result<Response, Refusal> {
    let Query(Whose { user }) = query?;
    let listed = shared.chat.store().conversations_of(user).await?;
    Ok(lines::list(listed.into_iter().map(Membership::from).collect()))
}

/// One conversation and its end.
#[derive(Serialize)]
pub(super) struct WithHead {
    #[serde(flatten)]
    conversation: Conversation,
    /// The last position; 0 when nothing was written.
    head: Seq,
    /// When it was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<Timestamp>,
}

/// One conversation.
pub(super) async fn one(
    State(shared): State<Shared>,
    path: Result<Path<ConversationId>, PathRejection>,
) -> Result<Json<WithHead>, Refusal> {
    let Path(id) = path?;
    let store = shared.chat.store();
    let Some(state) = store.load(id).await? else {
        return Err(Refusal::NotFound(format!("There is no conversation {id}.")));
    };
    let head = store.heads(vec![id]).await?.pop().flatten();
    Ok(Json(WithHead {
        conversation: Conversation::new(id, state.row),
        head: head.as_ref().map(|entry| entry.seq).unwrap_or_default(),
        last: head.as_ref().map(causerie_store::Entry::time),
    }))
}
