//! The node's number in message ids, and the durable ceiling of the ids' dates.
//!
//! A number goes from one instance to the next only when the earlier one is dead for good. What that one still gives out
//! is dated below its ceiling, and the next begins there: no id is given out twice.

use std::sync::Arc;

use causerie_protocol::Timestamp;
use causerie_protocol::snowflake::NodeNumber;
use causerie_store::port::WriteError;
use causerie_store::port::ownership::Grant;
use tokio::sync::Mutex;
use tokio::time::Instant;
use uuid::Uuid;

use super::rows::NumberRow;
use super::tables::Tables;
use crate::error::OpenError;
use crate::life::Life;
use crate::session::Outcome;

/// Numbers, in the order in which they are given out.
const NUMBERS: std::ops::RangeInclusive<u16> = 1..=1023;

/// The number of one instance.
#[derive(Debug)]
pub(crate) struct Number {
    grant: Grant,
    me: Uuid,
    tables: Arc<Tables>,
    life: Arc<Life>,
    /// Milliseconds.
    ceiling: Mutex<i64>,
}

impl Number {
    /// Takes the number that this node had under its name, else a free one.
    pub(crate) async fn claim(tables: &Arc<Tables>, life: &Arc<Life>, me: Uuid) -> Result<Self, OpenError> {
        let end = Instant::now() + tables.cql.config.open_deadline;
        while Instant::now() < end {
            let rows = tables.numbers().await?;
            if let Some(row) = rows.iter().find(|row| row.holder == me) {
                return Self::granted(tables, life, row);
            }
            match candidate(tables, &rows).await? {
                Some(Candidate::Free(id)) => tables.create_number(id, me).await,
                Some(Candidate::Of(id, holder)) => tables.take_number(id, holder, me).await,
                None => {
                    return Err(OpenError::Unavailable(
                        "all 1,023 numbers belong to living nodes".to_owned(),
                    ));
                }
            };
        }
        Err(OpenError::Unavailable("no number could be claimed".to_owned()))
    }

    fn granted(tables: &Arc<Tables>, life: &Arc<Life>, row: &NumberRow) -> Result<Self, OpenError> {
        let wrong = || OpenError::Corrupt(format!("node number {} with ceiling {}", row.id, row.ceiling));
        let node = NodeNumber::new(row.id).ok_or_else(wrong)?;
        let id_floor = Timestamp(u64::try_from(row.ceiling).map_err(|_| wrong())?);
        Ok(Self {
            grant: Grant { node, id_floor },
            me: row.holder,
            tables: Arc::clone(tables),
            life: Arc::clone(life),
            ceiling: Mutex::new(row.ceiling),
        })
    }

    pub(crate) fn grant(&self) -> Grant {
        self.grant
    }

    /// Makes a higher ceiling durable; a lower one changes nothing.
    pub(crate) async fn raise(&self, ceiling: Timestamp) -> Result<(), WriteError> {
        let to = i64::try_from(ceiling.0).map_err(|_| WriteError::Refused("a date beyond all".to_owned()))?;
        let end = Instant::now() + self.tables.cql.config.write_deadline;
        let id = self.grant.node.get();
        let mut durable = self.ceiling.lock().await;
        let mut why = "it took too long".to_owned();
        while *durable < to {
            if self.life.over().is_some() {
                return Err(WriteError::Refused("this node has lost its number".to_owned()));
            }
            if Instant::now() >= end {
                return Err(WriteError::Unknown(why));
            }
            if self.tables.raise_number(id, self.me, *durable, to).await == Outcome::Applied {
                *durable = to;
                continue;
            }
            match self.tables.numbers().await {
                Ok(rows) => match rows.iter().find(|row| row.id == id && row.holder == self.me) {
                    Some(row) => *durable = row.ceiling,
                    None => self.life.end("another node has taken this one's number"),
                },
                Err(error) => why = error.to_string(),
            }
        }
        Ok(())
    }
}

enum Candidate {
    Free(u16),
    Of(u16, Uuid),
}

async fn candidate(tables: &Tables, rows: &[NumberRow]) -> Result<Option<Candidate>, OpenError> {
    let name = &tables.cql.config.node;
    for row in rows.iter().filter(|row| row.name == *name) {
        if is_dead(tables, row.holder).await? {
            return Ok(Some(Candidate::Of(row.id, row.holder)));
        }
    }
    if let Some(id) = NUMBERS.into_iter().find(|id| rows.iter().all(|row| row.id != *id)) {
        return Ok(Some(Candidate::Free(id)));
    }
    for row in rows {
        if is_dead(tables, row.holder).await? {
            return Ok(Some(Candidate::Of(row.id, row.holder)));
        }
    }
    Ok(None)
}

async fn is_dead(tables: &Tables, inc: Uuid) -> Result<bool, OpenError> {
    Ok(tables.node(inc).await?.is_some_and(|node| node.dead))
}
