//! The cache, for values of any kind.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use bytes::Bytes;
use causerie_protocol::Clock;
use causerie_store::port::{Answer, ReadError};
use futures_util::future::join_all;
use hashbrown::HashMap;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::task::TaskTracker;

use super::core::{Core, Looked};
use super::flights::{self, Lead, Part, follow};
use super::keys::Cacheable;
use super::reading::CacheReading;
use crate::redis::config::RedisConfig;
use crate::redis::error::RedisError;

/// How often overdue removals are tried.
const TICK: Duration = Duration::from_millis(200);

/// What is still asked for, by its key in Redis.
type Wanted<V> = HashMap<Arc<str>, <V as Cacheable>::Key>;

/// A cache in Redis. Clones are the same one.
#[derive(Clone)]
pub struct RedisCache {
    core: Arc<Core>,
    stop: watch::Sender<bool>,
    tasks: TaskTracker,
}

impl RedisCache {
    /// Starts to connect, whether Redis is there or not. Needs a tokio runtime.
    ///
    /// # Errors
    /// [`RedisError`] when the settings cannot be used; nothing is running then.
    pub fn start(config: &RedisConfig, clock: Arc<dyn Clock>) -> Result<Self, RedisError> {
        let core = Arc::new(Core::new(config, clock)?);
        let (stop, stopped) = watch::channel(false);
        let tasks = TaskTracker::new();
        tasks.spawn(tend(Arc::clone(&core), stopped));
        tasks.close();
        Ok(Self { core, stop, tasks })
    }

    /// The values of keys, in the order asked for: from Redis, or from the store by way of `load`, which answers as many
    /// as it is asked for. Others who ask for the same meanwhile wait for the same answer if it is still true when they
    /// get it, and for the next one otherwise.
    ///
    /// # Errors
    /// That of `load`; everybody who waited for it gets it too. Redis is never a reason.
    pub async fn get_many<V: Cacheable>(
        &self,
        keys: &[V::Key],
        load: impl Fn(Vec<V::Key>) -> Answer<Result<Vec<V>, ReadError>>,
    ) -> Result<Vec<V>, ReadError> {
        let names: Vec<Arc<str>> = keys.iter().map(|key| self.core.key(&V::name(key))).collect();
        let mut wanted: Wanted<V> = names.iter().cloned().zip(keys.iter().cloned()).collect();
        let mut found = HashMap::new();
        let mut began_before = true;
        while !wanted.is_empty() {
            let (mut leads, mut follows) = (Vec::new(), Vec::new());
            for (name, key) in wanted.drain() {
                match self.core.flights.join(&name) {
                    Part::Leads(lead) => leads.push((lead, key)),
                    Part::Follows(slot) => follows.push((name, key, slot)),
                }
            }
            found.extend(self.lead(leads, &load).await?);
            self.core.counters.waited.fetch_add(follows.len() as u64, Relaxed);
            for (name, key, slot) in follows {
                match follow(slot).await {
                    Some(answer) if answer.current || !began_before => {
                        found.insert(name, answer.value?);
                    }
                    // It may be of a time before this was called, or who was to ask has gone away.
                    _ => {
                        wanted.insert(name, key);
                    }
                }
            }
            // Whoever is followed from now on has begun after those who were followed until now, and so after this.
            began_before = false;
        }
        names.iter().map(|name| decode(found.get(name))).collect()
    }

    /// Carries out a write of the store, so that nobody who asks afterwards is answered what was there before. If this is
    /// dropped before its end, nobody believes the cache in this until the value was removed from it.
    pub async fn change<V: Cacheable, T>(&self, key: &V::Key, write: impl Future<Output = T>) -> T {
        let mut change = self.core.changing(self.core.key(&V::name(key)));
        change.begin().await;
        let outcome = write.await;
        change.end().await;
        outcome
    }

    /// How it is.
    pub fn reading(&self) -> CacheReading {
        self.core.counters.reading(self.core.is_left_alone(), self.core.overdue.len())
    }

    /// Removes what is overdue if Redis answers, and ends, within 4 s.
    pub async fn close(&self) {
        self.stop.send_replace(true);
        self.tasks.wait().await;
    }

    /// Answers the keys that nobody else asks for.
    async fn lead<V: Cacheable>(
        &self,
        leads: Vec<(Lead<'_>, V::Key)>,
        load: &impl Fn(Vec<V::Key>) -> Answer<Result<Vec<V>, ReadError>>,
    ) -> Result<HashMap<Arc<str>, Bytes>, ReadError> {
        let looks = join_all(leads.iter().map(|(lead, _)| self.core.look(lead.key()))).await;
        let (mut found, mut missing, mut keys) = (HashMap::new(), Vec::new(), Vec::new());
        for ((lead, key), looked) in leads.into_iter().zip(looks) {
            let version = match looked {
                Looked::Value(value) if serde_json::from_slice::<V>(&value).is_ok() => {
                    self.core.counters.hits.fetch_add(1, Relaxed);
                    found.insert(Arc::clone(lead.key()), value.clone());
                    lead.answer(flights::Answer { value: Ok(value), current: false });
                    continue;
                }
                // What cannot be understood is left to expire.
                Looked::Value(_) => None,
                Looked::Missing(version) => version,
            };
            missing.push((lead, version));
            keys.push(key);
        }
        if missing.is_empty() {
            return Ok(found);
        }
        self.core.counters.misses.fetch_add(missing.len() as u64, Relaxed);
        match load(keys).await {
            Ok(values) => {
                let told = missing
                    .into_iter()
                    .zip(&values)
                    .map(|((lead, version), value)| self.tell(lead, version, encode(value)));
                for (name, value) in join_all(told).await {
                    found.insert(name, value?);
                }
                Ok(found)
            }
            Err(error) => {
                for (lead, _) in missing {
                    lead.answer(flights::Answer { value: Err(error.clone()), current: true });
                }
                Err(error)
            }
        }
    }

    /// Puts a value into Redis, and tells those who wait for it.
    async fn tell(
        &self,
        lead: Lead<'_>,
        version: Option<Bytes>,
        value: Result<Bytes, ReadError>,
    ) -> (Arc<str>, Result<Bytes, ReadError>) {
        let name = Arc::clone(lead.key());
        let current = match (version, &value) {
            (Some(version), Ok(value)) => self.core.fill(&name, version, value.clone()).await,
            _ => false,
        };
        lead.answer(flights::Answer { value: value.clone(), current });
        (name, value)
    }
}

impl std::fmt::Debug for RedisCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("RedisCache").field(&self.reading()).finish()
    }
}

/// Removes what is overdue, and keeps the connection.
async fn tend(core: Arc<Core>, mut stopped: watch::Receiver<bool>) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let tending = async {
        loop {
            ticks.tick().await;
            core.client().revive();
            core.remove_overdue().await;
        }
    };
    tokio::select! {
        () = tending => {}
        // An error means that nobody holds the cache any more.
        _ = stopped.wait_for(|stopped| *stopped) => {}
    }
    core.remove_overdue().await;
    core.client().close().await;
}

fn encode<V: Cacheable>(value: &V) -> Result<Bytes, ReadError> {
    let json = serde_json::to_vec(value);
    json.map(Bytes::from).map_err(|error| ReadError::Corrupt(format!("a value that is no JSON: {error}")))
}

fn decode<V: Cacheable>(value: Option<&Bytes>) -> Result<V, ReadError> {
    let short = || ReadError::Unavailable("fewer values than were asked for".to_owned());
    serde_json::from_slice(value.ok_or_else(short)?).map_err(|error| ReadError::Corrupt(error.to_string()))
}
