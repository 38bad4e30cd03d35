//! What is kept of users beside their conversations. It has no owner: any node writes it, and the last write wins.

mod blocks;
mod kept_out;
mod profiles;
mod version;

use std::sync::Arc;

use causerie_protocol::{Timestamp, UserId};
use causerie_store::model::{Profile, Revocation};
use causerie_store::port::{Answer, ReadError, Users, WriteError};

use crate::error::OpenError;
use crate::session::Cql;
use crate::store::CqlStore;
use blocks::Blocks;
use kept_out::KeptOut;
use profiles::Profiles;
use version::Versions;

/// Everything of users.
#[derive(Debug)]
pub(crate) struct UserTables {
    profiles: Profiles,
    blocks: Blocks,
    kept_out: KeptOut,
    versions: Versions,
}

impl UserTables {
    pub(crate) async fn prepare(cql: &Arc<Cql>) -> Result<Self, OpenError> {
        Ok(Self {
            profiles: Profiles::prepare(cql).await?,
            blocks: Blocks::prepare(cql).await?,
            kept_out: KeptOut::prepare(cql).await?,
            versions: Versions::new(),
        })
    }
}

/// Reading comes before writing: an error of it says that nothing was written.
fn refused(error: &ReadError) -> WriteError {
    WriteError::Refused(error.to_string())
}

/// A time as a column and a write timestamp have it.
fn milliseconds(time: Timestamp) -> Result<i64, WriteError> {
    i64::try_from(time.0).map_err(|_| WriteError::Refused(format!("{time:?} is no time of a clock")))
}

type Read<T> = Answer<Result<T, ReadError>>;
type Written = Answer<Result<(), WriteError>>;

impl Users for CqlStore {
    fn profiles(&self, users: Vec<UserId>) -> Read<Vec<Profile>> {
        let tables = Arc::clone(&self.users);
        Box::pin(async move { tables.profiles.profiles(users).await })
    }

    fn put_profile(&self, user: UserId, profile: Profile) -> Written {
        let tables = Arc::clone(&self.users);
        Box::pin(async move { tables.profiles.put_profile(&user, &profile, &tables.versions).await })
    }

    fn settings(&self, user: UserId) -> Read<Box<str>> {
        let tables = Arc::clone(&self.users);
        Box::pin(async move { tables.profiles.settings(&user).await })
    }

    fn put_settings(&self, user: UserId, settings: Box<str>) -> Written {
        let tables = Arc::clone(&self.users);
        Box::pin(async move { tables.profiles.put_settings(&user, &settings, &tables.versions).await })
    }

    fn blocks(&self, user: UserId) -> Read<Vec<UserId>> {
        let tables = Arc::clone(&self.users);
        Box::pin(async move { tables.blocks.list(&user).await })
    }

    fn put_block(&self, user: UserId, other: UserId, blocked: bool) -> Written {
        let tables = Arc::clone(&self.users);
        Box::pin(async move { tables.blocks.put(&user, &other, blocked, &tables.versions).await })
    }

    fn last_seen(&self, users: Vec<UserId>) -> Read<Vec<Option<Timestamp>>> {
        let tables = Arc::clone(&self.users);
        Box::pin(async move { tables.profiles.last_seen(users).await })
    }

    fn put_last_seen(&self, seen: Vec<(UserId, Timestamp)>) -> Written {
        let tables = Arc::clone(&self.users);
        Box::pin(async move { tables.profiles.put_last_seen(seen).await })
    }

    fn revocations(&self) -> Read<Vec<Revocation>> {
        let tables = Arc::clone(&self.users);
        Box::pin(async move { tables.kept_out.revocations().await })
    }

    fn put_revocation(&self, revocation: Revocation, now: Timestamp) -> Written {
        let tables = Arc::clone(&self.users);
        Box::pin(async move { tables.kept_out.revoke(&revocation, now, &tables.versions).await })
    }

    fn suspended(&self) -> Read<Vec<UserId>> {
        let tables = Arc::clone(&self.users);
        Box::pin(async move { tables.kept_out.suspended().await })
    }

    fn put_suspended(&self, user: UserId, suspended: bool) -> Written {
        let tables = Arc::clone(&self.users);
        Box::pin(async move { tables.kept_out.suspend(&user, suspended, &tables.versions).await })
    }

    fn erase_user(&self, user: UserId) -> Written {
        let (tables, conversations) = (Arc::clone(&self.users), Arc::clone(&self.conversations));
        Box::pin(async move {
            // Each may be done again; whoever is told of an error asks for all of it again.
            tables.profiles.erase(&user, &tables.versions).await?;
            let rest = async {
                tables.blocks.erase(&user, &tables.versions).await?;
                conversations.cursors.erase(&user).await
            };
            // Something is erased by now.
            rest.await.map_err(|error| WriteError::Unknown(error.to_string()))
        })
    }
}
