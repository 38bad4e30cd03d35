//! `shards` and `node_fence`: who owns what, and who may not believe it any more.

use std::collections::{BTreeMap, BTreeSet};

use causerie_store::port::{ReadError, WriteError};
use scylla::serialize::row::SerializeRow;
use uuid::Uuid;

use super::Tables;
use crate::error::OpenError;
use crate::ownership::rows::ShardRow;
use crate::session::{Cql, Outcome};
use crate::statement::Prepared;

#[derive(Debug)]
pub(super) struct Statements {
    bucket: Prepared,
    bucket_serial: Prepared,
    create: Prepared,
    take: Prepared,
    settle: Prepared,
    fence: Prepared,
}

impl Statements {
    pub(super) async fn prepare(cql: &Cql) -> Result<Self, OpenError> {
        let bucket = "SELECT shard, owner, epoch, crash_epoch, ts_floor, unfenced FROM $control.shards \
                      WHERE cluster = ? AND bucket = ?";
        let one = "WHERE cluster = ? AND bucket = ? AND shard = ? IF owner = ? AND epoch = ?";
        let take = format!(
            "UPDATE $control.shards SET owner = ?, epoch = ?, crash_epoch = ?, ts_floor = ?, \
             unfenced = unfenced + ? {one}"
        );
        let settle = format!("UPDATE $control.shards SET unfenced = unfenced - ? {one}");
        Ok(Self {
            bucket: cql.prepare_read(bucket).await?,
            bucket_serial: cql.prepare_serial(bucket).await?,
            create: cql
                .prepare_conditional(
                    "INSERT INTO $control.shards (cluster, bucket, shard, owner, epoch, crash_epoch, ts_floor, \
                     unfenced) VALUES (?, ?, ?, ?, ?, ?, ?, ?) IF NOT EXISTS",
                )
                .await?,
            take: cql.prepare_conditional(&take).await?,
            settle: cql.prepare_conditional(&settle).await?,
            fence: cql
                .prepare_write(
                    "INSERT INTO $control.node_fence (inc, fenced_by, fenced_at) \
                     VALUES (?, ?, toTimestamp(now()))",
                )
                .await?,
        })
    }
}

/// A change of one shard's row.
#[derive(Clone, Debug)]
pub(in crate::ownership) enum Change {
    Create(ShardRow),
    /// From owner and term.
    Take(Uuid, i64, ShardRow),
    /// These are fenced; for owner and term.
    Settle(Uuid, i64, BTreeSet<Uuid>),
}

impl Tables {
    /// A bucket's shards; serially, to settle what became of a conditional write.
    pub(in crate::ownership) async fn shards(
        &self,
        bucket: u16,
        serially: bool,
    ) -> Result<BTreeMap<u16, ShardRow>, ReadError> {
        type Row = (i16, Uuid, i64, i64, i64, Option<BTreeSet<Uuid>>);
        let statement = if serially { &self.shards.bucket_serial } else { &self.shards.bucket };
        let rows = self.cql.serial_rows::<Row>(statement, (self.cluster(), signed(bucket))).await?;
        let row = |(shard, owner, epoch, crash_epoch, floor, unfenced): Row| {
            let shard = u16::try_from(shard)
                .map_err(|_| ReadError::Corrupt(format!("bucket {bucket} has a shard {shard}")))?;
            let unfenced = unfenced.unwrap_or_default();
            Ok((shard, ShardRow { owner, epoch, crash_epoch, floor, unfenced }))
        };
        rows.into_iter().map(row).collect()
    }

    /// All changes of one bucket, or none.
    pub(in crate::ownership) async fn change(&self, bucket: u16, changes: &[(u16, Change)]) -> Outcome {
        let (cluster, bucket) = (self.cluster(), signed(bucket));
        let (mut statements, mut values) = (Vec::new(), Vec::<Values<'_>>::new());
        for (shard, change) in changes {
            let shard = signed(*shard);
            let (statement, bound): (_, Values<'_>) = match change {
                Change::Create(to) => {
                    let row = (to.owner, to.epoch, to.crash_epoch, to.floor, &to.unfenced);
                    let (owner, epoch, crash_epoch, floor, unfenced) = row;
                    let bound = (cluster, bucket, shard, owner, epoch, crash_epoch, floor, unfenced);
                    (&self.shards.create, Box::new(bound))
                }
                Change::Take(from, term, to) => {
                    let row = (to.owner, to.epoch, to.crash_epoch, to.floor, &to.unfenced);
                    let (owner, epoch, crash_epoch, floor, unfenced) = row;
                    let bound =
                        (owner, epoch, crash_epoch, floor, unfenced, cluster, bucket, shard, from, term);
                    (&self.shards.take, Box::new(bound))
                }
                Change::Settle(owner, term, fenced) => {
                    (&self.shards.settle, Box::new((fenced, cluster, bucket, shard, owner, term)))
                }
            };
            statements.push(statement);
            values.push(bound);
        }
        self.cql.conditional_batch(&statements, &values).await
    }

    /// From now on whoever reads the fence of `inc` at a majority finds it.
    pub(in crate::ownership) async fn fence_off(&self, inc: Uuid, by: Uuid) -> Result<(), WriteError> {
        self.cql.write(&self.shards.fence, (inc, by)).await
    }
}

/// Values of one statement of a batch, whatever their types.
type Values<'a> = Box<dyn SerializeRow + Send + Sync + 'a>;

/// Buckets and shards are below 4,096.
fn signed(number: u16) -> i16 {
    i16::try_from(number).unwrap_or(i16::MAX)
}
