//! How a store is opened.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use crate::hooks::{Hooks, NoHooks};

/// Settings of a store on CQL.
#[derive(Clone)]
pub struct CqlConfig {
    /// Database nodes to begin with, each as `host:port`; the others are learnt from them.
    pub hosts: Vec<String>,
    /// Who signs in; `None` where the database asks for nobody.
    pub credentials: Option<Credentials>,
    /// How connections are encrypted; `None` for not at all.
    pub tls: Option<TlsConfig>,
    /// The datacenter whose replicas are used, by the database's name of it. Needed for [`Level::LocalQuorum`]. All nodes
    /// of one cluster name the same one.
    pub datacenter: Option<String>,
    /// How many replicas answer before anything counts as written or read.
    pub level: Level,
    /// Replicas in each datacenter, for keyspaces that are made. Empty: three in [`datacenter`](Self::datacenter), or in
    /// the only one there is.
    pub replication: BTreeMap<String, u32>,
    /// The keyspace of messages, conversations and users: small letters, digits and `_`.
    pub keyspace: String,
    /// The keyspace of ownership, the only one with conditional writes: small letters, digits and `_`.
    pub control_keyspace: String,
    /// Which cluster of chat nodes this one belongs to.
    pub cluster: String,
    /// The name of this node, unique in its cluster. Whoever opens later under the same name declares the earlier one dead
    /// at once, and that one ends.
    pub node: String,
    /// Where this node is reached by others, for people who look at the tables.
    pub address: String,
    /// Whether missing tables are made when the store is opened. Without it, opening fails until
    /// [`schema::apply`](crate::schema::apply) was run.
    pub apply_schema: bool,
    /// Opens though a replica acknowledges writes before they are on its disk (`commitlog_sync: periodic`). **What is
    /// lost:** acknowledged messages of the last moments, and the guarantee that two nodes never both append, whenever one
    /// replica is killed.
    pub may_lose_acknowledged_messages: bool,
    /// One request to the database, with its repetitions by the driver.
    pub request_timeout: Duration,
    /// Until a connection counts as failed.
    pub connect_timeout: Duration,
    /// After so long without an answer a read is sent to a second replica too.
    pub speculative_after: Duration,
    /// How long an append or another write is repeated before its outcome counts as unknown.
    pub write_deadline: Duration,
    /// How long [`open`](crate::CqlStore::open) may take, all together.
    pub open_deadline: Duration,
    /// How often this node renews its lease.
    pub lease_renewal: Duration,
    /// After so long without renewal, by the observer's clock, another node counts as dead.
    pub lease_ttl: Duration,
    /// How often every replica is asked anew what its commit log does.
    pub check_interval: Duration,
    /// Appends that are on their way to the database at most.
    pub appends_in_flight: usize,
    /// Conversations whose last position is remembered; each takes about 100 bytes. What is forgotten costs a read.
    pub open_conversations: usize,
    /// Called once when this store lost what it owned for good: another node has taken over, and this process has to exit.
    pub on_fatal: Arc<dyn Fn(&str) + Send + Sync>,
    /// What the store asks at each step of an append. Anything but the default is for tests.
    pub hooks: Arc<dyn Hooks>,
}

/// Name and password at the database.
#[derive(Clone)]
pub struct Credentials {
    /// The role.
    pub user: String,
    /// Its password.
    pub password: String,
}

/// TLS towards the database. Nodes are verified by their IP address, which their certificates have to name.
#[derive(Clone, Debug)]
pub struct TlsConfig {
    /// The file of the authorities that are believed, in PEM.
    pub ca: PathBuf,
    /// This client's certificate and key in PEM, where the database asks for one.
    pub identity: Option<(PathBuf, PathBuf)>,
}

/// How many replicas answer before anything counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// A majority of all replicas.
    Quorum,
    /// A majority of the replicas in the datacenter that is named.
    LocalQuorum,
}

/// A level that this store does not work with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "consistency {0:?} is refused: only quorum and local_quorum keep what was acknowledged; with less, a message can be acknowledged by a replica that the next reader does not ask"
)]
pub struct LevelError(String);

impl FromStr for Level {
    type Err = LevelError;

    fn from_str(text: &str) -> Result<Self, LevelError> {
        match text.to_ascii_lowercase().as_str() {
            "quorum" => Ok(Self::Quorum),
            "local_quorum" => Ok(Self::LocalQuorum),
            _ => Err(LevelError(text.to_owned())),
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Quorum => "quorum",
            Self::LocalQuorum => "local_quorum",
        })
    }
}

