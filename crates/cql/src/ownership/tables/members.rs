//! `nodes` and `roster`: who is in the cluster, and whether it lives.

use std::collections::BTreeSet;

use causerie_store::port::ReadError;
use uuid::Uuid;

use super::Tables;
use crate::error::OpenError;
use crate::ownership::rows::{NodeRow, Roster};
use crate::session::{Cql, Outcome};
use crate::statement::Prepared;

#[derive(Debug)]
pub(super) struct Statements {
    node: Prepared,
    enter: Prepared,
    renew: Prepared,
    die: Prepared,
    roster: Prepared,
    begin_roster: Prepared,
    change_roster: Prepared,
}

impl Statements {
    pub(super) async fn prepare(cql: &Cql) -> Result<Self, OpenError> {
        let conditional = async |text: &str| cql.prepare_conditional(text).await;
        Ok(Self {
            node: cql
                .prepare_serial(
                    "SELECT name, state, lease_seq, ts_ceil FROM $control.nodes WHERE cluster = ? AND inc = ?",
                )
                .await?,
            enter: conditional(
                "INSERT INTO $control.nodes (cluster, inc, name, addr, weight, state, lease_seq, ts_ceil) \
                 VALUES (?, ?, ?, ?, 100, 'up', 0, 0) IF NOT EXISTS",
            )
            .await?,
            renew: conditional(
                "UPDATE $control.nodes SET lease_seq = ?, ts_ceil = ? WHERE cluster = ? AND inc = ? \
                 IF state = 'up' AND lease_seq = ?",
            )
            .await?,
            die: conditional(
                "UPDATE $control.nodes SET state = 'dead' WHERE cluster = ? AND inc = ? \
                 IF state != 'dead' AND lease_seq = ?",
            )
            .await?,
            roster: cql
                .prepare_serial("SELECT version, incs, reads FROM $control.roster WHERE cluster = ?")
                .await?,
            begin_roster: conditional(
                "INSERT INTO $control.roster (cluster, version, incs, reads) VALUES (?, ?, ?, ?) IF NOT EXISTS",
            )
            .await?,
            change_roster: conditional(
                "UPDATE $control.roster SET version = ?, incs = ?, reads = ? WHERE cluster = ? IF version = ?",
            )
            .await?,
        })
    }
}

impl Tables {
    pub(in crate::ownership) async fn node(&self, inc: Uuid) -> Result<Option<NodeRow>, ReadError> {
        let row = self
            .cql
            .serial_one::<(String, String, i64, i64)>(&self.members.node, (self.cluster(), inc))
            .await?;
        Ok(row.map(|(name, state, lease, ceiling)| NodeRow { name, dead: state == "dead", lease, ceiling }))
    }

    pub(in crate::ownership) async fn enter(&self, inc: Uuid) -> Outcome {
        let config = &self.cql.config;
        self.cql.conditional(&self.members.enter, (&config.cluster, inc, &config.node, &config.address)).await
    }

    pub(in crate::ownership) async fn renew(&self, inc: Uuid, lease: i64, ceiling: i64) -> Outcome {
        self.cql.conditional(&self.members.renew, (lease + 1, ceiling, self.cluster(), inc, lease)).await
    }

    pub(in crate::ownership) async fn die(&self, inc: Uuid, lease: i64) -> Outcome {
        self.cql.conditional(&self.members.die, (self.cluster(), inc, lease)).await
    }

    pub(in crate::ownership) async fn roster(&self) -> Result<Option<Roster>, ReadError> {
        type Row = (i64, Option<BTreeSet<Uuid>>, String);
        let row = self.cql.serial_one::<Row>(&self.members.roster, (self.cluster(),)).await?;
        Ok(row.map(|(version, members, reads)| Roster {
            version,
            members: members.unwrap_or_default(),
            reads,
        }))
    }

    /// Writes the roster if its version still is the one before, or if there is none where this one's is 1.
    pub(in crate::ownership) async fn put_roster(&self, roster: &Roster) -> Outcome {
        let Roster { version, members, reads } = roster;
        if *version == 1 {
            self.cql.conditional(&self.members.begin_roster, (self.cluster(), version, members, reads)).await
        } else {
            let values = (version, members, reads, self.cluster(), version - 1);
            self.cql.conditional(&self.members.change_roster, values).await
        }
    }
}
