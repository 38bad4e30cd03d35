//! Why the commit log of every replica must be synced before a write is answered.
//!
//! Of three replicas A, B and C, C is slow and A crashes. What was acknowledged is on A and B: a quorum. A comes back,
//! and B is slow now: A and C are a quorum too, and one read of theirs must find all of it. It does where the log is
//! synced before the answer. Where it is synced from time to time, A has forgotten what came since, and the
//! acknowledged writes are gone, although only one replica ever crashed.
//!
//! The log is compressed in both cases: one that is not lets a killed process keep all but its last tenth of a second
//! (a crash of the machine would not), and whether something was written in that tenth is a matter of luck. For the same
//! reason the period is longer than Cassandra's ten seconds.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use causerie_services::CommitLog;
use scylla::client::session::Session;
use scylla::statement::Consistency;
use scylla::statement::prepared::PreparedStatement;
use scylla::statement::unprepared::Statement;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::ring::{Node, Ring};

const A: Node = 0;
const B: Node = 1;
const C: Node = 2;
/// How many acknowledgements there must be before A is killed.
const ENOUGH: usize = 1_000;
const ON_ALL: i32 = -1;
const WRITERS: usize = 16;
const LIMIT: Duration = Duration::from_secs(60);

const CREATE: [&str; 2] = [
    "CREATE KEYSPACE amnesia WITH replication = {'class': 'NetworkTopologyStrategy', 'datacenter1': 3}",
    "CREATE TABLE amnesia.written (part int, id int, PRIMARY KEY (part, id))",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_periodic_log_forgets_acknowledged_writes_of_a_quorum() -> Result<()> {
    let Some(outcome) = lose_one(CommitLog::Periodic { period_ms: 60_000 }).await? else { return Ok(()) };
    println!("periodic: {} of {} acknowledged writes are missing", outcome.missing, outcome.acknowledged);
    ensure!(outcome.missing > 0, "nothing is missing: this ring does not show why `batch` is asked for");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_log_forgets_none() -> Result<()> {
    let Some(outcome) = lose_one(CommitLog::Batch).await? else { return Ok(()) };
    println!("batch: {} of {} acknowledged writes are missing", outcome.missing, outcome.acknowledged);
    ensure!(outcome.missing == 0, "{} acknowledged writes are missing", outcome.missing);
    Ok(())
}

struct Outcome {
    acknowledged: usize,
    missing: usize,
}

async fn lose_one(commit_log: CommitLog) -> Result<Option<Outcome>> {
    let compressed = ["commitlog_compression: [{ class_name: LZ4Compressor }]"];
    let Some(mut ring) = Ring::start(commit_log, &compressed).await? else { return Ok(None) };
    ring.define(&CREATE).await?;
    let b = ring.through(B).await?;
    write_to_all(&b.session).await?;
    ring.freeze(C)?;
    let writes = Writes::begin(&b.session).await?;
    writes.reach(ENOUGH).await?;
    ring.kill(A)?;
    let acknowledged = writes.end().await?;

    // Nobody answered for C. What waits in its sockets has expired when A is back, but for the first one or two, which it
    // takes before it has looked at its clock.
    ring.restart(A)?;
    ring.freeze(B)?;
    ring.thaw(C)?;
    let a = ring.through(A).await?;
    let found = read(&a.session).await?;
    ensure!(found.contains(&ON_ALL), "C does not know what it had been given");
    let missing = acknowledged.difference(&found).count();
    Ok(Some(Outcome { acknowledged: acknowledged.len(), missing }))
}

/// What every node has, so that an empty answer at the end is known for a broken one.
async fn write_to_all(session: &Session) -> Result<()> {
    let mut insert = Statement::new("INSERT INTO amnesia.written (part, id) VALUES (0, ?)");
    insert.set_consistency(Consistency::All);
    session.query_unpaged(insert, (ON_ALL,)).await?;
    Ok(())
}

/// Writers that go on until they are told to end.
struct Writes {
    tasks: JoinSet<()>,
    acknowledged: watch::Sender<BTreeSet<i32>>,
    over: Arc<AtomicBool>,
}

impl Writes {
    async fn begin(session: &Arc<Session>) -> Result<Self> {
        let insert = session.prepare("INSERT INTO amnesia.written (part, id) VALUES (0, ?)").await?;
        let mut writes =
            Self { tasks: JoinSet::new(), acknowledged: watch::Sender::default(), over: Arc::default() };
        let next = Arc::new(AtomicI32::new(0));
        for _ in 0..WRITERS {
            writes.tasks.spawn(write(
                Arc::clone(session),
                insert.clone(),
                Arc::clone(&next),
                (writes.acknowledged.clone(), Arc::clone(&writes.over)),
            ));
        }
        Ok(writes)
    }

    async fn reach(&self, count: usize) -> Result<()> {
        let mut acknowledged = self.acknowledged.subscribe();
        let reached = acknowledged.wait_for(|acknowledged| acknowledged.len() >= count);
        timeout(LIMIT, reached).await.context("too few writes were acknowledged")??;
        Ok(())
    }

    /// What was acknowledged. With A gone and C frozen, nothing is any more.
    async fn end(mut self) -> Result<BTreeSet<i32>> {
        self.over.store(true, Ordering::Relaxed);
        while let Some(joined) = self.tasks.join_next().await {
            joined?;
        }
        Ok(self.acknowledged.send_replace(BTreeSet::new()))
    }
}

async fn write(
    session: Arc<Session>,
    insert: PreparedStatement,
    next: Arc<AtomicI32>,
    (acknowledged, over): (watch::Sender<BTreeSet<i32>>, Arc<AtomicBool>),
) {
    while !over.load(Ordering::Relaxed) {
        let id = next.fetch_add(1, Ordering::Relaxed);
        if session.execute_unpaged(&insert, (id,)).await.is_ok() {
            acknowledged.send_modify(|acknowledged| _ = acknowledged.insert(id));
        }
    }
}

/// One read of a quorum, repeated until A has noticed who is there.
async fn read(session: &Session) -> Result<BTreeSet<i32>> {
    let select = session.prepare("SELECT id FROM amnesia.written WHERE part = 0").await?;
    let asked = Instant::now();
    loop {
        match session.execute_unpaged(&select, ()).await {
            Ok(answer) => {
                let rows = answer.into_rows_result()?;
                return rows.rows::<(i32,)>()?.map(|row| Ok(row?.0)).collect();
            }
            Err(error) => ensure!(asked.elapsed() < LIMIT, "A and C never answered together: {error}"),
        }
    }
}
