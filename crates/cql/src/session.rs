//! One session with the database, shared by everything in the store.
//!
//! Guaranteed: a plain write that ended `Refused` was applied by nobody, whatever was repeated; a conditional write is
//! sent once. Not guaranteed: that an `Unknown` one is not applied later, at any time.

use std::sync::Arc;
use std::time::Duration;

use causerie_store::port::{ReadError, WriteError};
use scylla::client::PoolSize;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::deserialize::row::DeserializeRow;
use scylla::errors::ExecutionError;
use scylla::response::query_result::{QueryResult, QueryRowsResult};
use scylla::response::{PagingState, PagingStateResponse};
use scylla::serialize::batch::BatchValues;
use scylla::serialize::row::SerializeRow;
use scylla::statement::batch::{Batch, BatchStatement, BatchType};
use scylla::value::Row;
use tokio::time::{Instant, sleep};

use crate::check;
use crate::config::CqlConfig;
use crate::error::{OpenError, may_repeat, read_error, write_error};
use crate::metrics::CqlMetrics;
use crate::statement::{Kind, Prepared, Profiles};
use crate::tls;

/// Between two attempts of a write.
const PAUSE: Duration = Duration::from_millis(50);

/// Attempts to prepare a statement, and the pause between two.
const ATTEMPTS: u32 = 5;
const AGAIN: Duration = Duration::from_millis(300);

/// The session and what belongs to it.
#[derive(Debug)]
pub(crate) struct Cql {
    pub(crate) session: Session,
    pub(crate) config: Arc<CqlConfig>,
    pub(crate) metrics: Arc<CqlMetrics>,
    profiles: Profiles,
}

/// How a conditional write ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The condition held, and it is written.
    Applied,
    /// The condition did not hold, and nothing is written.
    Failed,
    /// It may have been applied, or will be: only a serial read says.
    Unknown(String),
}

impl Cql {
    /// Connects. Fails at once when no node of the database answers.
    pub(crate) async fn connect(config: Arc<CqlConfig>) -> Result<Arc<Self>, OpenError> {
        config.validate().map_err(OpenError::Config)?;
        let profiles = Profiles::new(&config);
        let mut builder = SessionBuilder::new()
            .known_nodes(&config.hosts)
            .default_execution_profile_handle(profiles.once())
            .connection_timeout(config.connect_timeout)
            .pool_size(PoolSize::PerShard(std::num::NonZeroUsize::MIN))
            .keepalive_interval(Duration::from_secs(5))
            .keepalive_timeout(Duration::from_secs(5))
            .cluster_metadata_refresh_interval(Duration::from_secs(10))
            .schema_agreement_timeout(Duration::from_secs(30))
            .fetch_schema_metadata(true)
            .keyspaces_to_fetch([&config.keyspace, &config.control_keyspace])
            .tls_context(config.tls.as_ref().map(tls::client).transpose()?);
        if let Some(credentials) = &config.credentials {
            builder = builder.user(&credentials.user, &credentials.password);
        }
        if let Some(datacenter) = &config.datacenter {
            builder = builder.prefer_datacenter(datacenter.clone());
        }
        let connecting = Box::pin(builder.build());
        let session = match tokio::time::timeout(config.connect_timeout * 3, connecting).await {
            Ok(session) => session?,
            Err(_) => return Err(OpenError::Unavailable("connecting takes too long".to_owned())),
        };
        check::datacenter(&config, &session.get_cluster_state())?;
        let metrics = Arc::new(CqlMetrics::default());
        Ok(Arc::new(Self { session, config, metrics, profiles }))
    }

    /// Prepares a read: a majority, repeated and speculated by the driver, answered within the request time-out.
    pub(crate) async fn prepare_read(&self, cql: &str) -> Result<Prepared, OpenError> {
        self.prepare(cql, Kind::Read).await
    }

    /// Prepares a plain write that may be sent twice with the same effect.
    pub(crate) async fn prepare_write(&self, cql: &str) -> Result<Prepared, OpenError> {
        self.prepare(cql, Kind::Write).await
    }

    /// Prepares a conditional write. Control keyspace only, and never on a table with plain writes.
    pub(crate) async fn prepare_conditional(&self, cql: &str) -> Result<Prepared, OpenError> {
        self.prepare(cql, Kind::Conditional).await
    }

    /// Prepares a read that sees every conditional write that was applied or is under way.
    pub(crate) async fn prepare_serial(&self, cql: &str) -> Result<Prepared, OpenError> {
        self.prepare(cql, Kind::Serial).await
    }

