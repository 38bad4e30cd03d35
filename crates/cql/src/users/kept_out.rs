//! Who is kept out: revocations of tokens, and suspensions. Few rows, read as a whole, in sixteen partitions each.

use std::sync::Arc;

use causerie_protocol::{Timestamp, UserId};
use causerie_store::model::Revocation;
use causerie_store::port::{ReadError, WriteError};
use scylla::deserialize::row::DeserializeRow;
use xxhash_rust::xxh3::xxh3_64;

use super::version::Versions;
use super::{milliseconds, refused};
use crate::conversations::user_of;
use crate::error::OpenError;
use crate::session::Cql;
use crate::statement::Prepared;
use crate::together::together;

/// Partitions of each table.
const BUCKETS: i32 = 16;

/// Reads and writes who is kept out.
#[derive(Debug)]
pub(super) struct KeptOut {
    cql: Arc<Cql>,
    users: Prepared,
    put_user: Prepared,
    tokens: Prepared,
    put_token: Prepared,
    expired: Prepared,
    forget: Prepared,
    suspended: Prepared,
    suspension: Prepared,
    put_suspension: Prepared,
}

impl KeptOut {
    pub(super) async fn prepare(cql: &Arc<Cql>) -> Result<Self, OpenError> {
        let (read, write) = (
            async |text: &str| cql.prepare_read(text).await,
            async |text: &str| cql.prepare_write(text).await,
        );
        Ok(Self {
            users: read("SELECT user, before FROM $data.revoked_users WHERE bucket = ?").await?,
            put_user: write(
                "UPDATE $data.revoked_users USING TIMESTAMP ? SET before = ? WHERE bucket = ? AND user = ?",
            )
            .await?,
            tokens: read("SELECT token_id, expires FROM $data.revoked_tokens WHERE bucket = ?").await?,
            put_token: write(
                "UPDATE $data.revoked_tokens USING TIMESTAMP ? SET revoked = true \
                 WHERE bucket = ? AND expires = ? AND token_id = ?",
            )
            .await?,
            expired: read(
                "SELECT expires, token_id, WRITETIME(revoked) FROM $data.revoked_tokens \
                 WHERE bucket = ? AND expires < ?",
            )
            .await?,
            forget: write(
                "DELETE FROM $data.revoked_tokens USING TIMESTAMP ? \
                 WHERE bucket = ? AND expires = ? AND token_id = ?",
            )
            .await?,
            suspended: read("SELECT user, suspended FROM $data.suspensions WHERE bucket = ?").await?,
            suspension: read(
                "SELECT WRITETIME(suspended) FROM $data.suspensions WHERE bucket = ? AND user = ?",
            )
            .await?,
            put_suspension: write(
                "UPDATE $data.suspensions USING TIMESTAMP ? SET suspended = ? WHERE bucket = ? AND user = ?",
            )
            .await?,
            cql: Arc::clone(cql),
        })
    }

    pub(super) async fn revocations(&self) -> Result<Vec<Revocation>, ReadError> {
        let (users, tokens) = tokio::try_join!(
            self.everywhere::<(String, i64)>(&self.users),
            self.everywhere::<(String, i64)>(&self.tokens),
        )?;
        let time = |ms: i64| Timestamp(u64::try_from(ms).unwrap_or_default());
        let tokens =
            tokens.into_iter().map(|(token, expires)| Ok(Revocation::Token(token.into(), time(expires))));
        let users =
            users.into_iter().map(|(user, before)| Ok(Revocation::User(user_of(&user)?, time(before))));
        users.chain(tokens).collect()
    }

    /// Keeps a revocation, then forgets tokens that expired before `now`.
    pub(super) async fn revoke(
        &self,
        revocation: &Revocation,
        now: Timestamp,
        versions: &Versions,
    ) -> Result<(), WriteError> {
        match revocation {
            // The time is its own timestamp: the latest wins.
            Revocation::User(user, before) => {
                let (before, user) = (milliseconds(*before)?, user.as_str());
                self.cql.write(&self.put_user, (before, before, bucket(user), user)).await?;
            }
            Revocation::Token(token, expires) => {
                let version = versions.above(None);
                let row = (version, bucket(token), milliseconds(*expires)?, &**token);
                self.cql.write(&self.put_token, row).await?;
            }
        }
        let now = milliseconds(now)?;
        let forgets = (0..BUCKETS).map(|bucket| self.forget(bucket, now));
        together(forgets.collect()).await.map(drop)
    }

    async fn forget(&self, bucket: i32, now: i64) -> Result<(), WriteError> {
        let rows: Result<Vec<(i64, String, Option<i64>)>, _> =
            self.cql.rows(&self.expired, (bucket, now)).await;
        // The revocation is written by now.
        for (expires, token, version) in rows.map_err(|error| WriteError::Unknown(error.to_string()))? {
            // Exactly this writing of it: whoever revokes it again is not undone.
            let Some(version) = version else { continue };
            self.cql.write(&self.forget, (version, bucket, expires, token)).await?;
        }
        Ok(())
    }

    pub(super) async fn suspended(&self) -> Result<Vec<UserId>, ReadError> {
        let rows = self.everywhere::<(String, Option<bool>)>(&self.suspended).await?;
        let users = rows.into_iter().filter(|(_, suspended)| *suspended == Some(true));
        let mut users: Vec<UserId> = users.map(|(user, _)| user_of(&user)).collect::<Result<_, _>>()?;
        users.sort_unstable();
        Ok(users)
    }

    /// A lifted suspension stays as a row that says so: its version is what a later one has to be above.
    pub(super) async fn suspend(
        &self,
        user: &UserId,
        suspended: bool,
        versions: &Versions,
    ) -> Result<(), WriteError> {
        let user = user.as_str();
        let kept = self.cql.one::<(Option<i64>,)>(&self.suspension, (bucket(user), user)).await;
        let version = versions.above(kept.map_err(|error| refused(&error))?.and_then(|(version,)| version));
        self.cql.write(&self.put_suspension, (version, suspended, bucket(user), user)).await
    }

    /// The rows of all partitions.
    async fn everywhere<R>(&self, statement: &Prepared) -> Result<Vec<R>, ReadError>
    where
        R: for<'f> DeserializeRow<'f, 'f> + Send,
    {
        let reads = (0..BUCKETS).map(|bucket| self.cql.rows::<R>(statement, (bucket,)));
        Ok(together(reads.collect()).await?.into_iter().flatten().collect())
    }
}

fn bucket(name: &str) -> i32 {
    i32::from(xxh3_64(name.as_bytes()).to_le_bytes()[0]) % BUCKETS
}
