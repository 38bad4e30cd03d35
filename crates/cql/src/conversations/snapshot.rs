//! A conversation as its tables have it now.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use causerie_protocol::{ConversationId, Seq, UserId};
use causerie_store::model::{ConversationRow, ConversationState, Cursor, MemberRow};
use causerie_store::port::ReadError;

use super::cells::{self, Positions};
use crate::error::OpenError;
use crate::projections::{BUCKETS, FIRST_BUCKET};
use crate::session::Cql;
use crate::statement::Prepared;
use crate::together::together;

/// Reads conversations.
#[derive(Debug)]
pub(super) struct Snapshots {
    cql: Arc<Cql>,
    row: Prepared,
    bucket: Prepared,
    receipts: Prepared,
}

/// What the tables say of a conversation.
#[derive(Debug, Default)]
pub(super) struct Snapshot {
    /// The last entry of the log of which everything is in here, as far as is certain; `None`: of none.
    pub(super) applied: Option<Seq>,
    row: Option<ConversationRow>,
    members: BTreeMap<UserId, MemberRow>,
    cursors: HashMap<String, Positions>,
}

type Members = Vec<(UserId, MemberRow)>;

impl Snapshots {
    pub(super) async fn prepare(cql: &Arc<Cql>) -> Result<Self, OpenError> {
        Ok(Self {
            row: cql
                .prepare_read(
                    "SELECT row, applied, spread_at FROM $data.members WHERE conv = ? AND bucket = 0 LIMIT 1",
                )
                .await?,
            bucket: cql
                .prepare_read("SELECT user, member, applied FROM $data.members WHERE conv = ? AND bucket = ?")
                .await?,
            receipts: cql
                .prepare_read("SELECT user, generation, delivered, read FROM $data.receipts WHERE conv = ?")
                .await?,
            cql: Arc::clone(cql),
        })
    }

    /// Reads it. The reads begin at once, so each may see what another does not: `applied` is the lowest that any of them
    /// saw, and of what is above it the caller has to be sure by itself.
    pub(super) async fn read(&self, conversation: ConversationId) -> Result<Snapshot, ReadError> {
        let row = self.cql.one::<(Option<Vec<u8>>, Option<i64>, Option<i64>)>(&self.row, (conversation.0,));
        let first = self.bucket(conversation, FIRST_BUCKET);
        let (row, (first, seen), cursors) = tokio::try_join!(row, first, self.cursors(conversation))?;
        let Some((row, applied, spread_at)) = row else { return Ok(Snapshot::default()) };
        let mut members: BTreeMap<_, _> = first.into_iter().collect();
        if spread_at.is_some() {
            let others = (1..=BUCKETS).map(|bucket| self.bucket(conversation, bucket));
            let others = together(others.collect()).await?;
            // Who is in both is moving from the first.
            members.extend(others.into_iter().flat_map(|(members, _)| members));
        }
        Ok(Snapshot {
            applied: seen.map_or(applied, |seen| applied.min(seen)).map(cells::seq),
            row: row.map(|row| cells::row(conversation, &row)).transpose()?,
            members,
            cursors,
        })
    }

    /// The members of one bucket, and the lowest `applied` that was seen with one of them.
    async fn bucket(
        &self,
        conversation: ConversationId,
        bucket: i32,
    ) -> Result<(Members, Option<Option<i64>>), ReadError> {
        type Row = (Option<String>, Option<Vec<u8>>, Option<i64>);
        let rows: Vec<Row> = self.cql.rows(&self.bucket, (conversation.0, bucket)).await?;
        let seen = rows.iter().map(|(.., applied)| *applied).min();
        let members = rows.into_iter().filter_map(|(user, member, _)| Some((user?, member)));
        let members = members.map(|(user, member)| {
            let user = cells::user(&user)?;
            let member = cells::member(conversation, &user, member.as_deref())?;
            Ok((user, member))
        });
        Ok((members.collect::<Result<_, ReadError>>()?, seen))
    }

    async fn cursors(&self, conversation: ConversationId) -> Result<HashMap<String, Positions>, ReadError> {
        type Row = (String, i64, Option<i64>, Option<i64>);
        let rows: Vec<Row> = self.cql.rows(&self.receipts, (conversation.0,)).await?;
        let mut cursors: HashMap<_, Positions> = HashMap::new();
        for (user, generation, delivered, read) in rows {
            cursors.entry(user).or_default().add(generation, delivered, read);
        }
        Ok(cursors)
    }
}

impl Snapshot {
    /// The conversation; `None` when there is none.
    pub(super) fn into_state(mut self) -> Option<ConversationState> {
        let row = self.row?;
        let members = self.members.into_iter().map(|(user, member)| {
            let cursor = self.cursors.remove(user.as_str()).map_or_else(Cursor::default, Positions::cursor);
            (user, member, cursor)
        });
        Some(ConversationState { row, members: members.collect() })
    }
}
