//! What follows from the logs: conversations, their members and the lists of users, written as the logs say.
//!
//! The log is the truth: the last entry of a batch carries the batch's projections, and they are applied *after* it is
//! committed and *before* it is answered. Everything is written with the position of that entry as its timestamp. So it
//! may be applied twice, late, and by an owner that was replaced meanwhile: a later change always wins, and the same
//! change is the same writes.
//!
//! Guaranteed: when `applied` of a conversation says n, all that follows from entries up to n is written; a batch that is
//! answered is applied; whoever loads a conversation applies first what its log has above `applied`. Not guaranteed: that
//! the tables of different partitions change at one moment. A reader between them may see a user's list before the
//! members or the other way round, of a batch that nobody was told of yet.

mod fold;
mod steps;

use std::collections::BTreeMap;
use std::sync::Arc;

use causerie_protocol::{ConversationId, Seq, UserId};
use causerie_store::model::{ConversationRow, MemberRow, Projection};
use causerie_store::port::{ReadError, WriteError};
use xxhash_rust::xxh3::xxh3_64;

use crate::codec::{Cell, ConversationRecord, MemberRecord, TooLarge, seal};
use crate::error::OpenError;
use crate::session::Cql;
use crate::statement::Prepared;
use crate::together::together;

pub(crate) use fold::Position;
use fold::{Change, Folded};
pub(crate) use steps::Steps;

/// Where all members of a group are that never had more than [`ONE_BUCKET`], and all static columns.
pub(crate) const FIRST_BUCKET: i32 = 0;

/// The most members of a group whose new members go to the first bucket.
const ONE_BUCKET: u32 = 10_000;

/// The other buckets: 1 to so many.
pub(crate) const BUCKETS: i32 = 256;

/// Users whose writes are put together at once.
const USERS: usize = 1_024;

/// Applies projections.
#[derive(Debug)]
pub(crate) struct Projections {
    cql: Arc<Cql>,
    layout: Prepared,
    set_row: Prepared,
    set_applied: Prepared,
    set_spread: Prepared,
    put_member: Prepared,
    delete_member: Prepared,
    list_joined: Prepared,
    list_ended: Prepared,
    forget_cursors: Prepared,
    forget_receipts: Prepared,
    begin_generation: Prepared,
}

/// Where the members of a conversation are.
#[derive(Clone, Copy, Debug, Default)]
struct Layout {
    /// Whether anything is written of it.
    known: bool,
    /// Since when members go to the buckets above the first.
    spread_at: Option<i64>,
}

/// The generation of cursors that begins with the end of a membership. There is room between two for those that begin
/// with an erasure.
pub(crate) fn generation(ended: Position) -> i64 {
    ended.0 << 16
}

/// Where a member is, once its conversation is spread.
pub(crate) fn bucket_of(user: &UserId) -> i32 {
    1 + i32::from(xxh3_64(user.as_str().as_bytes()).to_le_bytes()[0])
}

/// The place of a membership, as its checksum knows it.
pub(crate) fn member_key(conversation: ConversationId, user: &UserId) -> Vec<u8> {
    [conversation.as_bytes(), user.as_str().as_bytes()].concat()
}

