//! Carries out migrations, one node at a time.
//!
//! One row holds version, step and who is at it; it is changed by conditional writes only. The holder counts `lease` up
//! with every step. Whoever waits takes over when `lease` has not moved for [`PATIENCE`] by its own clock. The holder that
//! was only slow notices at its next step, and waits in its turn: what it did meanwhile may be done twice.

use std::sync::Arc;
use std::time::Duration;

use scylla::client::execution_profile::ExecutionProfile;
use scylla::policies::load_balancing::{NodeIdentifier, SingleTargetLoadBalancingPolicy};
use scylla::policies::retry::FallthroughRetryPolicy;
use scylla::statement::unprepared::Statement;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::database::{Database, replication};
use super::migration::{self, Migration};
use super::{SchemaState, control};
use crate::error::OpenError;
use crate::session::{Cql, Outcome};
use crate::statement::Prepared;

/// The row.
const NAME: &str = "schema";

/// After so long without a step, another node takes over. Longer than any step takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Between two looks at what another node does.
const LOOK: Duration = Duration::from_millis(250);

/// One statement that changes the schema, with the wait until all database nodes agree.
const STEP_TIMEOUT: Duration = Duration::from_secs(40);

/// One node that wants the newest schema.
#[derive(Debug)]
pub(crate) struct Migrator<'a> {
    cql: &'a Arc<Cql>,
    database: Database,
    migrations: &'static [Migration],
    me: Uuid,
    patience: Duration,
    statements: Statements,
}

#[derive(Debug)]
struct Statements {
    look: Prepared,
    begin: Prepared,
    change: Prepared,
}

/// The row as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
struct State {
    version: i32,
    step: i32,
    holder: Uuid,
    lease: i64,
}

impl<'a> Migrator<'a> {
    /// Makes the control keyspace and the table of the state, where they are missing.
    pub(crate) async fn new(cql: &'a Arc<Cql>, migrations: &'static [Migration]) -> Result<Self, OpenError> {
        let database = Database::of(&cql.session).await?;
        if !exists(cql, "schema_state").await? {
            let [keyspace, _] = database.keyspaces(&cql.config, &replication(&cql.config, &cql.session)?);
            change_schema(cql, &keyspace).await?;
            change_schema(cql, &database.fill_in(control::STATE, &cql.config)).await?;
        }
        let statements = Statements {
            look: cql.prepare_serial(LOOK_AT_IT).await?,
            begin: cql
                .prepare_conditional(
                    "INSERT INTO $control.schema_state (name, version, step, holder, lease) \
                     VALUES (?, 0, 0, ?, 0) IF NOT EXISTS",
                )
                .await?,
            change: cql
                .prepare_conditional(
                    "UPDATE $control.schema_state SET version = ?, step = ?, holder = ?, lease = ? \
                     WHERE name = ? IF lease = ?",
                )
                .await?,
        };
        Ok(Self { cql, database, migrations, me: Uuid::new_v4(), patience: PATIENCE, statements })
    }

    #[cfg(test)]
    pub(crate) fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Ends when the schema is the newest that this program knows.
    pub(crate) async fn run(&self) -> Result<(), OpenError> {
        loop {
            let Some(state) = self.acquire().await? else { return Ok(()) };
            let mut held = Some(state);
            while let Some(state) = held.take() {
                let next = match self.step(&state).await {
                    Ok(next) => next,
                    Err(error) => {
                        // Nobody has to wait for a node that gave up. If this fails too, they wait.
                        let _ = self.change(State { holder: Uuid::nil(), ..state }).await;
                        return Err(error);
                    }
                };
                match next {
                    Next::Held(state) => held = Some(state),
                    Next::Reached => (),
                    Next::Lost => tracing::warn!("another node goes on with the schema"),
                }
            }
        }
    }

    /// Waits until it is this node's turn; `None` when nothing is left to do.
    async fn acquire(&self) -> Result<Option<State>, OpenError> {
        let known = self.migrations.last().map_or(0, |last| last.version);
        let mut seen: Option<(i64, Instant)> = None;
        loop {
            let Some(state) = self.look().await? else {
                if self.cql.conditional(&self.statements.begin, (NAME, Uuid::nil())).await != Outcome::Applied
                {
                    sleep(LOOK).await;
                }
                continue;
            };
            if state.version > known {
                return Err(OpenError::NewerSchema { found: state.version, known });
            }
            if state.version == known {
                return Ok(None);
            }
            let since = match seen {
                Some((lease, since)) if lease == state.lease => since,
                _ => Instant::now(),
            };
            seen = Some((state.lease, since));
            if state.holder.is_nil() || since.elapsed() >= self.patience {
                let mine = State { holder: self.me, ..state };
                if let Some(state) = self.change(mine).await? {
                    return Ok(Some(state));
                }
            }
            sleep(LOOK).await;
        }
    }