    /// A statement with its keyspaces filled in.
    pub(crate) fn fill_in(&self, cql: &str) -> String {
        cql.replace("$data", &self.config.keyspace).replace("$control", &self.config.control_keyspace)
    }

    async fn prepare(&self, cql: &str, kind: Kind) -> Result<Prepared, OpenError> {
        let text = self.fill_in(cql);
        let mut attempt = 1;
        let mut prepared = loop {
            match Box::pin(self.session.prepare(text.as_str())).await {
                // Cassandra answers with errors of its own (`Unknown CF`) while tables are made or dropped beside it.
                Err(error) if attempt < ATTEMPTS => {
                    tracing::debug!(%error, attempt, "a statement is prepared again");
                    attempt += 1;
                    sleep(AGAIN).await;
                }
                prepared => break prepared?,
            }
        };
        self.profiles.shape(&mut prepared, kind);
        Ok(prepared)
    }

    /// All rows, whatever their number: the caller bounds it by its statement.
    pub(crate) async fn rows<R>(
        &self,
        prepared: &Prepared,
        values: impl SerializeRow,
    ) -> Result<Vec<R>, ReadError>
    where
        R: for<'f> DeserializeRow<'f, 'f>,
    {
        let (mut rows, mut state) = (Vec::new(), PagingState::start());
        loop {
            let (result, next) = self.page(prepared, &values, state).await?;
            self.metrics.rows(result.rows_num());
            for row in result.rows::<R>().map_err(|error| damaged(prepared, error))? {
                rows.push(row.map_err(|error| damaged(prepared, error))?);
            }
            match next.into_paging_control_flow() {
                std::ops::ControlFlow::Break(()) => return Ok(rows),
                std::ops::ControlFlow::Continue(more) => state = more,
            }
        }
    }

    /// The first row, if there is one.
    pub(crate) async fn one<R>(
        &self,
        prepared: &Prepared,
        values: impl SerializeRow,
    ) -> Result<Option<R>, ReadError>
    where
        R: for<'f> DeserializeRow<'f, 'f>,
    {
        let (result, _) = self.page(prepared, &values, PagingState::start()).await?;
        self.metrics.rows(result.rows_num());
        result.maybe_first_row::<R>().map_err(|error| damaged(prepared, error))
    }

    /// As [`rows`](Self::rows) for a serial read, which the driver does not repeat: it reads again until it is answered or
    /// [`write_deadline`](CqlConfig::write_deadline) is over.
    pub(crate) async fn serial_rows<R>(
        &self,
        prepared: &Prepared,
        values: impl SerializeRow,
    ) -> Result<Vec<R>, ReadError>
    where
        R: for<'f> DeserializeRow<'f, 'f>,
    {
        let end = Instant::now() + self.config.write_deadline;
        loop {
            match self.rows(prepared, &values).await {
                Err(ReadError::Unavailable(_)) if Instant::now() + PAUSE < end => sleep(PAUSE).await,
                answer => return answer,
            }
        }
    }

    /// The first row of a serial read, as [`serial_rows`](Self::serial_rows).
    pub(crate) async fn serial_one<R>(
        &self,
        prepared: &Prepared,
        values: impl SerializeRow,
    ) -> Result<Option<R>, ReadError>
    where
        R: for<'f> DeserializeRow<'f, 'f>,
    {
        Ok(self.serial_rows(prepared, values).await?.into_iter().next())
    }

    async fn page(
        &self,
        prepared: &Prepared,
        values: &impl SerializeRow,
        state: PagingState,
    ) -> Result<(QueryRowsResult, PagingStateResponse), ReadError> {
        let began = Instant::now();
        let executing = Box::pin(self.session.execute_single_page(prepared, values, state));
        let answer = executing.await;
        self.metrics.read(began.elapsed(), answer.is_ok());
        let (result, next) = answer.map_err(|error| read_error(&error))?;
        Ok((result.into_rows_result().map_err(|error| damaged(prepared, error))?, next))
    }

    /// Writes, and repeats the same until it is certain or [`write_deadline`](CqlConfig::write_deadline) is over.
    pub(crate) async fn write(
        &self,
        prepared: &Prepared,
        values: impl SerializeRow,
    ) -> Result<(), WriteError> {
        self.until_certain(|| self.session.execute_unpaged(prepared, &values)).await
    }

    /// Several statements on *one* partition, all or none, with one write timestamp for those that name none; repeated
    /// like [`write`](Self::write). Routed by the first.
    pub(crate) async fn batch(
        &self,
        statements: &[&Prepared],
        values: impl BatchValues,
        timestamp: Option<i64>,
    ) -> Result<(), WriteError> {
        let batch = self.unlogged(statements, timestamp);
        self.until_certain(|| self.session.batch(&batch, &values)).await
    }