impl Projections {
    pub(crate) async fn prepare(cql: &Arc<Cql>) -> Result<Self, OpenError> {
        let set = |column: &str| {
            format!("UPDATE $data.members USING TIMESTAMP ? SET {column} = ? WHERE conv = ? AND bucket = 0")
        };
        let write = async |text: &str| cql.prepare_write(text).await;
        Ok(Self {
            layout: cql
                .prepare_read(
                    "SELECT applied, spread_at FROM $data.members WHERE conv = ? AND bucket = 0 LIMIT 1",
                )
                .await?,
            set_row: write(&set("row")).await?,
            set_applied: write(&set("applied")).await?,
            set_spread: write(&set("spread_at")).await?,
            put_member: write(
                "INSERT INTO $data.members (conv, bucket, user, member) VALUES (?, ?, ?, ?) USING TIMESTAMP ?",
            )
            .await?,
            delete_member: write(
                "DELETE FROM $data.members USING TIMESTAMP ? WHERE conv = ? AND bucket = ? AND user = ?",
            )
            .await?,
            list_joined: write(
                "UPDATE $data.user_conversations USING TIMESTAMP ? SET member = ?, joined = ? \
                 WHERE user = ? AND conv = ?",
            )
            .await?,
            list_ended: write(
                "UPDATE $data.user_conversations USING TIMESTAMP ? SET ended = ? WHERE user = ? AND conv = ?",
            )
            .await?,
            forget_cursors: write(
                "DELETE FROM $data.cursors USING TIMESTAMP ? WHERE user = ? AND conv = ? AND generation < ?",
            )
            .await?,
            forget_receipts: write(
                "DELETE FROM $data.receipts USING TIMESTAMP ? WHERE conv = ? AND user = ? AND generation < ?",
            )
            .await?,
            begin_generation: write(
                "INSERT INTO $data.receipts (conv, user, generation) VALUES (?, ?, ?) USING TIMESTAMP ?",
            )
            .await?,
            cql: Arc::clone(cql),
        })
    }

    /// Writes what follows from a batch whose last entry is at `seq`; 0 for a batch that begins a conversation without an
    /// entry. Only of a committed batch, and of batches of one conversation one after the other, in their order.
    ///
    /// # Errors
    /// Some of it may be written. The same again is safe, also much later.
    pub(crate) async fn apply(
        &self,
        conversation: ConversationId,
        seq: Seq,
        projections: &[Projection],
    ) -> Result<(), WriteError> {
        if projections.is_empty() {
            return Ok(());
        }
        let refused = |what: &str| WriteError::Refused(what.to_owned());
        let at = Position::of(seq).ok_or_else(|| refused("a position above every timestamp"))?;
        let folded = Folded::of(projections);
        let layout = self.layout(conversation, at).await.map_err(|error| refused(&error.to_string()))?;
        let row = folded.row.as_ref().map(|row| sealed_row(conversation, row)).transpose()?;
        // First what it is: a list names no conversation that cannot be described.
        if let Some(row) = row.as_ref().filter(|_| !layout.known) {
            self.cql.write(&self.set_row, (at.0, row, conversation.0)).await?;
        }
        let grows = folded.row.as_ref().is_some_and(|row| row.member_count > ONE_BUCKET);
        let spread_at = layout.spread_at.or_else(|| grows.then_some(at.0));
        self.write_users(conversation, at, &folded.users).await?;
        self.forget(conversation, at, &folded.users).await?;
        if spread_at.is_some() {
            self.write_buckets(conversation, at, &folded.users).await?;
        }
        // Last the first bucket, and in its last mutation how far the log is in the tables.
        let mut first = self.first_bucket(conversation, at, &folded.users, spread_at)?;
        if let Some(row) = row {
            first.push(&self.set_row, (at.0, row, conversation.0));
        }
        if let Some(since) = spread_at.filter(|_| layout.spread_at.is_none()) {
            first.push(&self.set_spread, (at.0, since, conversation.0));
        }
        first.push(&self.set_applied, (at.0, at.0, conversation.0));
        first.send(&self.cql).await
    }

    async fn layout(&self, conversation: ConversationId, at: Position) -> Result<Layout, ReadError> {
        if at.0 <= 1 {
            return Ok(Layout::default());
        }
        let found = self.cql.one::<(Option<i64>, Option<i64>)>(&self.layout, (conversation.0,)).await?;
        let (applied, spread_at) = found.unwrap_or_default();
        Ok(Layout { known: applied.is_some(), spread_at })
    }

    /// The lists, and the cursors by user: one partition a user.
    async fn write_users(
        &self,
        conversation: ConversationId,
        at: Position,
        users: &BTreeMap<UserId, Change>,
    ) -> Result<(), WriteError> {
        let users: Vec<_> = users.iter().collect();
        for users in users.chunks(USERS) {
            let writes = users.iter().map(|(user, change)| self.write_user(conversation, at, user, **change));
            together(writes.collect()).await?;
        }
        Ok(())
    }