impl CqlConfig {
    /// The settings for a node of a cluster whose database has these nodes.
    pub fn new(hosts: Vec<String>, cluster: impl Into<String>, node: impl Into<String>) -> Self {
        Self {
            hosts,
            credentials: None,
            tls: None,
            datacenter: None,
            level: Level::Quorum,
            replication: BTreeMap::new(),
            keyspace: "causerie".to_owned(),
            control_keyspace: "causerie_ctl".to_owned(),
            cluster: cluster.into(),
            node: node.into(),
            address: String::new(),
            apply_schema: true,
            may_lose_acknowledged_messages: false,
            request_timeout: Duration::from_secs(2),
            connect_timeout: Duration::from_secs(3),
            speculative_after: Duration::from_millis(200),
            write_deadline: Duration::from_secs(5),
            open_deadline: Duration::from_mins(2),
            lease_renewal: Duration::from_secs(2),
            lease_ttl: Duration::from_secs(6),
            check_interval: Duration::from_secs(30),
            appends_in_flight: 64,
            open_conversations: 100_000,
            on_fatal: Arc::new(|_| ()),
            hooks: Arc::new(NoHooks),
        }
    }

    /// Says what is wrong with the settings themselves.
    ///
    /// # Errors
    /// The first setting that cannot be used, in words.
    pub fn validate(&self) -> Result<(), String> {
        for (setting, name) in [("keyspace", &self.keyspace), ("control_keyspace", &self.control_keyspace)] {
            if !is_keyspace(name) {
                return Err(format!(
                    "{setting} {name:?} is no name of a keyspace: 1 to 48 small letters, digits and _, a letter first"
                ));
            }
        }
        let problems = [
            (self.hosts.is_empty(), "hosts: name at least one node of the database"),
            (self.keyspace == self.control_keyspace, "keyspace and control_keyspace have to differ"),
            (self.cluster.is_empty(), "cluster: give it a name"),
            (self.node.is_empty(), "node: give it a name"),
            (
                self.level == Level::LocalQuorum && self.datacenter.is_none(),
                "level local_quorum: name the datacenter",
            ),
            (
                self.replication.values().any(|replicas| *replicas == 0),
                "replication: 0 replicas keep nothing",
            ),
            (self.appends_in_flight == 0, "appends_in_flight: at least 1"),
            (
                self.lease_ttl < self.lease_renewal * 2,
                "lease_ttl: at least twice lease_renewal, or one late renewal costs the node",
            ),
        ];
        match problems.iter().find(|(wrong, _)| *wrong) {
            Some((_, problem)) => Err((*problem).to_owned()),
            None => Ok(()),
        }
    }
}

fn is_keyspace(name: &str) -> bool {
    let letter = |c: char| c.is_ascii_lowercase();
    name.len() <= 48
        && name.starts_with(letter)
        && name.chars().all(|c| letter(c) || c.is_ascii_digit() || c == '_')
}

impl fmt::Debug for CqlConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CqlConfig")
            .field("hosts", &self.hosts)
            .field("keyspace", &self.keyspace)
            .field("cluster", &self.cluster)
            .field("node", &self.node)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_majorities_are_taken() {
        assert_eq!("QUORUM".parse(), Ok(Level::Quorum));
        assert_eq!("local_quorum".parse(), Ok(Level::LocalQuorum));
        for level in ["ONE", "LOCAL_ONE", "ANY", "TWO", "ALL", ""] {
            assert!(level.parse::<Level>().is_err(), "{level}");
        }
    }

    #[test]
    fn settings_that_cannot_work_are_named() {
        let good = CqlConfig::new(vec!["127.0.0.1:9042".to_owned()], "c", "n");
        assert_eq!(good.validate(), Ok(()));
        let wrong = |change: fn(&mut CqlConfig)| {
            let mut config = good.clone();
            change(&mut config);
            config.validate().unwrap_err()
        };
        assert!(wrong(|c| c.hosts.clear()).contains("hosts"));
        assert!(wrong(|c| c.keyspace = "x; DROP KEYSPACE y".to_owned()).contains("keyspace"));
        assert!(wrong(|c| c.level = Level::LocalQuorum).contains("datacenter"));
        assert!(wrong(|c| c.lease_ttl = c.lease_renewal).contains("lease_ttl"));
    }

    #[test]
    fn a_password_is_not_shown() {
        let mut config = CqlConfig::new(vec![], "c", "n");
        config.credentials = Some(Credentials { user: "me".to_owned(), password: "secret".to_owned() });
        assert!(!format!("{config:?} {:?}", config.credentials).contains("secret"));
    }
}
