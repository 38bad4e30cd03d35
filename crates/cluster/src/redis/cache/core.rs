//! The core of the cache: four scripts, each on one key, and what happens when one is not answered.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use bytes::Bytes;
use causerie_protocol::Clock;
use parking_lot::Mutex;
use uuid::Uuid;

use super::breaker::Breaker;
use super::flights::Flights;
use super::overdue::Overdue;
use super::reading::Counters;
use crate::redis::client::Client;
use crate::redis::config::RedisConfig;
use crate::redis::error::{CallError, RedisError};
use crate::redis::script::Script;

/// How long a version without a value stays, and the mark of a write that never ended.
const MARK_SECONDS: &str = "60";
/// Values above this are not put into Redis.
const VALUE_BYTES: usize = 64 * 1024;
/// How many are removed at once of those that are overdue, and how long each may take.
const REMOVALS: usize = 256;
const REMOVAL: Duration = Duration::from_secs(2);

/// Arguments: a new version, seconds. Answers the value, or nothing and the version with which it may be put there.
const LOOK: &str = r"
local held = redis.call('HMGET', KEYS[1], 'value', 'version', 'writing')
if held[1] then return {held[1]} end
if held[3] then return {false} end
if held[2] then return {false, held[2]} end
redis.call('HSET', KEYS[1], 'version', ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[2])
return {false, ARGV[1]}
";
/// Arguments: the version, the value, seconds. Answers whether it was put there.
const FILL: &str = r"
local held = redis.call('HMGET', KEYS[1], 'version', 'writing')
if held[1] ~= ARGV[1] or held[2] then return {'0'} end
redis.call('HSET', KEYS[1], 'value', ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return {'1'}
";
/// Arguments: a new version, seconds.
const BEGIN: &str = r"
redis.call('HDEL', KEYS[1], 'value')
redis.call('HSET', KEYS[1], 'version', ARGV[1])
redis.call('HINCRBY', KEYS[1], 'writing', 1)
redis.call('EXPIRE', KEYS[1], ARGV[2])
return {'1'}
";
/// Arguments: a new version, seconds, what is added to the writes under way: -1, or 0 where only the value is removed.
const END: &str = r"
redis.call('HDEL', KEYS[1], 'value')
redis.call('HSET', KEYS[1], 'version', ARGV[1])
if redis.call('HINCRBY', KEYS[1], 'writing', ARGV[3]) <= 0 then
  redis.call('HDEL', KEYS[1], 'writing')
end
redis.call('EXPIRE', KEYS[1], ARGV[2])
return {'1'}
";

/// What Redis has of a key.
pub(super) enum Looked {
    /// The value.
    Value(Bytes),
    /// None; with the version under which it may be put there, if it may.
    Missing(Option<Bytes>),
}

struct Scripts {
    look: Script,
    fill: Script,
    begin: Script,
    end: Script,
}

/// What readers, writers and the task share.
pub(super) struct Core {
    client: Client,
    scripts: Scripts,
    prefix: String,
    ttl_seconds: Bytes,
    breaker: Mutex<Breaker>,
    clock: Arc<dyn Clock>,
    pub(super) flights: Flights,
    pub(super) overdue: Overdue,
    pub(super) counters: Counters,
}

impl Core {
    pub(super) fn new(config: &RedisConfig, clock: Arc<dyn Clock>) -> Result<Self, RedisError> {
        Ok(Self {
            client: Client::start(config, config.cache_timeout)?,
            scripts: Scripts {
                look: Script::new(LOOK),
                fill: Script::new(FILL),
                begin: Script::new(BEGIN),
                end: Script::new(END),
            },
            prefix: config.prefix.clone(),
            ttl_seconds: config.cache_ttl.as_secs().max(1).to_string().into(),
            breaker: Mutex::default(),
            clock,
            flights: Flights::default(),
            overdue: Overdue::new(config.cache_ttl),
            counters: Counters::default(),
        })
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    pub(super) fn key(&self, name: &str) -> Arc<str> {
        format!("{}{name}", self.prefix).into()
    }

    pub(super) fn is_left_alone(&self) -> bool {
        self.breaker.lock().is_open()
    }

    /// What Redis has; nothing where it must not be believed or does not answer.
    pub(super) async fn look(&self, key: &Arc<str>) -> Looked {
        if self.overdue.holds(key, self.clock.monotonic()) {
            return Looked::Missing(None);
        }
        let answer = self.call(&self.scripts.look, key, vec![version(), mark()]).await;
        let mut answer = answer.unwrap_or_default().into_iter();
        // It may have become overdue while Redis was answering.
        match (answer.next().flatten(), answer.next().flatten()) {
            (Some(value), _) if !self.overdue.holds(key, self.clock.monotonic()) => Looked::Value(value),
            (_, version) => Looked::Missing(version),
        }
    }

    /// Puts there what the store said, unless it was changed since the look. Returns whether it was put there, so that it
    /// was still true then.
    pub(super) async fn fill(&self, key: &Arc<str>, version: Bytes, value: Bytes) -> bool {
        if value.len() > VALUE_BYTES {
            return false;
        }
        let arguments = vec![version, value, self.ttl_seconds.clone()];
        let Some(answer) = self.call(&self.scripts.fill, key, arguments).await else { return false };
        let filled = answer.first().and_then(Option::as_deref) == Some(b"1".as_slice());
        if !filled {
            self.counters.late_fills.fetch_add(1, Relaxed);
        }
        filled
    }

    /// Forgets what is cached when that has become old, or may have.
    pub(super) fn changing(self: &Arc<Self>, key: Arc<str>) -> Change {
        Change { core: Arc::clone(self), key, began: false, ended: false }
    }

    /// What was not removed in time. Returns whether there is any left, or Redis does not answer.
    pub(super) async fn remove_overdue(&self) -> bool {
        let some = self.overdue.some(REMOVALS);
        let removals = some.iter().map(|(key, _)| {
            let arguments = vec![version(), mark(), Bytes::from_static(b"0")];
            self.client.run(&self.scripts.end, key, arguments, Some(REMOVAL))
        });
        let answers = futures_util::future::join_all(removals).await;
        for ((key, added), answer) in some.iter().zip(answers) {
            match answer {
                Ok(_) => self.overdue.removed(key, *added),
                Err(error) => {
                    tracing::debug!(%error, "an old value may still be in the cache");
                    return true;
                }
            }
        }
        self.overdue.len() > 0
    }

    /// A call in the usual time; `None` where Redis is left alone or has not answered.
    async fn call(&self, script: &Script, key: &str, arguments: Vec<Bytes>) -> Option<Vec<Option<Bytes>>> {
        if !self.breaker.lock().lets_through(self.clock.monotonic()) {
            return None;
        }
        let answer = self.client.run(script, key, arguments, None).await;
        let now = self.clock.monotonic();
        match answer {
            Ok(answer) => {
                self.breaker.lock().succeeded();
                Some(answer)
            }
            Err(error) => {
                self.counters.failed.fetch_add(1, Relaxed);
                let opened = {
                    let mut breaker = self.breaker.lock();
                    let was_open = breaker.is_open();
                    breaker.failed(now);
                    !was_open && breaker.is_open()
                };
                if opened {
                    warn(&error);
                }
                None
            }
        }
    }
}

fn warn(error: &CallError) {
    tracing::warn!(%error, "the cache is left alone");
}

/// Never the same again.
fn version() -> Bytes {
    Uuid::new_v4().simple().to_string().into()
}

fn mark() -> Bytes {
    Bytes::from_static(MARK_SECONDS.as_bytes())
}

/// A write under way. If it is dropped before its end, its outcome is not known, and the value is removed later.
pub(super) struct Change {
    core: Arc<Core>,
    key: Arc<str>,
    began: bool,
    ended: bool,
}

impl Change {
    /// To be awaited before the store is told.
    pub(super) async fn begin(&mut self) {
        let core = &self.core;
        self.began = core.call(&core.scripts.begin, &self.key, vec![version(), mark()]).await.is_some();
    }

    /// To be awaited after the store has answered, and before anybody is told.
    pub(super) async fn end(mut self) {
        let core = &self.core;
        let ended = Bytes::from_static(if self.began { b"-1" } else { b"0" });
        self.ended = core.call(&core.scripts.end, &self.key, vec![version(), mark(), ended]).await.is_some();
    }
}

impl Drop for Change {
    fn drop(&mut self) {
        if !self.ended {
            self.core.overdue.add(&self.key, self.core.clock.monotonic());
        }
        self.core.flights.part_from(&self.key);
    }
}
