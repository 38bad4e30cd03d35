//! `node_ids`: the numbers of nodes in message ids.

use causerie_store::port::ReadError;
use uuid::Uuid;

use super::Tables;
use crate::error::OpenError;
use crate::ownership::rows::NumberRow;
use crate::session::{Cql, Outcome};
use crate::statement::Prepared;

#[derive(Debug)]
pub(super) struct Statements {
    all: Prepared,
    create: Prepared,
    take: Prepared,
    raise: Prepared,
}

impl Statements {
    pub(super) async fn prepare(cql: &Cql) -> Result<Self, OpenError> {
        Ok(Self {
            all: cql
                .prepare_serial("SELECT id, name, inc, ms_ceil FROM $control.node_ids WHERE cluster = ?")
                .await?,
            create: cql
                .prepare_conditional(
                    "INSERT INTO $control.node_ids (cluster, id, name, inc, ms_ceil) VALUES (?, ?, ?, ?, 0) \
                     IF NOT EXISTS",
                )
                .await?,
            take: cql
                .prepare_conditional(
                    "UPDATE $control.node_ids SET inc = ?, name = ? WHERE cluster = ? AND id = ? IF inc = ?",
                )
                .await?,
            raise: cql
                .prepare_conditional(
                    "UPDATE $control.node_ids SET ms_ceil = ? WHERE cluster = ? AND id = ? \
                     IF inc = ? AND ms_ceil = ?",
                )
                .await?,
        })
    }
}

impl Tables {
    pub(in crate::ownership) async fn numbers(&self) -> Result<Vec<NumberRow>, ReadError> {
        let rows =
            self.cql.serial_rows::<(i32, String, Uuid, i64)>(&self.numbers.all, (self.cluster(),)).await?;
        let row = |(id, name, holder, ceiling)| {
            let id =
                u16::try_from(id).map_err(|_| ReadError::Corrupt(format!("a node has the number {id}")))?;
            Ok(NumberRow { id, name, holder, ceiling })
        };
        rows.into_iter().map(row).collect()
    }

    pub(in crate::ownership) async fn create_number(&self, id: u16, me: Uuid) -> Outcome {
        let name = &self.cql.config.node;
        self.cql.conditional(&self.numbers.create, (self.cluster(), i32::from(id), name, me)).await
    }

    pub(in crate::ownership) async fn take_number(&self, id: u16, from: Uuid, me: Uuid) -> Outcome {
        let name = &self.cql.config.node;
        self.cql.conditional(&self.numbers.take, (me, name, self.cluster(), i32::from(id), from)).await
    }

    pub(in crate::ownership) async fn raise_number(&self, id: u16, me: Uuid, from: i64, to: i64) -> Outcome {
        let values = (to, self.cluster(), i32::from(id), me, from);
        self.cql.conditional(&self.numbers.raise, values).await
    }
}
