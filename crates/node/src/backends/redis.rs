//! `[redis]`: the mirror of who is connected, and the cache.

use std::sync::Arc;

use anyhow::Context as _;
use causerie_cluster::link::Incarnation;
use causerie_cluster::redis::cache::CacheReading;
use causerie_cluster::redis::mirror::MirrorReading;
use causerie_cluster::redis::{
    MirrorIdentity, RedisCache, RedisConfig, RedisCredentials, RedisMirror, RedisTls,
};
use causerie_protocol::Clock;
use causerie_protocol::snowflake::NodeNumber;

use super::cql::password;
use crate::config::{Config, RedisMode};

/// What runs on Redis.
#[derive(Clone)]
pub(crate) struct RedisParts {
    pub(super) mirror: RedisMirror,
    pub(super) cache: RedisCache,
}

impl RedisParts {
    /// How the mirror is.
    pub(crate) fn mirror(&self) -> MirrorReading {
        self.mirror.reading()
    }

    /// How the cache is.
    pub(crate) fn cache(&self) -> CacheReading {
        self.cache.reading()
    }

    pub(super) fn degraded(&self) -> Vec<String> {
        [self.mirror.reading().degraded(), self.cache.reading().degraded()].into_iter().flatten().collect()
    }

    pub(super) async fn close(self) {
        self.mirror.close().await;
        self.cache.close().await;
    }
}

/// The settings; `None` when Redis is not used.
///
/// # Errors
/// A file that they name cannot be read.
pub(crate) fn settings(config: &Config) -> anyhow::Result<Option<RedisConfig>> {
    let redis = &config.redis;
    if redis.nodes.is_empty() {
        return Ok(None);
    }
    let password = password(redis.password.as_ref(), redis.password_file.as_deref())?;
    Ok(Some(RedisConfig {
        cluster: redis.mode == RedisMode::Cluster,
        credentials: password.map(|password| RedisCredentials { user: redis.user.clone(), password }),
        tls: redis.ca_file.clone().map(|ca| RedisTls { ca, identity: None }),
        prefix: redis.prefix.clone().unwrap_or_default(),
        ..RedisConfig::new(redis.nodes.clone())
    }))
}

/// Starts both, whether Redis is there or not.
pub(super) fn start(
    config: &Config,
    clock: &Arc<dyn Clock>,
    node: NodeNumber,
) -> anyhow::Result<Option<RedisParts>> {
    let Some(settings) = settings(config)? else { return Ok(None) };
    let identity = MirrorIdentity {
        node,
        incarnation: Incarnation(uuid::Uuid::new_v4().as_u128()),
        address: config.server.listen.to_string(),
    };
    let mirror = RedisMirror::start(&settings, &identity, Arc::clone(clock)).context("the mirror")?;
    let cache = RedisCache::start(&settings, Arc::clone(clock)).context("the cache")?;
    Ok(Some(RedisParts { mirror, cache }))
}
