//! The services that stay up for all tests and for developers, at ports of their own.
//!
//! The ports cannot be set. They are away from the defaults, so that a developer's own servers are not met, and below
//! the range from which the kernel takes ports for outgoing connections.

use std::ffi::OsString;
use std::fs;
use std::net::Ipv4Addr;

use crate::cassandra::{Cassandra, CassandraPlan};
use crate::error::ServiceError;
use crate::haproxy::{Haproxy, HaproxyPlan};
use crate::home::Home;
use crate::kafka::{Kafka, KafkaPlan};
use crate::process::{Process, Recipe};
use crate::redis::{Redis, RedisCluster, RedisClusterPlan, RedisPlan};
use crate::service::Service;

const CASSANDRA: [u16; 2] = [29_042, 27_000];
const CASSANDRA3: [u16; 2] = [29_043, 27_001];
const KAFKA: [u16; 2] = [29_092, 29_093];
const REDIS: u16 = 26_379;
const REDIS_CLUSTER: [u16; 6] = [26_401, 26_402, 26_403, 26_404, 26_405, 26_406];
const REDIS_CLUSTER_BUS: [u16; 6] = [26_411, 26_412, 26_413, 26_414, 26_415, 26_416];
const HAPROXY: [u16; 3] = [28_000, 28_001, 28_002];
/// Where the balancer looks for nodes, on 127.0.0.11 to 127.0.0.13: clients, readiness.
const HAPROXY_NODES: [u16; 2] = [28_080, 28_081];

/// A service that stays up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// One node.
    Cassandra,
    /// Three nodes.
    Cassandra3,
    /// One broker.
    Kafka,
    /// One server.
    Redis,
    /// Three masters, a replica each.
    RedisCluster,
    /// A balancer for three nodes.
    Haproxy,
}

impl Standing {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Cassandra, Self::Cassandra3, Self::Kafka, Self::Redis, Self::RedisCluster, Self::Haproxy];

    /// What it is called on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cassandra => "cassandra",
            Self::Cassandra3 => "cassandra3",
            Self::Kafka => "kafka",
            Self::Redis => "redis",
            Self::RedisCluster => "redis-cluster",
            Self::Haproxy => "haproxy",
        }
    }

    /// The one with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|service| service.name() == name)
    }

    /// The variable that tells tests where it is.
    #[must_use]
    pub fn variable(self) -> &'static str {
        match self {
            Self::Cassandra => "CAUSERIE_TEST_CASSANDRA",
            Self::Cassandra3 => "CAUSERIE_TEST_CASSANDRA3",
            Self::Kafka => "CAUSERIE_TEST_KAFKA",
            Self::Redis => "CAUSERIE_TEST_REDIS",
            Self::RedisCluster => "CAUSERIE_TEST_REDIS_CLUSTER",
            Self::Haproxy => "CAUSERIE_TEST_HAPROXY",
        }
    }

    /// What the variable says: `host:port`, with commas between them.
    #[must_use]
    pub fn addresses(self) -> String {
        let of = |ports: &[u16], hosts: u8| -> String {
            let hosts = (1..=hosts).flat_map(|last| {
                ports.iter().map(move |port| format!("{}:{port}", Ipv4Addr::new(127, 0, 0, last)))
            });
            hosts.collect::<Vec<_>>().join(",")
        };
        match self {
            Self::Cassandra => of(&CASSANDRA[..1], 1),
            Self::Cassandra3 => of(&CASSANDRA3[..1], 3),
            Self::Kafka => of(&KAFKA[..1], 1),
            Self::Redis => of(&[REDIS], 1),
            Self::RedisCluster => of(&REDIS_CLUSTER[..3], 1),
            Self::Haproxy => of(&HAPROXY[..2], 1),
        }
    }

    /// It, running or not, as `home` knows it. Fetches its jars if they are not there.
    ///
    /// # Errors
    /// When a program or jar is missing or not what was pinned.
    pub fn open(self, home: &Home) -> Result<Box<dyn Service + Send>, ServiceError> {
        let place = &home.place(self.name());
        let [cql, storage] = if self == Self::Cassandra { CASSANDRA } else { CASSANDRA3 };
        Ok(match self {
            Self::Cassandra => {
                Box::new(Cassandra::new(self.name(), CassandraPlan::new(1, cql, storage), place, home)?)
            }
            Self::Cassandra3 => {
                Box::new(Cassandra::new(self.name(), CassandraPlan::new(3, cql, storage), place, home)?)
            }
            Self::Kafka => Box::new(Kafka::new(KafkaPlan::new(1, KAFKA[0], KAFKA[1]), place, home)?),
            Self::Redis => Box::new(Redis::new(RedisPlan::new(REDIS), place)?),
            Self::RedisCluster => {
                let plan = RedisClusterPlan::new(REDIS_CLUSTER.to_vec(), REDIS_CLUSTER_BUS.to_vec());
                Box::new(RedisCluster::new(plan, place)?)
            }
            Self::Haproxy => {
                let [serve, ready] = HAPROXY_NODES;
                let nodes = [11, 12, 13].map(|last| ((Ipv4Addr::new(127, 0, 0, last), serve).into(), ready));
                let [least_port, hash_port, admin_port] = HAPROXY;
                let plan = HaproxyPlan { least_port, hash_port, admin_port, nodes: nodes.to_vec() };
                Box::new(Haproxy::new(plan, place)?)
            }
        })
    }

    /// Its processes as `home` knows them from earlier starts, running or not. Needs neither programs nor jars.
    #[must_use]
    pub fn known_processes(self, home: &Home) -> Vec<Process> {
        let place = home.place(self.name());
        let folders = fs::read_dir(&place.run).into_iter().flatten().flatten();
        let mut names: Vec<_> =
            folders.filter(|entry| entry.path().is_dir()).map(|entry| entry.file_name()).collect();
        names.sort();
        let process = |name: OsString| {
            let recipe = Recipe { data: place.data.join(&name), ..Recipe::default() };
            let shown = format!("{} {}", self.name(), name.to_string_lossy());
            Process::new(shown, place.run.join(name), place.lifetime, recipe)
        };
        names.into_iter().map(process).collect()
    }

    /// Whether all of its processes run.
    #[must_use]
    pub fn is_up(self, home: &Home) -> bool {
        let processes = self.known_processes(home);
        !processes.is_empty() && processes.iter().all(|process| process.running().is_some())
    }

    /// Kills its processes, and throws away their data. Logs stay until the next start.
    ///
    /// # Errors
    /// The first that happened; the others are taken down all the same.
    pub fn take_down(self, home: &Home) -> Result<(), ServiceError> {
        let mut first = Ok(());
        for mut process in self.known_processes(home) {
            first = first.and(process.discard());
        }
        // The empty folder around them; what is not empty is what could not be removed.
        let _ = fs::remove_dir(home.place(self.name()).data);
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_read_as_documented() {
        for service in Standing::ALL {
            assert_eq!(Standing::named(service.name()), Some(service));
        }
        assert_eq!(Standing::named("postgres"), None);
        assert_eq!(Standing::Cassandra3.addresses(), "127.0.0.1:29043,127.0.0.2:29043,127.0.0.3:29043");
        assert_eq!(Standing::RedisCluster.addresses(), "127.0.0.1:26401,127.0.0.1:26402,127.0.0.1:26403");
    }
}
