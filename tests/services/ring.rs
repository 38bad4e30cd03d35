//! Three nodes of Cassandra of a test's own, to kill and to freeze.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use causerie_cql_proxy::Proxy;
use causerie_services::service::{START_LIMIT, Service as _};
use causerie_services::{Cassandra, CassandraPlan, CommitLog, Ports, Scratch, Standing, may_start};
use scylla::client::execution_profile::ExecutionProfile;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::statement::Consistency;
use tokio::sync::{Mutex, MutexGuard};
use tokio::task::block_in_place;

/// One ring at a time: three nodes take a gigabyte and all of two cores while they start.
static TURN: Mutex<()> = Mutex::const_new(());

/// The number of a node.
pub(crate) type Node = usize;

/// A ring that is whole when it has been started. Its nodes end with it.
pub(crate) struct Ring {
    cassandra: Cassandra,
    _ports: Ports,
    _folder: Scratch,
    _turn: MutexGuard<'static, ()>,
}

impl Ring {
    /// `None`: nothing may be started here, and the test is skipped.
    ///
    /// Hints are off, so that a node that comes back has old data for as long as nobody writes or reads it anew.
    pub(crate) async fn start(commit_log: CommitLog, settings: &[&str]) -> Result<Option<Self>> {
        if !may_start(Standing::Cassandra) {
            return Ok(None);
        }
        let turn = TURN.lock().await;
        block_in_place(|| {
            let folder = Scratch::new("ring")?;
            let mut ports = Ports::take()?;
            let mut plan = CassandraPlan::new(3, ports.another(), ports.another());
            plan.commit_log = commit_log;
            plan.settings.push("hinted_handoff_enabled: false".into());
            plan.settings.extend(settings.iter().map(|line| (*line).to_owned()));
            let mut cassandra = Cassandra::start_in(folder.path(), plan)?;
            cassandra.wait_ready(START_LIMIT)?;
            Ok(Some(Self { cassandra, _ports: ports, _folder: folder, _turn: turn }))
        })
    }

    /// As a crash of that process would.
    pub(crate) fn kill(&mut self, node: Node) -> Result<()> {
        Ok(block_in_place(|| self.cassandra.node(node).kill())?)
    }

    /// Starts a node again on the data it has. It answers when this returns; what it knows of the others comes later.
    pub(crate) fn restart(&mut self, node: Node) -> Result<()> {
        block_in_place(|| {
            self.cassandra.node(node).start()?;
            Ok(self.cassandra.wait_node(node, START_LIMIT)?)
        })
    }

    /// Its sockets stay open and nothing is answered.
    pub(crate) fn freeze(&mut self, node: Node) -> Result<()> {
        Ok(block_in_place(|| self.cassandra.node(node).pause())?)
    }

    pub(crate) fn thaw(&mut self, node: Node) -> Result<()> {
        Ok(block_in_place(|| self.cassandra.node(node).resume())?)
    }

    /// Where clients connect.
    pub(crate) fn hosts(&self) -> Vec<String> {
        self.cassandra.addresses().iter().map(ToString::to_string).collect()
    }

    /// Changes the schema. Done when every node has it.
    pub(crate) async fn define(&self, statements: &[&str]) -> Result<()> {
        let first = self.cassandra.addresses()[0].to_string();
        let session = SessionBuilder::new().known_node(first).build().await?;
        for statement in statements {
            session.query_unpaged(*statement, ()).await?;
        }
        Ok(())
    }

    /// A session that knows this node only, so that it coordinates everything; at QUORUM.
    pub(crate) async fn through(&self, node: Node) -> Result<Coordinated> {
        let proxy = Proxy::start(&self.cassandra.addresses()[node].to_string()).await?;
        let profile = ExecutionProfile::builder()
            .consistency(Consistency::Quorum)
            .request_timeout(Some(Duration::from_secs(10)))
            .build();
        let session = SessionBuilder::new()
            .known_node(proxy.address().to_string())
            .default_execution_profile_handle(profile.into_handle())
            .build()
            .await?;
        Ok(Coordinated { session: Arc::new(session), _proxy: proxy })
    }
}

/// A session whose every request goes to one node.
pub(crate) struct Coordinated {
    pub(crate) session: Arc<Session>,
    _proxy: Proxy,
}
