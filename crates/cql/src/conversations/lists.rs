//! The conversations of a user.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use causerie_protocol::{ConversationId, DeviceId, UserId};
use causerie_store::model::{Cursor, MemberRow, UserConversation};
use causerie_store::port::ReadError;
use uuid::Uuid;

use super::cells::{self, Positions};
use crate::error::OpenError;
use crate::session::Cql;
use crate::statement::Prepared;
use crate::together::together;

/// Reads lists.
#[derive(Debug)]
pub(super) struct Lists {
    cql: Arc<Cql>,
    list: Prepared,
    listed: Prepared,
    row: Prepared,
    members: Prepared,
    cursors: Prepared,
    cursors_in: Prepared,
}

/// The columns of a row of a list.
type Columns = (Uuid, Option<Vec<u8>>, Option<i64>, Option<i64>);

/// A row of a list: the last membership, and whether it has ended.
struct Listed {
    member: MemberRow,
    removed: bool,
}

impl Lists {
    pub(super) async fn prepare(cql: &Arc<Cql>) -> Result<Self, OpenError> {
        let read = async |text: &str| cql.prepare_read(text).await;
        let list = "SELECT conv, member, joined, ended FROM $data.user_conversations WHERE user = ?";
        Ok(Self {
            list: read(list).await?,
            listed: read(&format!("{list} AND conv = ?")).await?,
            row: read("SELECT row FROM $data.members WHERE conv = ? AND bucket = 0 LIMIT 1").await?,
            members: read("SELECT user FROM $data.members WHERE conv = ? AND bucket = 0 AND user IN ?")
                .await?,
            cursors: read("SELECT conv, generation, delivered, read FROM $data.cursors WHERE user = ?")
                .await?,
            cursors_in: read(
                "SELECT device, generation, delivered, read FROM $data.cursors WHERE user = ? AND conv = ?",
            )
            .await?,
            cql: Arc::clone(cql),
        })
    }

    /// Every conversation that the user is or was in, by id.
    pub(super) async fn list(&self, user: &UserId) -> Result<Vec<UserConversation>, ReadError> {
        let (listed, mut cursors) = tokio::try_join!(self.listed(user), self.cursors(user))?;
        let rows = listed.into_iter().map(|(conversation, listed)| {
            let cursor = cursors.remove(&conversation).unwrap_or_default().cursor();
            self.complete(conversation, listed, cursor)
        });
        together(rows.collect()).await
    }

    /// One conversation of the list.
    pub(super) async fn one(
        &self,
        user: &UserId,
        conversation: ConversationId,
    ) -> Result<Option<UserConversation>, ReadError> {
        let row = self.cql.one::<Columns>(&self.listed, (user.as_str(), conversation.0));
        let (row, cursors) = tokio::try_join!(row, self.device_cursors(user, conversation))?;
        let Some((_, listed)) = row.map(|row| listed(user, row)).transpose()?.flatten() else {
            return Ok(None);
        };
        let cursor = cursors.into_iter().map(|(_, cursor)| cursor).fold(Cursor::default(), Cursor::max);
        self.complete(conversation, listed, cursor).await.map(Some)
    }

    /// Whether two users are members of one conversation now.
    pub(super) async fn shared(&self, a: &UserId, b: &UserId) -> Result<bool, ReadError> {
        let direct = ConversationId::direct(a, b);
        let both: Vec<(String,)> =
            self.cql.rows(&self.members, (direct.0, vec![a.as_str(), b.as_str()])).await?;
        if both.len() == 2 {
            return Ok(true);
        }
        let (of_a, of_b) = tokio::try_join!(self.current(a), self.current(b))?;
        Ok(!of_a.is_disjoint(&of_b))
    }

    /// A user's cursor on each of its devices, by device.
    pub(super) async fn device_cursors(
        &self,
        user: &UserId,
        conversation: ConversationId,
    ) -> Result<Vec<(DeviceId, Cursor)>, ReadError> {
        type Row = (String, i64, Option<i64>, Option<i64>);
        let rows: Vec<Row> = self.cql.rows(&self.cursors_in, (user.as_str(), conversation.0)).await?;
        let last = rows.iter().map(|(_, generation, ..)| *generation).max();
        let rows = rows.into_iter().filter(|(_, generation, ..)| Some(*generation) == last);
        rows.map(|(device, generation, delivered, read)| {
            let mut positions = Positions::default();
            positions.add(generation, delivered, read);
            Ok((cells::device(&device)?, positions.cursor()))
        })
        .collect()
    }

    async fn current(&self, user: &UserId) -> Result<BTreeSet<ConversationId>, ReadError> {
        let listed = self.listed(user).await?;
        Ok(listed.into_iter().filter(|(_, listed)| !listed.removed).map(|(id, _)| id).collect())
    }

    async fn listed(&self, user: &UserId) -> Result<BTreeMap<ConversationId, Listed>, ReadError> {
        let rows: Vec<Columns> = self.cql.rows(&self.list, (user.as_str(),)).await?;
        rows.into_iter().filter_map(|row| listed(user, row).transpose()).collect()
    }

    async fn cursors(&self, user: &UserId) -> Result<BTreeMap<ConversationId, Positions>, ReadError> {
        let rows: Vec<(Uuid, i64, Option<i64>, Option<i64>)> =
            self.cql.rows(&self.cursors, (user.as_str(),)).await?;
        let mut cursors: BTreeMap<_, Positions> = BTreeMap::new();
        for (conversation, generation, delivered, read) in rows {
            cursors.entry(ConversationId(conversation)).or_default().add(generation, delivered, read);
        }
        Ok(cursors)
    }

    /// Adds what the conversation is. A list is written after it, so it is there.
    async fn complete(
        &self,
        conversation: ConversationId,
        Listed { member, removed }: Listed,
        cursor: Cursor,
    ) -> Result<UserConversation, ReadError> {
        let row = self.cql.one::<(Option<Vec<u8>>,)>(&self.row, (conversation.0,)).await?;
        let row = row.and_then(|(row,)| row).ok_or_else(|| {
            ReadError::Corrupt(format!("conversation {conversation} is in a list and is not there"))
        })?;
        let row = cells::row(conversation, &row)?;
        Ok(UserConversation { conversation, row, member, removed, cursor })
    }
}

/// What a row of a list says; `None` for one that only says that a membership ended which never began.
fn listed(
    user: &UserId,
    (conversation, member, joined, ended): Columns,
) -> Result<Option<(ConversationId, Listed)>, ReadError> {
    let conversation = ConversationId(conversation);
    let Some(joined) = joined else { return Ok(None) };
    let member = cells::member(conversation, user, member.as_deref())?;
    Ok(Some((conversation, Listed { member, removed: ended.is_some_and(|ended| ended > joined) })))
}
