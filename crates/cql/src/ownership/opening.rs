//! From joining to owning: the take-over of whoever was there before, up to the point where logs may be read.
//!
//! In this order, each before the next: join; declare dead who has this node's name; claim the first bucket, which decides
//! between two that come at once; claim the rest; make a ceiling above every floor durable; fence who crashed. Whoever
//! fails in between leaves rows behind that say so, and is succeeded like one that crashed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use causerie_store::model::Epoch;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::claims::{Claimed, Claims};
use super::lease::{Sign, Watch};
use super::member::{self, Member};
use super::number::Number;
use super::plan::Dead;
use super::rows::{BUCKET, BUCKETS, NodeRow, ShardRow};
use super::tables::Tables;
use crate::error::OpenError;
use crate::life::Life;
use crate::owned::{Owned, Term};
use crate::session::Outcome;
use crate::timestamp::BLOCK;

/// Between two looks at another node's lease.
const LOOK: Duration = Duration::from_millis(250);

/// One instance that is becoming the owner.
#[derive(Debug)]
pub(crate) struct Opening {
    tables: Arc<Tables>,
    owned: Arc<Owned>,
    life: Arc<Life>,
    member: Arc<Member>,
    claims: Claims,
    /// Who was in the roster before.
    earlier: BTreeSet<Uuid>,
    dead: Dead,
    watched: BTreeMap<Uuid, Watch>,
    began: Instant,
}

impl Opening {
    /// Joins.
    pub(crate) async fn begin(
        tables: &Arc<Tables>,
        owned: &Arc<Owned>,
        life: &Arc<Life>,
    ) -> Result<Self, OpenError> {
        let (member, earlier) = Member::join(tables, owned, life).await?;
        let claims = Claims::new(tables, member.inc);
        Ok(Self {
            tables: Arc::clone(tables),
            owned: Arc::clone(owned),
            life: Arc::clone(life),
            member: Arc::new(member),
            claims,
            earlier,
            dead: Dead::new(),
            watched: BTreeMap::new(),
            began: Instant::now(),
        })
    }

    /// The member that it has made.
    pub(crate) fn member(&self) -> &Arc<Member> {
        &self.member
    }

    /// Ends when every shard is owned, and everybody before is fenced. The lease has to be kept meanwhile.
    pub(crate) async fn own_all(mut self) -> Result<(Claims, Number), OpenError> {
        for inc in self.earlier.clone() {
            if let Some(node) = self.tables.node(inc).await?
                && (node.dead || node.name == self.tables.cql.config.node)
            {
                self.declare_dead(inc, node).await?;
            }
        }
        let number = Number::claim(&self.tables, &self.life, self.member.inc).await?;
        self.claim_until_owned(true).await?;
        let mut mine = self.claim_until_owned(false).await?.mine;
        let shards = usize::from(BUCKET) * usize::from(BUCKETS);
        if mine.len() != shards {
            return Err(OpenError::Corrupt(format!("{} of {shards} shards could be claimed", mine.len())));
        }
        let floor = mine.values().map(|row| row.floor).max().unwrap_or_default();
        self.raise_above(floor).await?;
        self.claims.fence(&mut mine).await?;
        self.grant(&mine)?;
        let gone = self.dead.keys().copied().collect();
        member::strike(&self.tables, &gone).await?;
        Ok((self.claims, number))
    }

    /// Claims until nobody else has a shard; fails when somebody has who lives.
    async fn claim_until_owned(&mut self, first_bucket: bool) -> Result<Claimed, OpenError> {
        loop {
            let claimed = if first_bucket {
                self.claims.claim(0, &self.dead).await?
            } else {
                self.claims.claim_all(&self.dead).await?
            };
            if claimed.held.is_empty() {
                return Ok(claimed);
            }
            let mut undecided = false;
            for inc in claimed.held {
                undecided |= !self.is_gone(inc).await?;
            }
            self.in_time()?;
            if undecided {
                sleep(LOOK).await;
            }
        }
    }

    /// Whether an owner is dead by now. Fails when it certainly lives.
    async fn is_gone(&mut self, inc: Uuid) -> Result<bool, OpenError> {
        let now = self.began.elapsed();
        let node = match self.tables.node(inc).await {
            Ok(Some(node)) => node,
            Ok(None) => {
                return Err(OpenError::Corrupt(format!("a shard belongs to {inc}, whom nobody knows")));
            }
            Err(error) => {
                tracing::warn!(%error, "another node's lease cannot be read");
                for watch in self.watched.values_mut() {
                    watch.blind(now);
                }
                return Ok(false);
            }
        };
        let watch = self.watched.entry(inc).or_insert_with(|| Watch::new(node.lease, now));
        match watch.see(node.lease, now, self.tables.cql.config.lease_ttl) {
            _ if node.dead => self.declare_dead(inc, node).await.map(|()| true),
            Sign::Alive => Err(OpenError::Owned { node: node.name }),
            Sign::Open => Ok(false),
            Sign::Silent(_) => {
                tracing::warn!(node = node.name, %inc, "a node is silent and counts as dead");
                self.declare_dead(inc, node).await.map(|()| self.dead.contains_key(&inc))
            }
        }
    }

    /// Makes it dead if it is not: its renewals fail from then on, and its ceiling is final. One that renews meanwhile is
    /// tried again only if it has this node's name.
    async fn declare_dead(&mut self, inc: Uuid, mut node: NodeRow) -> Result<(), OpenError> {
        while !node.dead {
            self.in_time()?;
            let outcome = self.tables.die(inc, node.lease).await;
            let lease = node.lease;
            node = self.tables.node(inc).await?.ok_or_else(|| {
                OpenError::Corrupt(format!("the row of {inc} vanished while it was declared dead"))
            })?;
            let rose = outcome != Outcome::Applied && node.lease != lease;
            if !node.dead && rose && node.name != self.tables.cql.config.node {
                return Ok(());
            }
        }
        self.dead.insert(inc, node.ceiling);
        Ok(())
    }

    /// Makes a ceiling durable that leaves room above the highest floor.
    async fn raise_above(&self, floor: i64) -> Result<(), OpenError> {
        while self.member.ceiling().await <= floor {
            self.in_time()?;
            if let Err(error) = self.member.renew(Some(floor.saturating_add(BLOCK))).await {
                tracing::warn!(%error, "the ceiling of write timestamps is not durable yet");
            }
        }
        Ok(())
    }

    fn grant(&self, mine: &BTreeMap<u16, ShardRow>) -> Result<(), OpenError> {
        for (shard, row) in mine {
            let epoch = |number: i64| {
                let wrong = || OpenError::Corrupt(format!("shard {shard} has the term {number}"));
                u64::try_from(number).map(Epoch).map_err(|_| wrong())
            };
            let term =
                Term { epoch: epoch(row.epoch)?, crash_epoch: epoch(row.crash_epoch)?, floor: row.floor };
            self.owned.grant(*shard, term);
            if !row.unfenced.is_empty() {
                // It still names somebody: it may not be handed over as if all were well.
                self.owned.doubt_number(*shard);
            }
        }
        Ok(())
    }

    fn in_time(&self) -> Result<(), OpenError> {
        if let Some(why) = self.life.over() {
            return Err(OpenError::Fenced(why.to_owned()));
        }
        if self.began.elapsed() > self.tables.cql.config.open_deadline {
            return Err(OpenError::Unavailable("taking over takes too long".to_owned()));
        }
        Ok(())
    }
}
