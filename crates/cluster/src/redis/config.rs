//! How Redis is reached, and what is asked of it.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// Settings of the mirror and of the cache.
#[derive(Clone, Debug)]
pub struct RedisConfig {
    /// Where Redis is, each as `host:port`: one server, or one or more of a cluster, from which the others are learnt.
    pub nodes: Vec<String>,
    /// Whether it is a Redis Cluster.
    pub cluster: bool,
    /// Who signs in; `None` where Redis asks for nobody.
    pub credentials: Option<RedisCredentials>,
    /// How connections are encrypted; `None` for not at all.
    pub tls: Option<RedisTls>,
    /// What every key begins with, for a Redis that is shared; nothing by default.
    pub prefix: String,
    /// How long one command of the mirror may take.
    pub command_timeout: Duration,
    /// How many users are announced a second at most, changes and renewals together.
    pub announce_per_second: u32,
    /// How long a look into the cache may take before the store is asked instead.
    pub cache_timeout: Duration,
    /// How long a value stays in the cache. It is also the bound of what is said in [`cache`](super::cache) about a Redis
    /// that forgets.
    pub cache_ttl: Duration,
}

impl RedisConfig {
    /// The settings of a single, open Redis; the rest is to be set by the caller.
    pub fn new(nodes: Vec<String>) -> Self {
        Self {
            nodes,
            cluster: false,
            credentials: None,
            tls: None,
            prefix: String::new(),
            command_timeout: Duration::from_secs(2),
            announce_per_second: 5_000,
            cache_timeout: Duration::from_millis(100),
            cache_ttl: Duration::from_mins(10),
        }
    }
}

/// Name and password at Redis.
#[derive(Clone)]
pub struct RedisCredentials {
    /// The ACL user; `None` for the password of `requirepass`.
    pub user: Option<String>,
    /// Its password.
    pub password: String,
}

/// Passwords are not for logs.
impl fmt::Debug for RedisCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisCredentials").field("user", &self.user).finish_non_exhaustive()
    }
}

/// TLS towards Redis. Servers are verified by the host of their address; in a cluster that is what `CLUSTER SLOTS` says.
#[derive(Clone, Debug)]
pub struct RedisTls {
    /// The file of the authorities that are believed, in PEM.
    pub ca: PathBuf,
    /// This client's certificate and key in PEM, where Redis asks for one.
    pub identity: Option<(PathBuf, PathBuf)>,
}
