//! A keyspace of its own, a session through a proxy and one past it.

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use causerie_cql_proxy::Proxy;
use causerie_services::{Standing, addresses};
use futures_util::FutureExt as _;
use scylla::client::execution_profile::ExecutionProfile;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::policies::retry::FallthroughRetryPolicy;
use scylla::statement::batch::{Batch, BatchType};
use scylla::statement::prepared::PreparedStatement;

/// How long the driver waits for an answer. Tests of answers that never come take this long.
pub(crate) const TIMEOUT: Duration = Duration::from_millis(1500);

pub(crate) struct World {
    pub(crate) proxy: Proxy,
    /// Through the proxy; repeats nothing by itself.
    pub(crate) session: Arc<Session>,
    /// Straight to the server: what is really there.
    direct: Session,
    pub(crate) keyspace: String,
    insert: PreparedStatement,
    select: PreparedStatement,
}

/// Runs a test in a world of its own, whose keyspace goes whatever it came to. Skipped where there is no Cassandra.
pub(crate) async fn with_world(test: impl AsyncFnOnce(&World) -> Result<()>) -> Result<()> {
    let Some(upstream) = addresses(Standing::Cassandra) else { return Ok(()) };
    let world = World::new(upstream.first().context("an address")?).await?;
    let tested = AssertUnwindSafe(test(&world)).catch_unwind().await;
    let ended = world.end().await;
    match tested {
        Ok(tested) => tested.and(ended),
        Err(panic) => resume_unwind(panic),
    }
}

impl World {
    async fn new(upstream: &str) -> Result<Self> {
        let direct = session(upstream).await?;
        let keyspace = format!("t_{}", uuid::Uuid::new_v4().simple());
        for statement in [
            format!(
                "CREATE KEYSPACE {keyspace} WITH replication = \
                 {{'class': 'SimpleStrategy', 'replication_factor': 1}} AND durable_writes = false"
            ),
            format!("CREATE TABLE {keyspace}.rows (id int PRIMARY KEY, value int)"),
        ] {
            // A time limit for what the driver does otherwise: creating takes Cassandra longer than a write.
            direct.query_unpaged(unhurried(&statement), ()).await?;
        }
        let proxy = Proxy::start(upstream).await?;
        let session = session(&proxy.address().to_string()).await?;
        let insert =
            session.prepare(format!("INSERT INTO {keyspace}.rows (id, value) VALUES (?, ?)")).await?;
        let select = direct.prepare(format!("SELECT value FROM {keyspace}.rows WHERE id = ?")).await?;
        Ok(Self { proxy, session: Arc::new(session), direct, keyspace, insert, select })
    }

    /// Writes through the proxy.
    pub(crate) fn write(&self, id: i32) -> impl Future<Output = Result<()>> + Send + use<> {
        let (session, insert) = (Arc::clone(&self.session), self.insert.clone());
        async move {
            session.execute_unpaged(&insert, (id, 1)).await?;
            Ok(())
        }
    }

    /// Writes two rows in one batch through the proxy.
    pub(crate) async fn write_batch(&self, ids: [i32; 2]) -> Result<()> {
        let mut batch = Batch::new(BatchType::Unlogged);
        batch.append_statement(self.insert.clone());
        batch.append_statement(self.insert.clone());
        self.session.batch(&batch, ids.map(|id| (id, 1)).to_vec()).await?;
        Ok(())
    }

    /// Whether the server has the row, asked past the proxy.
    pub(crate) async fn has(&self, id: i32) -> Result<bool> {
        let rows = self.direct.execute_unpaged(&self.select, (id,)).await?.into_rows_result()?;
        Ok(rows.rows_num() == 1)
    }

    /// Waits until the server has the row.
    pub(crate) async fn comes_to_have(&self, id: i32) -> Result<()> {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
        while !self.has(id).await? {
            ensure!(tokio::time::Instant::now() < deadline, "row {id} never came");
        }
        Ok(())
    }

    /// Writes until one succeeds: the driver connects again when it likes.
    pub(crate) async fn recovers(&self, id: i32) -> Result<()> {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
        while self.write(id).await.is_err() {
            ensure!(tokio::time::Instant::now() < deadline, "no write came through any more");
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    async fn end(self) -> Result<()> {
        self.direct.query_unpaged(unhurried(&format!("DROP KEYSPACE {}", self.keyspace)), ()).await?;
        drop(self.session);
        self.proxy.stop().await;
        Ok(())
    }
}

fn unhurried(statement: &str) -> scylla::statement::unprepared::Statement {
    let mut statement = scylla::statement::unprepared::Statement::new(statement);
    statement.set_request_timeout(Some(Duration::from_secs(60)));
    statement
}

async fn session(address: &str) -> Result<Session> {
    let profile = ExecutionProfile::builder()
        .request_timeout(Some(TIMEOUT))
        .retry_policy(Arc::new(FallthroughRetryPolicy::new()))
        .build();
    Ok(SessionBuilder::new()
        .known_node(address)
        .default_execution_profile_handle(profile.into_handle())
        .build()
        .await?)
}
