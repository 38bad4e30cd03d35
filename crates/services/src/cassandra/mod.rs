//! Cassandra 5.0, one node or three.
//!
//! Ready is strict. A port that is open is not readiness: what is sent to change the schema right after three ports
//! have opened can leave a node without the table for minutes. So: every node answers, has joined, knows every other,
//! all have the same schema, and with three nodes a read of all replicas succeeds through each, four times half a
//! second apart. After that, change the schema through one node.

mod plan;

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::cql::{Cell, Consistency, Cql};
use crate::error::{ServiceError, words};
use crate::home::Home;
use crate::jars;
use crate::java;
use crate::process::Process;
use crate::service::{Place, Service};
use crate::wait;

pub use plan::{CassandraPlan, CommitLog};

/// How long one question to a node may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(3);
/// How often a ring must have looked whole, and how far apart.
const LOOKS: u32 = 4;
const BETWEEN_LOOKS: Duration = Duration::from_millis(500);

/// A Cassandra.
#[derive(Debug)]
pub struct Cassandra {
    name: &'static str,
    plan: CassandraPlan,
    processes: Vec<Process>,
    /// How often in a row the ring has looked whole, and when last.
    whole: (u32, Instant),
}

impl Cassandra {
    /// A test's own, in `folder`; started and not ready yet. It ends when this is dropped.
    ///
    /// # Errors
    /// When Java or the jars are missing, or it cannot be started.
    pub fn start_in(folder: &Path, plan: CassandraPlan) -> Result<Self, ServiceError> {
        let mut cassandra = Self::new("cassandra", plan, &Place::of_test(folder), &Home::of_user()?)?;
        cassandra.start()?;
        Ok(cassandra)
    }

    /// One that may run or not.
    pub(crate) fn new(
        name: &'static str,
        plan: CassandraPlan,
        place: &Place,
        home: &Home,
    ) -> Result<Self, ServiceError> {
        assert!(matches!(plan.nodes, 1 | 3), "one node or three");
        let java = java::find()?;
        let jars = jars::ready(jars::CASSANDRA, home)?;
        let processes = (0..plan.nodes)
            .map(|node| {
                let recipe = plan.recipe(node, place, &java, &jars);
                let folder = place.run.join(plan::name(node));
                Process::new(format!("{name} {}", plan::host(node)), folder, place.lifetime, recipe)
            })
            .collect();
        Ok(Self { name, plan, processes, whole: (0, Instant::now()) })
    }

    /// Where clients connect, node by node.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        (0..self.plan.nodes).map(|node| self.plan.address(node)).collect()
    }

    /// A node's process, by its number from 0: to kill, freeze and start it.
    ///
    /// # Panics
    /// When there is no such node.
    pub fn node(&mut self, node: usize) -> &mut Process {
        &mut self.processes[node]
    }

    /// Waits until a node answers clients again, whatever the others do.
    ///
    /// # Errors
    /// At once when it does not run; otherwise after `limit`.
    pub fn wait_node(&mut self, node: usize, limit: Duration) -> Result<(), ServiceError> {
        let asked = Instant::now();
        loop {
            let process = &self.processes[node];
            process.expect_running()?;
            let why = match wait::until(BETWEEN_LOOKS, || self.view(node)) {
                Ok(_) => return Ok(()),
                Err(why) => why,
            };
            if asked.elapsed() >= limit {
                return Err(ServiceError::NotReady {
                    name: process.name().to_owned(),
                    waited: asked.elapsed(),
                    why,
                    log: process.log(),
                    tail: process.log_tail(),
                });
            }
        }
    }

    /// What a node says of the ring: each member's schema version, its own first.
    fn view(&self, node: usize) -> Result<Vec<Vec<u8>>, String> {
        let mut cql = self.connect(node)?;
        let said = |error: std::io::Error| format!("{}: {}", plan::host(node), words(&error));
        let own = cql.rows("SELECT bootstrapped, schema_version FROM system.local", Consistency::One);
        let own = own.map_err(said)?;
        let [row] = own.as_slice() else { return Err(format!("{} knows no self", plan::host(node))) };
        if row.first() != Some(&Some(b"COMPLETED".to_vec())) {
            return Err(format!("{} has not joined yet", plan::host(node)));
        }
        let peers = cql.rows("SELECT peer, schema_version FROM system.peers", Consistency::One);
        let mut versions = vec![version(row)];
        versions.extend(peers.map_err(said)?.iter().map(version));
        Ok(versions)
    }

    fn connect(&self, node: usize) -> Result<Cql, String> {
        let (user, password) = &self.plan.credentials;
        Cql::connect(self.plan.address(node), (user, password), ANSWER_LIMIT)
            .map_err(|error| format!("{}: {}", plan::host(node), words(&error)))
    }

    /// Whether the ring is whole now, as every node sees it.
    fn look(&self) -> Result<(), String> {
        let mut versions = Vec::new();
        for node in 0..self.plan.nodes {
            let view = self.view(node)?;
            if view.len() != self.plan.nodes {
                return Err(format!("{} knows {} of {}", plan::host(node), view.len(), self.plan.nodes));
            }
            versions.extend(view);
        }
        versions.dedup();
        if versions.len() != 1 {
            return Err("the schema versions differ".into());
        }
        if self.plan.nodes == 3 {
            for node in 0..self.plan.nodes {
                // A keyspace of Cassandra's own that has three replicas of everything.
                let read = "SELECT view_name FROM system_distributed.view_build_status \
                            WHERE keyspace_name = 'x' AND view_name = 'x'";
                let read = self.connect(node)?.rows(read, Consistency::All);
                read.map_err(|error| {
                    format!("a read of all replicas through {}: {}", plan::host(node), words(&error))
                })?;
            }
        }
        Ok(())
    }
}

fn version(row: impl AsRef<[Cell]>) -> Vec<u8> {
    row.as_ref().get(1).cloned().flatten().unwrap_or_default()
}

impl Service for Cassandra {
    fn name(&self) -> &'static str {
        self.name
    }

    fn processes(&self) -> &[Process] {
        &self.processes
    }

    fn processes_mut(&mut self) -> &mut [Process] {
        &mut self.processes
    }

    fn listens(&self) -> Vec<(String, u16)> {
        (0..self.plan.nodes)
            .flat_map(|node| {
                [self.plan.cql_port, self.plan.storage_port].map(|port| (plan::host(node).to_string(), port))
            })
            .collect()
    }

    fn check(&mut self) -> Result<(), String> {
        if let Err(why) = self.look() {
            self.whole.0 = 0;
            return Err(why);
        }
        if self.whole.0 == 0 || self.whole.1.elapsed() >= BETWEEN_LOOKS {
            self.whole = (self.whole.0 + 1, Instant::now());
        }
        if self.plan.nodes > 1 && self.whole.0 < LOOKS {
            return Err("the ring has been whole for a moment only".into());
        }
        self.whole.0 = 0;
        Ok(())
    }
}
