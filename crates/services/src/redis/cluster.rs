//! A Redis cluster: three masters, with or without a replica each.
//!
//! Ready: every server says `cluster_state:ok` and knows all others, and every replica is linked to its master. The
//! servers are brought together by [`Service::check`] itself, step by step, so that it can be interrupted anywhere.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use super::resp::Resp;
use super::{ANSWER_LIMIT, address, recipe};
use crate::error::{ServiceError, words};
use crate::process::Process;
use crate::service::{Place, Service};

const MASTERS: usize = 3;
const SLOTS: usize = 16_384;

/// A cluster on 127.0.0.1, a server a port.
#[derive(Clone, Debug)]
pub struct RedisClusterPlan {
    /// Three, or six: the last three are replicas of the first, one each.
    pub ports: Vec<u16>,
    /// As many: where servers meet.
    pub bus_ports: Vec<u16>,
    /// After how many milliseconds of silence a server is given up.
    pub node_timeout_ms: u32,
    /// More arguments for each server.
    pub settings: Vec<String>,
}

impl RedisClusterPlan {
    /// A plan with nothing unusual in it.
    #[must_use]
    pub fn new(ports: Vec<u16>, bus_ports: Vec<u16>) -> Self {
        Self { ports, bus_ports, node_timeout_ms: 2000, settings: Vec::new() }
    }
}

/// A Redis cluster.
#[derive(Debug)]
pub struct RedisCluster {
    plan: RedisClusterPlan,
    processes: Vec<Process>,
}

impl RedisCluster {
    /// A test's own, in `folder`; started and not ready yet. It ends when this is dropped.
    ///
    /// # Errors
    /// When Redis is not installed or cannot be started.
    pub fn start_in(folder: &Path, plan: RedisClusterPlan) -> Result<Self, ServiceError> {
        let mut cluster = Self::new(plan, &Place::of_test(folder))?;
        cluster.start()?;
        Ok(cluster)
    }

    /// One that may run or not.
    pub(crate) fn new(plan: RedisClusterPlan, place: &Place) -> Result<Self, ServiceError> {
        let count = plan.ports.len();
        assert!((count == MASTERS || count == 2 * MASTERS) && plan.bus_ports.len() == count, "three or six");
        let mut processes = Vec::new();
        for (port, bus) in plan.ports.iter().zip(&plan.bus_ports) {
            let name = format!("server-{port}");
            let mut settings: Vec<String> = [
                ("--cluster-enabled", "yes"),
                ("--cluster-config-file", "nodes.conf"),
                ("--cluster-port", &bus.to_string()),
                ("--cluster-node-timeout", &plan.node_timeout_ms.to_string()),
                // A replica takes over however long it has been without its master: there is nothing better.
                ("--cluster-replica-validity-factor", "0"),
                ("--repl-diskless-sync-delay", "0"),
            ]
            .into_iter()
            .flat_map(|(name, value)| [name.to_owned(), value.to_owned()])
            .collect();
            settings.extend(plan.settings.iter().cloned());
            let recipe = recipe(*port, place.data.join(&name), &settings)?;
            processes.push(Process::new(
                format!("redis-cluster {port}"),
                place.run.join(&name),
                place.lifetime,
                recipe,
            ));
        }
        Ok(Self { plan, processes })
    }

    /// Where clients connect, server by server.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.plan.ports.iter().copied().map(address).collect()
    }

    /// A server's process, by its number from 0: to kill, freeze and start it.
    ///
    /// # Panics
    /// When there is no such server.
    pub fn server(&mut self, server: usize) -> &mut Process {
        &mut self.processes[server]
    }

    fn connect(&self, server: usize) -> Result<Resp, String> {
        Resp::connect(address(self.plan.ports[server]), None, ANSWER_LIMIT).map_err(|error| words(&error))
    }

    /// Gives out the slots, and introduces everybody to the first. Done when nobody knows anybody yet.
    fn form(&self) -> Result<(), String> {
        for master in 0..MASTERS {
            let mut redis = self.connect(master)?;
            let [first, last] = [master, master + 1].map(|part| SLOTS * part / MASTERS);
            // Refused if a former attempt came this far; what is missing then is missed by the check.
            let _ = redis.command(&["CLUSTER", "SET-CONFIG-EPOCH", &(master + 1).to_string()]);
            let _ = redis.command(&["CLUSTER", "ADDSLOTSRANGE", &first.to_string(), &(last - 1).to_string()]);
        }
        let mut first = self.connect(0)?;
        for (port, bus) in self.plan.ports.iter().zip(&self.plan.bus_ports).skip(1) {
            first
                .command(&["CLUSTER", "MEET", "127.0.0.1", &port.to_string(), &bus.to_string()])
                .map_err(|error| words(&error))?;
        }
        Ok(())
    }

    /// Makes a server that has no slots the replica of its master.
    fn attach(&self, replica: usize, redis: &mut Resp) -> Result<(), String> {
        let said = |error: std::io::Error| words(&error);
        let nodes = redis.command(&["CLUSTER", "NODES"]).map_err(said)?;
        let own = nodes.lines().find(|line| line.contains("myself")).unwrap_or_default();
        let has_no_slots = own.split(' ').count() <= 8;
        if own.contains("myself,master") && has_no_slots {
            let master = self.connect(replica - MASTERS)?.command(&["CLUSTER", "MYID"]).map_err(said)?;
            redis.command(&["CLUSTER", "REPLICATE", &master]).map_err(said)?;
        }
        let replication = redis.command(&["INFO", "replication"]).map_err(said)?;
        if replication.contains("role:slave") && !replication.contains("master_link_status:up") {
            return Err("a replica is not linked to its master".into());
        }
        Ok(())
    }
}

impl Service for RedisCluster {
    fn name(&self) -> &'static str {
        "redis-cluster"
    }

    fn processes(&self) -> &[Process] {
        &self.processes
    }

    fn processes_mut(&mut self) -> &mut [Process] {
        &mut self.processes
    }

    fn listens(&self) -> Vec<(String, u16)> {
        let ports = self.plan.ports.iter().chain(&self.plan.bus_ports);
        ports.map(|port| (Ipv4Addr::LOCALHOST.to_string(), *port)).collect()
    }

    fn check(&mut self) -> Result<(), String> {
        let count = self.plan.ports.len();
        let mut servers = Vec::new();
        for server in 0..count {
            let mut redis = self.connect(server)?;
            let info = redis.command(&["CLUSTER", "INFO"]).map_err(|error| words(&error))?;
            servers.push((redis, info));
        }
        let holds = |info: &str, what: &str| info.lines().any(|line| line == what);
        if servers.iter().all(|(_, info)| holds(info, "cluster_known_nodes:1")) {
            self.form()?;
            return Err("the servers are being introduced".into());
        }
        for (server, (redis, info)) in servers.iter_mut().enumerate() {
            for what in [format!("cluster_known_nodes:{count}"), "cluster_state:ok".into()] {
                if !holds(info, &what) {
                    return Err(format!("{} does not say {what}", self.plan.ports[server]));
                }
            }
            if server >= MASTERS {
                self.attach(server, redis)?;
            }
        }
        Ok(())
    }
}
