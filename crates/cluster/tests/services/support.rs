//! A directory with its mirror, and somebody outside who reads Redis as it is documented: with `redis-cli`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use causerie_cluster::Directory;
use causerie_cluster::directory::{ConnectionId, Leave, LocalDirectory, Registration};
use causerie_cluster::link::Incarnation;
use causerie_cluster::redis::{MirrorIdentity, RedisConfig, RedisMirror};
use causerie_protocol::snowflake::NodeNumber;
use causerie_protocol::{DeviceId, SystemClock, Timestamp, UserId};
use causerie_services::service::START_LIMIT;
use causerie_services::{Ports, Redis, RedisPlan, Scratch, Service, Standing};

/// How long anything here may take before a test fails.
pub(crate) const LIMIT: Duration = Duration::from_secs(40);

pub(crate) fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

/// Settings of the Redis that stays up, with a prefix of the test's own; `None` where there is none.
pub(crate) fn standing(test: &str) -> Option<RedisConfig> {
    let nodes = causerie_services::addresses(Standing::Redis)?;
    Some(RedisConfig { prefix: prefix(test), ..RedisConfig::new(nodes) })
}

/// Nobody else's.
pub(crate) fn prefix(test: &str) -> String {
    let start = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos();
    format!("causerie-test:{test}:{}-{start}:", std::process::id())
}

/// A Redis of the test's own, ready.
pub(crate) struct Own {
    pub(crate) redis: Redis,
    pub(crate) config: RedisConfig,
    _ports: Ports,
    _scratch: Scratch,
}

impl Own {
    pub(crate) fn start(label: &str) -> Option<Self> {
        if !causerie_services::may_start(Standing::Redis) {
            return None;
        }
        let (scratch, mut ports) = (Scratch::new(label).unwrap(), Ports::take().unwrap());
        let mut redis = Redis::start_in(scratch.path(), RedisPlan::new(ports.another())).unwrap();
        redis.wait_ready(START_LIMIT).unwrap();
        let config = RedisConfig::new(vec![redis.address().to_string()]);
        Some(Self { redis, config, _ports: ports, _scratch: scratch })
    }

    pub(crate) fn cli(&self) -> Cli {
        Cli::new(&self.config)
    }

    /// Kills it, and shows that nobody answers there any more.
    pub(crate) fn kill(&mut self) {
        self.redis.server().kill().unwrap();
        assert!(
            std::net::TcpStream::connect(self.redis.address()).is_err(),
            "it was killed and still listens"
        );
    }

    pub(crate) fn start_again(&mut self) {
        self.redis.start().unwrap();
        self.redis.wait_ready(START_LIMIT).unwrap();
    }
}

/// Somebody outside.
#[derive(Clone)]
pub(crate) struct Cli {
    address: String,
    prefix: String,
    more: Vec<String>,
}

impl Cli {
    pub(crate) fn new(config: &RedisConfig) -> Self {
        Self { address: config.nodes[0].clone(), prefix: config.prefix.clone(), more: Vec::new() }
    }

    pub(crate) fn with(mut self, more: &[&str]) -> Self {
        self.more.extend(more.iter().map(|&word| word.to_owned()));
        self
    }

    /// The answer, a line each; an error of Redis is a line too.
    pub(crate) fn ask(&self, words: &[&str]) -> Vec<String> {
        let address: SocketAddr = self.address.parse().unwrap();
        let output = Command::new("redis-cli")
            .args(["-h", &address.ip().to_string(), "-p", &address.port().to_string()])
            .args(&self.more)
            .args(words)
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
    }

    pub(crate) fn hash(&self, key: &str) -> BTreeMap<String, String> {
        let lines = self.ask(&["HGETALL", &format!("{}{key}", self.prefix)]);
        lines.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect()
    }

    pub(crate) fn get(&self, key: &str) -> String {
        self.ask(&["GET", &format!("{}{key}", self.prefix)]).join("\n")
    }

    pub(crate) fn seconds_left(&self, key: &str) -> i64 {
        self.ask(&["TTL", &format!("{}{key}", self.prefix)])[0].parse().unwrap()
    }

    /// The devices of a user, as outsiders are told to read them: fields of nodes that are there.
    pub(crate) fn devices(&self, user: &str) -> BTreeMap<String, String> {
        let mut devices = self.hash(&format!("route:{user}"));
        devices.retain(|_, value| {
            let incarnation = value.split('|').nth(1).unwrap_or_default();
            !self.get(&format!("node:{incarnation}")).is_empty()
        });
        devices
    }

    /// Removes all keys of the test.
    pub(crate) fn clean(&self) {
        assert!(!self.prefix.is_empty(), "a server that others use too");
        for key in self.ask(&["--scan", "--pattern", &format!("{}*", self.prefix)]) {
            self.ask(&["DEL", &key]);
        }
    }
}

/// A directory and its mirror.
pub(crate) struct Node {
    pub(crate) directory: LocalDirectory<RedisMirror>,
    pub(crate) mirror: RedisMirror,
    pub(crate) number: u128,
}

impl Node {
    pub(crate) fn start(config: &RedisConfig, number: u128) -> Self {
        let identity = MirrorIdentity {
            node: NodeNumber::new(3).unwrap(),
            incarnation: Incarnation(number),
            address: format!("10.0.0.1:{number}"),
        };
        let clock = Arc::new(SystemClock::default());
        let mirror = RedisMirror::start(config, &identity, clock).unwrap();
        let directory = LocalDirectory::observed(Duration::from_secs(5), mirror.clone());
        Self { directory, mirror, number }
    }

    pub(crate) fn open(&self, name: &str, device: &str, connection: u64) {
        let registration = Registration {
            device: DeviceId::new(device).unwrap(),
            connection: ConnectionId(connection),
            since: Timestamp(1),
        };
        self.directory.register(&user(name), registration);
    }

    pub(crate) fn close(&self, name: &str, connection: u64) {
        let now = Duration::from_secs(1);
        self.directory.unregister(&user(name), ConnectionId(connection), Leave::Silent, now, Timestamp(77));
        self.directory.changes(now);
    }

    /// What Redis is to say of a connection.
    pub(crate) fn value(&self, connection: u64) -> String {
        format!("3|{:032x}|{connection}", self.number)
    }

    pub(crate) fn node_key(&self) -> String {
        format!("node:{:032x}", self.number)
    }

    pub(crate) async fn settled(&self) {
        until("all is announced", || {
            let reading = self.mirror.reading();
            reading.up && reading.waiting == 0 && !reading.announcing_again
        })
        .await;
    }
}

/// How often it is looked whether something is as it should be: Redis does not tell by itself.
pub(crate) const LOOK: Duration = Duration::from_millis(20);

/// Waits for what is to be true in the end.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let (asked, mut looks) = (Instant::now(), tokio::time::interval(LOOK));
    while !is_so() {
        assert!(asked.elapsed() < LIMIT, "not within {LIMIT:?}: {what}");
        looks.tick().await;
    }
}
