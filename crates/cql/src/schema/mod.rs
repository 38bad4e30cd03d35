//! The tables, their versions, and the way from one version to the next.
//!
//! Guaranteed: only one node changes the schema at a time, each step may be done twice, a change that was interrupted is
//! taken up by whoever comes next, and tables of a newer program are left alone. Not guaranteed: that two programs of
//! different versions run at once against one schema; the older one refuses to start.

mod control;
mod data;
mod database;
mod migrate;
mod migration;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use database::Database;
pub(crate) use migrate::{Migrator, look};
pub(crate) use migration::{MIGRATIONS, Migration};

use crate::config::CqlConfig;
use crate::error::OpenError;
use crate::session::Cql;

/// How the tables of a database compare with this program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaState {
    /// Which database it is.
    pub database: Database,
    /// The version of the tables; 0 where there are none.
    pub found: i32,
    /// The version that this program needs.
    pub known: i32,
    /// Tables that the version should have and that are not there.
    pub missing: Vec<String>,
}

impl SchemaState {
    /// Whether a store can be opened on it.
    ///
    /// # Errors
    /// [`OpenError::NewerSchema`], [`OpenError::OlderSchema`], or [`OpenError::Corrupt`] where tables are missing.
    pub fn usable(&self) -> Result<(), OpenError> {
        let (found, known) = (self.found, self.known);
        match found.cmp(&known) {
            std::cmp::Ordering::Greater => Err(OpenError::NewerSchema { found, known }),
            std::cmp::Ordering::Less => Err(OpenError::OlderSchema { found, known }),
            std::cmp::Ordering::Equal if self.missing.is_empty() => Ok(()),
            std::cmp::Ordering::Equal => Err(OpenError::Corrupt(format!(
                "version {found} is written down, and these tables are missing: {}",
                self.missing.join(", ")
            ))),
        }
    }
}

/// All statements that make the schema on that database, in order, each with its semicolon. Needs no database.
/// Without settings for replication, three replicas in the datacenter of the settings.
pub fn print(config: &CqlConfig, database: Database) -> String {
    let mut replication = config.replication.clone();
    if replication.is_empty() {
        let datacenter = config.datacenter.clone().unwrap_or_else(|| "datacenter1".to_owned());
        replication = BTreeMap::from([(datacenter, 3)]);
    }
    let keyspaces = database.keyspaces(config, &replication);
    let tables = std::iter::once(control::STATE)
        .chain(MIGRATIONS.iter().flat_map(Migration::statements))
        .map(|statement| database.fill_in(statement, config));
    keyspaces.into_iter().chain(tables).map(|statement| statement + ";\n").collect()
}

/// Looks, and changes nothing.
///
/// # Errors
/// When the settings cannot be used or the database does not answer; never because of what was found.
pub async fn check(config: CqlConfig) -> Result<SchemaState, OpenError> {
    let cql = Cql::connect(Arc::new(config)).await?;
    look(&cql).await
}

/// Makes what is missing, alone or after whoever is at it.
///
/// # Errors
/// [`OpenError::NewerSchema`] when the tables are of a newer program; otherwise when the database does not answer. Done
/// steps stay done, and the next call goes on from there.
pub async fn apply(config: CqlConfig) -> Result<SchemaState, OpenError> {
    let cql = Cql::connect(Arc::new(config)).await?;
    apply_on(&cql).await
}

pub(crate) async fn apply_on(cql: &Arc<Cql>) -> Result<SchemaState, OpenError> {
    Migrator::new(cql, MIGRATIONS).await?.run().await?;
    look(cql).await
}
