//! How far everybody is, kept twice: by user with its devices, and by conversation.
//!
//! Delivered and read are one column each, written with the position as the timestamp: the highest wins, in whatever
//! order writes come, and nothing is read before. What *is* read first is the generation that the user's cursors belong
//! to: a membership that ended, or an erasure, began a new one, and what is written late to an earlier one is shadowed.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use causerie_protocol::{ConversationId, DeviceId, Seq, UserId};
use causerie_store::model::{Cursor, CursorUpdate};
use causerie_store::port::{ReadError, WriteError};
use uuid::Uuid;

use crate::error::OpenError;
use crate::projections::{Position, Steps};
use crate::session::Cql;
use crate::statement::Prepared;
use crate::together::together;

/// Users whose generations are asked for in one request.
const ASKED: usize = 100;

/// Writes cursors, and ends them.
#[derive(Debug)]
pub(crate) struct Cursors {
    cql: Arc<Cql>,
    generations: Prepared,
    /// Delivered and read.
    of_device: [Prepared; 2],
    of_user: [Prepared; 2],
    conversations: Prepared,
    listed: Prepared,
    begin: Prepared,
    end_of_user: Prepared,
    end_of_devices: Prepared,
}

/// The cursors of one user in one conversation that are to be raised.
type Devices = BTreeMap<DeviceId, Cursor>;

impl Cursors {
    pub(super) async fn prepare(cql: &Arc<Cql>) -> Result<Self, OpenError> {
        let (read, write) = (
            async |text: &str| cql.prepare_read(text).await,
            async |text: &str| cql.prepare_write(text).await,
        );
        let of_device = |column: &str| {
            format!(
                "UPDATE $data.cursors USING TIMESTAMP ? SET {column} = ? \
                 WHERE user = ? AND conv = ? AND generation = ? AND device = ?"
            )
        };
        let of_user = |column: &str| {
            format!(
                "UPDATE $data.receipts USING TIMESTAMP ? SET {column} = ? \
                 WHERE conv = ? AND user = ? AND generation = ?"
            )
        };
        Ok(Self {
            generations: read("SELECT user, generation FROM $data.receipts WHERE conv = ? AND user IN ?")
                .await?,
            of_device: [write(&of_device("delivered")).await?, write(&of_device("read")).await?],
            of_user: [write(&of_user("delivered")).await?, write(&of_user("read")).await?],
            conversations: read("SELECT conv FROM $data.cursors WHERE user = ?").await?,
            listed: read("SELECT conv FROM $data.user_conversations WHERE user = ?").await?,
            begin: write(
                "INSERT INTO $data.receipts (conv, user, generation) VALUES (?, ?, ?) USING TIMESTAMP 1",
            )
            .await?,
            end_of_user: write(
                "DELETE FROM $data.receipts USING TIMESTAMP ? WHERE conv = ? AND user = ? AND generation < ?",
            )
            .await?,
            end_of_devices: write(
                "DELETE FROM $data.cursors USING TIMESTAMP ? WHERE user = ? AND conv = ? AND generation < ?",
            )
            .await?,
            cql: Arc::clone(cql),
        })
    }

    /// Raises cursors.
    pub(super) async fn put(&self, updates: Vec<CursorUpdate>) -> Result<(), WriteError> {
        let mut conversations: BTreeMap<ConversationId, BTreeMap<UserId, Devices>> = BTreeMap::new();
        for CursorUpdate { conversation, user, device, cursor } in updates {
            if Position::of(cursor.delivered.max(cursor.read)).is_none() {
                return Err(WriteError::Refused("a position above every timestamp".to_owned()));
            }
            let users = conversations.entry(conversation).or_default();
            let kept = users.entry(user).or_default().entry(device).or_default();
            *kept = kept.max(cursor);
        }
        // All that is to be known before anything is written.
        let reads = conversations.into_iter().map(|(conversation, users)| async move {
            let generations = self.generations(conversation, users.keys()).await?;
            Ok::<_, ReadError>((conversation, users, generations))
        });
        let known = together(reads.collect()).await;
        let known = known.map_err(|error| WriteError::Refused(error.to_string()))?;
        for (conversation, users, generations) in known {
            self.put_known(conversation, &users, &generations).await?;
        }
        Ok(())
    }

