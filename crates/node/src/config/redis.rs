//! `[redis]`

use std::path::PathBuf;

use super::kind::{Choice, choice, list, optional, path, secret, text};
use super::secret::Secret;
use super::section::section;

/// How Redis is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedisMode {
    /// One server.
    Single,
    /// Redis Cluster.
    Cluster,
}

impl Choice for RedisMode {
    const ALL: &'static [(&'static str, Self)] = &[("single", Self::Single), ("cluster", Self::Cluster)];
}

section! {
    /// Redis: who is connected, for readers outside, and a cache of profiles. Nothing depends on it; docs/redis.md has
    /// the keys.
    Redis = "redis" {
        /// Redis servers, each as `host:port`: one, or some of a cluster. None: Redis is not used.
        nodes: Vec<String> = Vec::new(), list(text());
        /// How Redis is run.
        mode: RedisMode = RedisMode::Single, choice();
        /// The ACL user. Not set: the password is that of `requirepass`.
        user: Option<String> = None, optional(text());
        /// The password. Set it by `CAUSERIE_REDIS__PASSWORD` or by `password_file`, not in a file that others read.
        password: Option<Secret> = None, optional(secret());
        /// A file that holds the password; instead of `password`.
        password_file: Option<PathBuf> = None, optional(path());
        /// The authorities whose certificates are believed, in PEM. Set: connections are encrypted.
        ca_file: Option<PathBuf> = None, optional(path());
        /// What every key begins with, where Redis is shared.
        prefix: Option<String> = None, optional(text());
    }
}