    async fn write_user(
        &self,
        conversation: ConversationId,
        at: Position,
        user: &UserId,
        change: Change,
    ) -> Result<(), WriteError> {
        let name = || user.as_str().to_owned();
        let (joined, ended) = change.ranks(at);
        let mut list = Steps::default();
        if let Some((joined, row)) = joined.zip(change.joined) {
            let member = sealed_member(conversation, user, &row)?;
            list.push(&self.list_joined, (at.0, member, joined.0, name(), conversation.0));
        }
        if let Some(ended) = ended {
            list.push(&self.list_ended, (at.0, ended.0, name(), conversation.0));
            let forget = (Position::MAX.0, user.as_str(), conversation.0, generation(at));
            self.cql.write(&self.forget_cursors, forget).await?;
        }
        list.send(&self.cql).await
    }

    /// The cursors by conversation: those of ended memberships end, and new generations begin. Earlier generations end
    /// under a timestamp above every position: nothing is written to them any more that should count.
    async fn forget(
        &self,
        conversation: ConversationId,
        at: Position,
        users: &BTreeMap<UserId, Change>,
    ) -> Result<(), WriteError> {
        let mut steps = Steps::default();
        for user in users.iter().filter(|(_, change)| change.ended).map(|(user, _)| user.as_str().to_owned())
        {
            let next = generation(at);
            steps.push(&self.forget_receipts, (Position::MAX.0, conversation.0, user.clone(), next));
            steps.push(&self.begin_generation, (conversation.0, user, next, at.0));
        }
        steps.send(&self.cql).await
    }

    /// The members of a conversation that is spread.
    async fn write_buckets(
        &self,
        conversation: ConversationId,
        at: Position,
        users: &BTreeMap<UserId, Change>,
    ) -> Result<(), WriteError> {
        let mut buckets: BTreeMap<i32, Steps<'_>> = BTreeMap::new();
        for (user, change) in users {
            let bucket = bucket_of(user);
            self.place(buckets.entry(bucket).or_default(), (conversation, bucket), at, user, *change)?;
        }
        together(buckets.into_values().map(|steps| steps.send(&self.cql)).collect()).await?;
        Ok(())
    }

    /// The members of the first bucket; of a conversation that is spread, those leave it that change.
    fn first_bucket(
        &self,
        conversation: ConversationId,
        at: Position,
        users: &BTreeMap<UserId, Change>,
        spread_at: Option<i64>,
    ) -> Result<Steps<'_>, WriteError> {
        let mut steps = Steps::default();
        for (user, change) in users {
            let change = match spread_at {
                None => *change,
                // It was spread from its first entry on: nobody was ever here.
                Some(..=1) => continue,
                Some(_) => Change { joined: None, ended: true, member: false },
            };
            self.place(&mut steps, (conversation, FIRST_BUCKET), at, user, change)?;
        }
        Ok(steps)
    }

    fn place<'a>(
        &'a self,
        steps: &mut Steps<'a>,
        (conversation, bucket): (ConversationId, i32),
        at: Position,
        user: &UserId,
        change: Change,
    ) -> Result<(), WriteError> {
        let name = user.as_str().to_owned();
        match change.joined.filter(|_| change.member) {
            Some(row) => {
                let member = sealed_member(conversation, user, &row)?;
                steps.push(&self.put_member, (conversation.0, bucket, name, member, at.0));
            }
            None => steps.push(&self.delete_member, (at.0, conversation.0, bucket, name)),
        }
        Ok(())
    }
}

fn sealed_row(conversation: ConversationId, row: &ConversationRow) -> Result<Vec<u8>, WriteError> {
    seal(Cell::Conversation, conversation.as_bytes(), &ConversationRecord::of(row))
        .map_err(|error| too_large(&error))
}

fn sealed_member(
    conversation: ConversationId,
    user: &UserId,
    row: &MemberRow,
) -> Result<Vec<u8>, WriteError> {
    seal(Cell::Member, &member_key(conversation, user), &MemberRecord::of(row))
        .map_err(|error| too_large(&error))
}

/// Names and numbers only: it does not happen.
fn too_large(error: &TooLarge) -> WriteError {
    WriteError::Refused(error.to_string())
}