    async fn put_known(
        &self,
        conversation: ConversationId,
        users: &BTreeMap<UserId, Devices>,
        generations: &HashMap<String, i64>,
    ) -> Result<(), WriteError> {
        let (mut of_users, mut of_conversation) = (Vec::new(), Steps::default());
        for (user, devices) in users {
            let generation = generations.get(user.as_str()).copied().unwrap_or_default();
            let (mut of_user, mut highest) = (Steps::default(), Cursor::default());
            for (device, cursor) in devices {
                highest = highest.max(*cursor);
                for (statement, position) in self.of_device.iter().zip(positions(*cursor)) {
                    let Some(Position(position)) = position else { continue };
                    let key =
                        (user.as_str().to_owned(), conversation.0, generation, device.as_str().to_owned());
                    of_user.push(statement, (position, position, key.0, key.1, key.2, key.3));
                }
            }
            for (statement, position) in self.of_user.iter().zip(positions(highest)) {
                let Some(Position(position)) = position else { continue };
                let name = user.as_str().to_owned();
                of_conversation.push(statement, (position, position, conversation.0, name, generation));
            }
            of_users.push(of_user.send(&self.cql));
        }
        tokio::try_join!(together(of_users), of_conversation.send(&self.cql)).map(drop)
    }

    /// The generations of users that are not in their first.
    async fn generations(
        &self,
        conversation: ConversationId,
        users: impl Iterator<Item = &UserId>,
    ) -> Result<HashMap<String, i64>, ReadError> {
        let users: Vec<&str> = users.map(UserId::as_str).collect();
        let mut generations = HashMap::new();
        for asked in users.chunks(ASKED) {
            let rows: Vec<(String, i64)> = self.cql.rows(&self.generations, (conversation.0, asked)).await?;
            for (user, generation) in rows {
                let kept = generations.entry(user).or_default();
                *kept = generation.max(*kept);
            }
        }
        Ok(generations)
    }

    /// Ends all cursors of a user. What is written late is shadowed; what the user reads from now on is kept.
    pub(crate) async fn erase(&self, user: &UserId) -> Result<(), WriteError> {
        let refused = |error: ReadError| WriteError::Refused(error.to_string());
        let (with_cursors, listed) = tokio::try_join!(
            self.cql.rows::<(Uuid,)>(&self.conversations, (user.as_str(),)),
            self.cql.rows::<(Uuid,)>(&self.listed, (user.as_str(),)),
        )
        .map_err(refused)?;
        let mut conversations: Vec<Uuid> = with_cursors.into_iter().chain(listed).map(|(id,)| id).collect();
        conversations.sort_unstable();
        conversations.dedup();
        let ends = conversations.into_iter().map(|id| self.erase_in(user, ConversationId(id)));
        together(ends.collect()).await.map(drop)
    }

    async fn erase_in(&self, user: &UserId, conversation: ConversationId) -> Result<(), WriteError> {
        let generations = self.generations(conversation, std::iter::once(user)).await;
        let generations = generations.map_err(|error| WriteError::Unknown(error.to_string()))?;
        let next = generations.get(user.as_str()).copied().unwrap_or_default() + 1;
        let (above, name) = (Position::MAX.0, user.as_str().to_owned());
        let mut of_conversation = Steps::default();
        of_conversation.push(&self.end_of_user, (above, conversation.0, name.clone(), next));
        of_conversation.push(&self.begin, (conversation.0, name, next));
        // The next generation begins before the last one ends among the devices: nothing is written to it any more.
        of_conversation.send(&self.cql).await?;
        self.cql.write(&self.end_of_devices, (above, user.as_str(), conversation.0, next)).await
    }
}

/// What of delivered and read is to be written: what is read is delivered, and 0 says nothing.
fn positions(cursor: Cursor) -> [Option<Position>; 2] {
    let cursor = Cursor::default().max(cursor);
    [cursor.delivered, cursor.read].map(|seq| Position::of(seq).filter(|_| seq > Seq(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_delivered_and_zero_says_nothing() {
        let of = |delivered, read| positions(Cursor { delivered: Seq(delivered), read: Seq(read) });
        assert_eq!(of(0, 7), [Some(Position(7)); 2]);
        assert_eq!(of(9, 0), [Some(Position(9)), None]);
        assert_eq!(of(0, 0), [None, None]);
    }

    #[test]
    fn an_erasure_has_a_generation_between_two_memberships() {
        let (before, after) =
            (crate::projections::generation(Position(4)), crate::projections::generation(Position(5)));
        assert!(before + 1 < after);
    }
}
