//! The tables of ownership, as statements: one room for each group of them.

mod members;
mod numbers;
mod shards;

use std::sync::Arc;

use crate::error::OpenError;
use crate::session::Cql;
use crate::statement::Prepared;

pub(super) use shards::Change;

/// Statements of one cluster's tables.
#[derive(Debug)]
pub(crate) struct Tables {
    pub(super) cql: Arc<Cql>,
    members: members::Statements,
    shards: shards::Statements,
    numbers: numbers::Statements,
}

impl Tables {
    /// Prepares all of them.
    pub(crate) async fn prepare(cql: &Arc<Cql>) -> Result<Self, OpenError> {
        Ok(Self {
            members: members::Statements::prepare(cql).await?,
            shards: shards::Statements::prepare(cql).await?,
            numbers: numbers::Statements::prepare(cql).await?,
            cql: Arc::clone(cql),
        })
    }

    /// The statement that the gate reads.
    pub(crate) async fn fence(&self) -> Result<Prepared, OpenError> {
        self.cql.prepare_read("SELECT inc FROM $control.node_fence WHERE inc = ?").await
    }

    fn cluster(&self) -> &str {
        &self.cql.config.cluster
    }
}
