//! This instance as a member of its cluster: its life in the tables, its lease, and the ceiling of its write timestamps.
//!
//! Only this instance changes its row while it is `up`, and only one change at a time, so that whatever a serial read
//! finds there after an unknown outcome is its own doing. Others can make it `dead`; that is the end of this instance.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use causerie_store::port::ReadError;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::rows::{NodeRow, Roster};
use super::tables::Tables;
use crate::error::OpenError;
use crate::life::Life;
use crate::owned::Owned;
use crate::session::Outcome;

/// After a renewal that failed.
const AGAIN: Duration = Duration::from_millis(200);

/// One instance, from when it joined until it leaves.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) inc: Uuid,
    tables: Arc<Tables>,
    owned: Arc<Owned>,
    life: Arc<Life>,
    /// What is durable of it.
    row: Mutex<Durable>,
}

#[derive(Clone, Copy, Debug)]
struct Durable {
    lease: i64,
    ceiling: i64,
}

impl Member {
    /// Enters the tables. Also returns who was in the roster before: whoever of them has the same name has to go.
    pub(crate) async fn join(
        tables: &Arc<Tables>,
        owned: &Arc<Owned>,
        life: &Arc<Life>,
    ) -> Result<(Self, BTreeSet<Uuid>), OpenError> {
        let inc = Uuid::new_v4();
        if tables.enter(inc).await != Outcome::Applied && tables.node(inc).await?.is_none() {
            return Err(OpenError::Unavailable("this node could not be written down".to_owned()));
        }
        let config = &tables.cql.config;
        let reads = match &config.datacenter {
            Some(datacenter) => format!("{} in {datacenter}", config.level),
            None => config.level.to_string(),
        };
        let earlier = enlist(tables, inc, &reads).await?;
        let member = Self {
            inc,
            tables: Arc::clone(tables),
            owned: Arc::clone(owned),
            life: Arc::clone(life),
            row: Mutex::new(Durable { lease: 0, ceiling: 0 }),
        };
        member.renew(None).await?;
        Ok((member, earlier))
    }

    /// Renews the lease, and makes a higher ceiling durable where one is given.
    ///
    /// # Errors
    /// When it is not known to be durable; the next call settles it.
    pub(crate) async fn renew(&self, ceiling: Option<i64>) -> Result<(), ReadError> {
        let mut row = self.row.lock().await;
        let began = Instant::now();
        let to = Durable { lease: row.lease + 1, ceiling: row.ceiling.max(ceiling.unwrap_or(0)) };
        if self.tables.renew(self.inc, row.lease, to.ceiling).await == Outcome::Applied {
            *row = to;
        } else {
            match self.tables.node(self.inc).await? {
                Some(NodeRow { dead: false, lease, ceiling, .. }) => *row = Durable { lease, ceiling },
                _ => self.life.end("another node has declared this one dead"),
            }
        }
        self.owned.timestamps.raise(row.ceiling);
        if self.life.over().is_some() || row.lease != to.lease || row.ceiling != to.ceiling {
            return Err(ReadError::Unavailable("the lease could not be renewed".to_owned()));
        }
        self.owned.lease_until(began + self.tables.cql.config.lease_ttl);
        Ok(())
    }

    /// Renews until `stop` or the end of this instance, and raises the ceiling before it is reached.
    pub(crate) async fn keep_alive(self: Arc<Self>, stop: CancellationToken) {
        let every = self.tables.cql.config.lease_renewal;
        loop {
            tokio::select! {
                () = sleep(every) => (),
                () = self.owned.timestamps.low() => (),
                () = stop.cancelled() => return,
                () = self.life.ended().cancelled() => return,
            }
            while let Err(error) = self.renew(self.owned.timestamps.wanted()).await {
                if self.life.over().is_some() || stop.is_cancelled() {
                    return;
                }
                tracing::warn!(%error, "renewing the lease failed");
                self.tables.cql.metrics.renewals_failed.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                sleep(AGAIN).await;
            }
        }
    }

    /// The ceiling that is durable.
    pub(crate) async fn ceiling(&self) -> i64 {
        self.row.lock().await.ceiling
    }

    /// Leaves for good: dead, and out of the roster. Best effort; who comes next finds out in any case.
    pub(crate) async fn leave(&self) {
        let lease = self.row.lock().await.lease;
        if self.tables.die(self.inc, lease).await != Outcome::Applied {
            tracing::warn!("leaving was not written down; this node counts as crashed after a while");
        }
        if let Err(error) = strike(&self.tables, &BTreeSet::from([self.inc])).await {
            tracing::warn!(%error, "still in the roster");
        }
    }
}

/// Puts this instance into the roster, and returns who was in it.
async fn enlist(tables: &Tables, inc: Uuid, reads: &str) -> Result<BTreeSet<Uuid>, OpenError> {
    let mut earlier = BTreeSet::new();
    change(tables, |roster| {
        if !roster.members.insert(inc) {
            return Ok(false);
        }
        earlier = roster.members.iter().copied().filter(|member| *member != inc).collect();
        // With nobody else in it, it may be changed.
        if earlier.is_empty() || roster.reads.is_empty() {
            reads.clone_into(&mut roster.reads);
        }
        if roster.reads != reads {
            let theirs = roster.reads.clone();
            return Err(OpenError::Disagreement { theirs, ours: reads.to_owned() });
        }
        Ok(true)
    })
    .await?;
    Ok(earlier)
}

/// Takes instances out of the roster.
pub(super) async fn strike(tables: &Tables, gone: &BTreeSet<Uuid>) -> Result<(), OpenError> {
    change(tables, |roster| {
        let before = roster.members.len();
        roster.members.retain(|member| !gone.contains(member));
        Ok(roster.members.len() < before)
    })
    .await
}

/// Changes the roster until it says what was wanted: `edit` returns whether there is anything to change.
async fn change(
    tables: &Tables,
    mut edit: impl FnMut(&mut Roster) -> Result<bool, OpenError>,
) -> Result<(), OpenError> {
    let end = Instant::now() + tables.cql.config.open_deadline;
    while Instant::now() < end {
        let mut roster = tables.roster().await?.unwrap_or(Roster {
            version: 0,
            members: BTreeSet::new(),
            reads: String::new(),
        });
        if !edit(&mut roster)? {
            return Ok(());
        }
        roster.version += 1;
        if tables.put_roster(&roster).await == Outcome::Applied {
            return Ok(());
        }
    }
    Err(OpenError::Unavailable("the roster could not be changed".to_owned()))
}
