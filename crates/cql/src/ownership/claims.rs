//! Claims shards, sees to it that nobody before is left unfenced, and hands over.
//!
//! One conditional batch a bucket; where its condition fails, shard by shard. A shard is this instance's if a serial
//! read says so, whatever was answered to the write.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::time::Instant;
use uuid::Uuid;

use super::plan::{self, Dead, Decision};
use super::rows::{BUCKET, BUCKETS, ShardRow};
use super::tables::{Change, Tables};
use crate::error::OpenError;
use crate::owned::Term;
use crate::session::Outcome;

/// Buckets at once.
const AT_ONCE: usize = 8;

/// Claims for one instance.
#[derive(Debug)]
pub(crate) struct Claims {
    tables: Arc<Tables>,
    me: Uuid,
}

/// What is known of one bucket or more.
#[derive(Debug, Default)]
pub(super) struct Claimed {
    pub(super) mine: BTreeMap<u16, ShardRow>,
    /// Who has the others, as far as they are not known to be dead.
    pub(super) held: BTreeSet<Uuid>,
}

impl Claims {
    pub(crate) fn new(tables: &Arc<Tables>, me: Uuid) -> Self {
        Self { tables: Arc::clone(tables), me }
    }

    /// Claims what is free in all buckets.
    pub(super) async fn claim_all(&self, dead: &Dead) -> Result<Claimed, OpenError> {
        let buckets = stream::iter((0..BUCKETS).map(|bucket| self.claim(bucket, dead)));
        let claimed: Vec<Claimed> = buckets.buffer_unordered(AT_ONCE).try_collect().await?;
        Ok(claimed.into_iter().fold(Claimed::default(), |mut all, mut one| {
            all.mine.append(&mut one.mine);
            all.held.append(&mut one.held);
            all
        }))
    }

    /// Claims what is free in one bucket.
    pub(super) async fn claim(&self, bucket: u16, dead: &Dead) -> Result<Claimed, OpenError> {
        let end = Instant::now() + self.tables.cql.config.open_deadline;
        let mut first = true;
        while Instant::now() < end {
            let rows = self.tables.shards(bucket, !first).await?;
            let (claimed, changes) = self.plan(bucket, &rows, dead);
            if changes.is_empty() && !first {
                return Ok(claimed);
            }
            if first {
                first = false;
                if !changes.is_empty() && self.tables.change(bucket, &changes).await == Outcome::Applied {
                    return Ok(self.applied(claimed, changes));
                }
                continue;
            }
            for change in changes {
                self.tables.change(bucket, &[change]).await;
            }
        }
        Err(OpenError::Unavailable(format!("the shards of bucket {bucket} could not be claimed")))
    }

    fn plan(
        &self,
        bucket: u16,
        rows: &BTreeMap<u16, ShardRow>,
        dead: &Dead,
    ) -> (Claimed, Vec<(u16, Change)>) {
        let (mut claimed, mut changes) = (Claimed::default(), Vec::new());
        for shard in bucket * BUCKET..(bucket + 1) * BUCKET {
            match plan::decide(rows.get(&shard), self.me, dead) {
                Decision::Mine => drop(claimed.mine.insert(shard, rows[&shard].clone())),
                Decision::Held(by) => drop(claimed.held.insert(by)),
                Decision::Create(to) => changes.push((shard, Change::Create(to))),
                Decision::Take { owner, epoch, to } => changes.push((shard, Change::Take(owner, epoch, to))),
            }
        }
        (claimed, changes)
    }

    fn applied(&self, mut claimed: Claimed, changes: Vec<(u16, Change)>) -> Claimed {
        for (shard, change) in changes {
            if let Change::Create(to) | Change::Take(_, _, to) = change {
                claimed.mine.insert(shard, to);
            }
        }
        claimed
    }

