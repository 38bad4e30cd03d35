//! Profiles, settings and when users were last connected: one row a user.

use std::sync::Arc;

use bincode::{BorrowDecode, Encode};
use causerie_protocol::{Timestamp, UserId};
use causerie_store::model::Profile;
use causerie_store::port::{ReadError, WriteError};

use super::refused;
use super::version::Versions;
use crate::codec::{Cell, seal, unseal};
use crate::error::OpenError;
use crate::projections::Steps;
use crate::session::Cql;
use crate::statement::Prepared;
use crate::together::together;

/// Reads and writes the rows of users.
#[derive(Debug)]
pub(super) struct Profiles {
    cql: Arc<Cql>,
    profile: Prepared,
    settings: Prepared,
    last_seen: Prepared,
    kept: Prepared,
    put_profile: Prepared,
    put_settings: Prepared,
    put_last_seen: Prepared,
    erase: Prepared,
    erase_last_seen: Prepared,
    put_version: Prepared,
}

#[derive(Encode, BorrowDecode)]
struct ProfileRecord<'a> {
    display_name: Option<&'a str>,
    picture: Option<&'a str>,
}

impl Profiles {
    pub(super) async fn prepare(cql: &Arc<Cql>) -> Result<Self, OpenError> {
        let (read, write) = (
            async |text: &str| cql.prepare_read(text).await,
            async |text: &str| cql.prepare_write(text).await,
        );
        let set =
            |columns: &str| format!("UPDATE $data.users USING TIMESTAMP ? SET {columns} WHERE user = ?");
        Ok(Self {
            profile: read("SELECT profile FROM $data.users WHERE user = ?").await?,
            settings: read("SELECT settings FROM $data.users WHERE user = ?").await?,
            last_seen: read("SELECT last_seen FROM $data.users WHERE user = ?").await?,
            kept: read("SELECT version, last_seen FROM $data.users WHERE user = ?").await?,
            put_profile: write(&set("version = ?, profile = ?")).await?,
            put_settings: write(&set("version = ?, settings = ?")).await?,
            put_last_seen: write(&set("last_seen = ?")).await?,
            erase: write("DELETE profile, settings FROM $data.users USING TIMESTAMP ? WHERE user = ?")
                .await?,
            erase_last_seen: write("DELETE last_seen FROM $data.users USING TIMESTAMP ? WHERE user = ?")
                .await?,
            put_version: write(&set("version = ?")).await?,
            cql: Arc::clone(cql),
        })
    }

    pub(super) async fn profiles(&self, users: Vec<UserId>) -> Result<Vec<Profile>, ReadError> {
        let reads = users.into_iter().map(|user| async move {
            let row = self.cql.one::<(Option<Vec<u8>>,)>(&self.profile, (user.as_str(),)).await?;
            let Some((Some(cell),)) = row else { return Ok(Profile::default()) };
            let record: ProfileRecord<'_> = unseal(Cell::Profile, user.as_str().as_bytes(), &cell)?;
            Ok(Profile {
                display_name: record.display_name.map(Into::into),
                picture: record.picture.map(Into::into),
            })
        });
        together(reads.collect()).await
    }

    pub(super) async fn put_profile(
        &self,
        user: &UserId,
        profile: &Profile,
        versions: &Versions,
    ) -> Result<(), WriteError> {
        let record = ProfileRecord {
            display_name: profile.display_name.as_deref(),
            picture: profile.picture.as_deref(),
        };
        let cell = seal(Cell::Profile, user.as_str().as_bytes(), &record)
            .map_err(|error| WriteError::Refused(error.to_string()))?;
        let version = versions.above(self.kept(user).await?.0);
        self.cql.write(&self.put_profile, (version, version, cell, user.as_str())).await
    }

    pub(super) async fn settings(&self, user: &UserId) -> Result<Box<str>, ReadError> {
        let row = self.cql.one::<(Option<String>,)>(&self.settings, (user.as_str(),)).await?;
        Ok(row.and_then(|(settings,)| settings).map_or_else(|| "{}".into(), Into::into))
    }

    pub(super) async fn put_settings(
        &self,
        user: &UserId,
        settings: &str,
        versions: &Versions,
    ) -> Result<(), WriteError> {
        let version = versions.above(self.kept(user).await?.0);
        self.cql.write(&self.put_settings, (version, version, settings, user.as_str())).await
    }

    pub(super) async fn last_seen(&self, users: Vec<UserId>) -> Result<Vec<Option<Timestamp>>, ReadError> {
        let reads = users.into_iter().map(|user| async move {
            let row = self.cql.one::<(Option<i64>,)>(&self.last_seen, (user.as_str(),)).await?;
            let ms = row.and_then(|(ms,)| ms);
            Ok(ms.map(|ms| Timestamp(u64::try_from(ms).unwrap_or_default())))
        });
        together(reads.collect()).await
    }

    /// The time is its own timestamp: the latest wins, whoever tells it when.
    pub(super) async fn put_last_seen(&self, seen: Vec<(UserId, Timestamp)>) -> Result<(), WriteError> {
        let writes = seen.into_iter().map(|(user, time)| async move {
            let ms = super::milliseconds(time)?;
            self.cql.write(&self.put_last_seen, (ms, ms, user.as_str())).await
        });
        together(writes.collect()).await.map(drop)
    }

    /// Leaves the version, which says nothing of the user, so that what is written next counts.
    pub(super) async fn erase(&self, user: &UserId, versions: &Versions) -> Result<(), WriteError> {
        let (version, last_seen) = self.kept(user).await?;
        let version = versions.above(version);
        let name = || user.as_str().to_owned();
        let mut steps = Steps::default();
        steps.push(&self.erase, (version, name()));
        steps.push(&self.put_version, (version, version, name()));
        if let Some(last_seen) = last_seen {
            steps.push(&self.erase_last_seen, (last_seen, name()));
        }
        steps.send(&self.cql).await
    }

    async fn kept(&self, user: &UserId) -> Result<(Option<i64>, Option<i64>), WriteError> {
        let row = self.cql.one::<(Option<i64>, Option<i64>)>(&self.kept, (user.as_str(),)).await;
        Ok(row.map_err(|error| refused(&error))?.unwrap_or_default())
    }
}