    /// One statement, or the end of a version.
    async fn step(&self, state: &State) -> Result<Next, OpenError> {
        let Some(migration) = self.migrations.iter().find(|next| next.version == state.version + 1) else {
            return Ok(Next::Reached);
        };
        let [_, data] =
            self.database.keyspaces(&self.cql.config, &replication(&self.cql.config, &self.cql.session)?);
        let done = usize::try_from(state.step).unwrap_or_default();
        let tables = migration.statements().map(|table| self.database.fill_in(table, &self.cql.config));
        // Version 1 begins with the other keyspace.
        let first = (migration.version == 1).then_some(data);
        let next = match first.into_iter().chain(tables).nth(done) {
            Some(statement) => {
                change_schema(self.cql, &statement).await?;
                State { step: state.step + 1, ..state.clone() }
            }
            None => State { version: migration.version, step: 0, holder: Uuid::nil(), lease: state.lease },
        };
        let over = next.holder.is_nil();
        Ok(match self.change(next).await? {
            None => Next::Lost,
            Some(_) if over => Next::Reached,
            Some(state) => Next::Held(state),
        })
    }

    /// Changes the row if nobody did since it was read; `None` when somebody did.
    async fn change(&self, mut to: State) -> Result<Option<State>, OpenError> {
        let from = to.lease;
        to.lease += 1;
        let values = (to.version, to.step, to.holder, to.lease, NAME, from);
        match self.cql.conditional(&self.statements.change, values).await {
            Outcome::Applied => Ok(Some(to)),
            Outcome::Failed => Ok(None),
            // Nobody else writes the same row: it names this node, or ends what this node held.
            Outcome::Unknown(_) => Ok(self.look().await?.filter(|now| *now == to)),
        }
    }

    async fn look(&self) -> Result<Option<State>, OpenError> {
        let row = self.cql.serial_one::<(i32, i32, Uuid, i64)>(&self.statements.look, (NAME,)).await?;
        Ok(row.map(|(version, step, holder, lease)| State { version, step, holder, lease }))
    }
}

/// What a step led to.
enum Next {
    /// It is still this node's turn.
    Held(State),
    /// A version is reached, and it is nobody's turn.
    Reached,
    /// Another node took over.
    Lost,
}

const LOOK_AT_IT: &str = "SELECT version, step, holder, lease FROM $control.schema_state WHERE name = ?";

/// What is there, without changing it.
pub(crate) async fn look(cql: &Arc<Cql>) -> Result<SchemaState, OpenError> {
    let database = Database::of(&cql.session).await?;
    let known = migration::known();
    if !exists(cql, "schema_state").await? {
        return Ok(SchemaState { database, found: 0, known, missing: Vec::new() });
    }
    let look = cql.prepare_serial(LOOK_AT_IT).await?;
    let found = cql.serial_one::<(i32, i32, Uuid, i64)>(&look, (NAME,)).await?.map_or(0, |row| row.0);
    let mut missing = Vec::new();
    if found == known {
        let there = tables(cql).await?;
        let wanted = migration::MIGRATIONS.iter().flat_map(Migration::statements).filter_map(table_of);
        missing = wanted.map(|table| cql.fill_in(table)).filter(|table| !there.contains(table)).collect();
    }
    Ok(SchemaState { database, found, known, missing })
}

/// `$data.messages`, out of the statement that makes it.
fn table_of(statement: &'static str) -> Option<&'static str> {
    statement.strip_prefix("CREATE TABLE IF NOT EXISTS ")?.split(' ').next()
}

async fn exists(cql: &Cql, table: &str) -> Result<bool, OpenError> {
    let wanted = format!("{}.{table}", cql.config.control_keyspace);
    Ok(tables(cql).await?.contains(&wanted))
}

async fn tables(cql: &Cql) -> Result<Vec<String>, OpenError> {
    let asked = cql
        .prepare_read(
            "SELECT keyspace_name, table_name FROM system_schema.tables WHERE keyspace_name IN (?, ?)",
        )
        .await?;
    let keyspaces = (&cql.config.keyspace, &cql.config.control_keyspace);
    let rows = cql.rows::<(String, String)>(&asked, keyspaces).await?;
    Ok(rows.into_iter().map(|(keyspace, table)| format!("{keyspace}.{table}")).collect())
}

/// Executes one statement at one database node, and waits until all of them agree.
///
/// At one, the same for everybody as far as possible: two that are asked for the same table at once may each make it,
/// with an identity of its own.
async fn change_schema(cql: &Cql, text: &str) -> Result<(), OpenError> {
    let mut statement = Statement::new(text);
    let state = cql.session.get_cluster_state();
    let connected = state.get_nodes_info().iter().filter(|node| node.is_connected());
    let mut profile = ExecutionProfile::builder()
        .request_timeout(Some(STEP_TIMEOUT))
        .retry_policy(Arc::new(FallthroughRetryPolicy::new()));
    if let Some(first) = connected.min_by_key(|node| node.host_id) {
        let target = NodeIdentifier::HostId(first.host_id);
        profile = profile.load_balancing_policy(SingleTargetLoadBalancingPolicy::new(target, None));
    }
    statement.set_execution_profile_handle(Some(profile.build().into_handle()));
    let executing = Box::pin(cql.session.query_unpaged(statement, ()));
    let answer = executing.await;
    let what = text.split('(').next().unwrap_or(text).trim_end();
    answer.map(drop).map_err(|error| OpenError::Unavailable(format!("{what}: {error}")))?;
    tracing::info!(what, "changed the schema");
    Ok(())
}