    /// As [`batch`](Self::batch), one attempt: for whoever decides by itself when to repeat. A caller that repeats after
    /// `Unknown` may not take a later `Refused` for the outcome.
    pub(crate) async fn batch_once(
        &self,
        statements: &[&Prepared],
        values: impl BatchValues,
        timestamp: Option<i64>,
    ) -> Result<(), WriteError> {
        let batch = self.unlogged(statements, timestamp);
        self.attempt(self.session.batch(&batch, &values)).await.map_err(|error| write_error(&error))
    }

    fn unlogged(&self, statements: &[&Prepared], timestamp: Option<i64>) -> Batch {
        let statements = statements.iter().map(|prepared| BatchStatement::from((*prepared).clone()));
        let mut batch = Batch::new_with_statements(BatchType::Unlogged, statements.collect());
        batch.set_is_idempotent(true);
        batch.set_timestamp(timestamp);
        batch.set_execution_profile_handle(Some(self.profiles.once()));
        batch
    }

    async fn until_certain<F>(&self, mut send: impl FnMut() -> F) -> Result<(), WriteError>
    where
        F: Future<Output = Result<QueryResult, ExecutionError>>,
    {
        let end = Instant::now() + self.config.write_deadline;
        let mut unknown = None;
        loop {
            let Err(error) = self.attempt(send()).await else { return Ok(()) };
            match write_error(&error) {
                WriteError::Unknown(why) => unknown = Some(why),
                // What an earlier attempt began may still be applied.
                WriteError::Refused(why) if !may_repeat(&error) || Instant::now() + PAUSE >= end => {
                    return Err(match unknown {
                        Some(unknown) => WriteError::Unknown(unknown),
                        None => WriteError::Refused(why),
                    });
                }
                WriteError::Refused(_) => (),
            }
            if Instant::now() + PAUSE >= end {
                return Err(WriteError::Unknown(unknown.unwrap_or_default()));
            }
            self.metrics.repeated();
            sleep(PAUSE).await;
        }
    }

    async fn attempt<F>(&self, sending: F) -> Result<(), ExecutionError>
    where
        F: Future<Output = Result<QueryResult, ExecutionError>>,
    {
        let began = Instant::now();
        let answer = Box::pin(sending).await;
        self.metrics.write(began.elapsed(), answer.is_ok());
        answer.map(drop)
    }

    /// Sends a conditional write once.
    pub(crate) async fn conditional(&self, prepared: &Prepared, values: impl SerializeRow) -> Outcome {
        let began = Instant::now();
        let answer = Box::pin(self.session.execute_unpaged(prepared, values)).await;
        self.metrics.conditional(began.elapsed());
        outcome(answer)
    }

    /// Sends several conditional writes on one partition once: all are applied, or none.
    pub(crate) async fn conditional_batch(
        &self,
        statements: &[&Prepared],
        values: impl BatchValues,
    ) -> Outcome {
        let mut batch = self.unlogged(statements, None);
        batch.set_is_idempotent(false);
        let began = Instant::now();
        let answer = Box::pin(self.session.batch(&batch, values)).await;
        self.metrics.conditional(began.elapsed());
        outcome(answer)
    }
}

/// Found by the column's name: the other columns differ between databases and statements. Scylla answers a batch with
/// a row for each statement, all with the same `[applied]`.
fn outcome(answer: Result<QueryResult, ExecutionError>) -> Outcome {
    let unknown = |what: &dyn std::fmt::Display| Outcome::Unknown(what.to_string());
    let rows = match answer.map(QueryResult::into_rows_result) {
        Ok(Ok(rows)) => rows,
        Ok(Err(error)) => return unknown(&error),
        Err(error) => return unknown(&error),
    };
    let Some((applied, _)) = rows.column_specs().get_by_name("[applied]") else {
        return unknown(&"the answer does not say whether it was applied");
    };
    let first = match rows.maybe_first_row::<Row>() {
        Ok(first) => first,
        Err(error) => return unknown(&error),
    };
    match first.and_then(|row| row.columns.get(applied)?.as_ref()?.as_boolean()) {
        Some(true) => Outcome::Applied,
        Some(false) => Outcome::Failed,
        None => unknown(&"the answer does not say whether it was applied"),
    }
}

fn damaged(prepared: &Prepared, error: impl std::fmt::Display) -> ReadError {
    let table = prepared.get_table_name().unwrap_or("a table");
    ReadError::Corrupt(format!("a row of {table} does not read: {error}"))
}
