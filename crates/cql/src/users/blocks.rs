//! Who may not write to whom: one partition for each user who blocks.

use std::sync::Arc;

use causerie_protocol::UserId;
use causerie_store::port::{ReadError, WriteError};

use super::refused;
use super::version::Versions;
use crate::conversations::user_of;
use crate::error::OpenError;
use crate::projections::Steps;
use crate::session::Cql;
use crate::statement::Prepared;

/// Reads and writes blocks.
#[derive(Debug)]
pub(super) struct Blocks {
    cql: Arc<Cql>,
    list: Prepared,
    version: Prepared,
    put: Prepared,
    delete: Prepared,
    erase: Prepared,
    put_version: Prepared,
}

impl Blocks {
    pub(super) async fn prepare(cql: &Arc<Cql>) -> Result<Self, OpenError> {
        let (read, write) = (
            async |text: &str| cql.prepare_read(text).await,
            async |text: &str| cql.prepare_write(text).await,
        );
        Ok(Self {
            list: read("SELECT other FROM $data.blocks WHERE user = ?").await?,
            version: read("SELECT version FROM $data.blocks WHERE user = ? LIMIT 1").await?,
            put: write("INSERT INTO $data.blocks (user, other) VALUES (?, ?) USING TIMESTAMP ?").await?,
            delete: write("DELETE FROM $data.blocks USING TIMESTAMP ? WHERE user = ? AND other = ?").await?,
            erase: write("DELETE FROM $data.blocks USING TIMESTAMP ? WHERE user = ?").await?,
            put_version: write("UPDATE $data.blocks USING TIMESTAMP ? SET version = ? WHERE user = ?")
                .await?,
            cql: Arc::clone(cql),
        })
    }

    pub(super) async fn list(&self, user: &UserId) -> Result<Vec<UserId>, ReadError> {
        let rows: Vec<(Option<String>,)> = self.cql.rows(&self.list, (user.as_str(),)).await?;
        rows.into_iter().filter_map(|(other,)| other.map(|other| user_of(&other))).collect()
    }

    pub(super) async fn put(
        &self,
        user: &UserId,
        other: &UserId,
        blocked: bool,
        versions: &Versions,
    ) -> Result<(), WriteError> {
        let version = self.next(user, versions).await?;
        let (name, other) = (user.as_str().to_owned(), other.as_str().to_owned());
        let mut steps = Steps::default();
        if blocked {
            steps.push(&self.put, (name.clone(), other, version));
        } else {
            steps.push(&self.delete, (version, name.clone(), other));
        }
        steps.push(&self.put_version, (version, version, name));
        steps.send(&self.cql).await
    }

    /// Leaves the version alone, which is above the deletion: what is written next counts.
    pub(super) async fn erase(&self, user: &UserId, versions: &Versions) -> Result<(), WriteError> {
        let version = self.next(user, versions).await?;
        let (name, after) = (user.as_str().to_owned(), version + 1);
        let mut steps = Steps::default();
        steps.push(&self.erase, (version, name.clone()));
        steps.push(&self.put_version, (after, after, name));
        steps.send(&self.cql).await
    }

    async fn next(&self, user: &UserId, versions: &Versions) -> Result<i64, WriteError> {
        let row = self.cql.one::<(Option<i64>,)>(&self.version, (user.as_str(),)).await;
        Ok(versions.above(row.map_err(|error| refused(&error))?.and_then(|(version,)| version)))
    }
}