    /// Fences everybody whom a shard still names, and takes the names out. Until this is done, nothing of the shards may
    /// be read.
    pub(super) async fn fence(&self, mine: &mut BTreeMap<u16, ShardRow>) -> Result<(), OpenError> {
        let named: BTreeSet<Uuid> = mine.values().flat_map(|row| row.unfenced.iter().copied()).collect();
        for inc in named {
            let end = Instant::now() + self.tables.cql.config.open_deadline;
            while let Err(error) = self.tables.fence_off(inc, self.me).await {
                if Instant::now() >= end {
                    return Err(error.into());
                }
            }
            tracing::info!(%inc, "fenced an earlier owner");
        }
        // Each name is fenced by now. Where taking it out fails, somebody fences it once more, later.
        let mut settled: BTreeMap<u16, Vec<(u16, Change)>> = BTreeMap::new();
        for (shard, row) in mine.iter().filter(|(_, row)| !row.unfenced.is_empty()) {
            let change = Change::Settle(row.owner, row.epoch, row.unfenced.clone());
            settled.entry(shard / BUCKET).or_default().push((*shard, change));
        }
        let done: Vec<(Outcome, Vec<(u16, Change)>)> = self.each_bucket(settled).await;
        for (outcome, changes) in done {
            for (shard, _) in changes {
                if let (Outcome::Applied, Some(row)) = (&outcome, mine.get_mut(&shard)) {
                    row.unfenced.clear();
                }
            }
        }
        Ok(())
    }

    /// Hands shards over to whoever claims them next, as if nothing had happened; returns how many. Goes on until a serial
    /// read says that none of them is this instance's any more, or the write deadline is over: what is left then counts as
    /// after a crash.
    pub(crate) async fn release(&self, shards: Vec<(u16, Term)>, ceiling: i64) -> usize {
        let mut buckets: BTreeMap<u16, Vec<(u16, ShardRow)>> = BTreeMap::new();
        for (shard, term) in shards {
            if let Some(row) = self.row(&term) {
                buckets.entry(shard / BUCKET).or_default().push((shard, row));
            }
        }
        let release = |(bucket, rows)| self.release_bucket(bucket, rows, ceiling);
        let released: Vec<usize> =
            stream::iter(buckets).map(release).buffer_unordered(AT_ONCE).collect().await;
        released.into_iter().sum()
    }

    async fn release_bucket(&self, bucket: u16, mut rows: Vec<(u16, ShardRow)>, ceiling: i64) -> usize {
        let end = Instant::now() + self.tables.cql.config.write_deadline;
        let all = rows.len();
        while !rows.is_empty() {
            let change = |(shard, row): &(u16, ShardRow)| {
                (*shard, Change::Take(self.me, row.epoch, plan::release(row, ceiling)))
            };
            let changes: Vec<(u16, Change)> = rows.iter().map(change).collect();
            if self.tables.change(bucket, &changes).await == Outcome::Applied {
                return all;
            }
            match self.tables.shards(bucket, true).await {
                Ok(now) => rows.retain(|(shard, row)| {
                    now.get(shard).is_some_and(|now| now.owner == self.me && now.epoch == row.epoch)
                }),
                Err(error) => tracing::warn!(%error, bucket, "not known whether the shards were handed over"),
            }
            if Instant::now() >= end {
                break;
            }
        }
        all - rows.len()
    }

    /// The row of a shard whose names were taken out.
    fn row(&self, term: &Term) -> Option<ShardRow> {
        Some(ShardRow {
            owner: self.me,
            epoch: i64::try_from(term.epoch.0).ok()?,
            crash_epoch: i64::try_from(term.crash_epoch.0).ok()?,
            floor: term.floor,
            unfenced: BTreeSet::new(),
        })
    }

    async fn each_bucket(
        &self,
        changes: BTreeMap<u16, Vec<(u16, Change)>>,
    ) -> Vec<(Outcome, Vec<(u16, Change)>)> {
        let change = |(bucket, changes): (u16, Vec<(u16, Change)>)| async move {
            (self.tables.change(bucket, &changes).await, changes)
        };
        stream::iter(changes).map(change).buffer_unordered(AT_ONCE).collect().await
    }
}
