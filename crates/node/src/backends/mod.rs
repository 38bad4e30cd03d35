//! What the server stands on: the store, the broker of its events, Redis. Opened before the chat, closed after it.

pub(crate) mod cql;
mod embedded;
pub(crate) mod kafka;
pub(crate) mod redis;
mod waiting;

use std::sync::Arc;

use anyhow::Context as _;
use causerie_actors::ChatBuilder;
use causerie_cluster::redis::CachedStore;
use causerie_cql::CqlStore;
use causerie_events::Emitter;
use causerie_events::emitter::{Health, Source};
use causerie_protocol::Clock;
use causerie_store::Store;
use causerie_store::fjall::FjallStore;
use tokio::net::TcpListener;

use crate::config::{Backend, Config};
use crate::process::OpenFiles;
use redis::RedisParts;

/// How long what is committed may take to get to Kafka when the server ends; the rest is emitted after the next start.
const EMIT: std::time::Duration = std::time::Duration::from_secs(5);

/// Everything beside the chat itself.
pub(crate) struct Backends {
    /// The store as the chat uses it.
    store: Arc<dyn Store>,
    embedded: Option<Arc<FjallStore>>,
    cql: Option<Arc<CqlStore>>,
    emitter: Option<Arc<Emitter>>,
    redis: Option<RedisParts>,
}

impl Backends {
    /// Opens them. Waits for a database that does not answer yet, and says so on the operators' listener.
    ///
    /// # Errors
    /// Something is wrong that waiting does not mend.
    pub(crate) async fn open(
        config: &Config,
        files: OpenFiles,
        clock: &Arc<dyn Clock>,
        operators: &TcpListener,
    ) -> anyhow::Result<Self> {
        let (mut embedded, mut cql, mut emitter) = (None, None, None);
        let mut store: Arc<dyn Store> = match config.store.backend {
            Backend::Embedded => {
                let store = Arc::new(embedded::open(config, files)?);
                embedded = Some(Arc::clone(&store));
                store
            }
            Backend::Cql => {
                let settings = cql::settings(config)?;
                let opened = waiting::opened(settings, operators).await.context("the database ([cql])")?;
                let store = Arc::new(opened);
                if let Some(settings) = kafka::settings(&config.kafka) {
                    let source: Arc<dyn Source> = Arc::clone(&store) as _;
                    let started = Emitter::start(settings, &source, Arc::clone(clock)).context("[kafka]")?;
                    emitter = Some(Arc::new(started));
                }
                cql = Some(Arc::clone(&store));
                store
            }
        };
        let redis = redis::start(config, clock, store.grant().node).context("[redis]")?;
        if let Some(parts) = &redis {
            store = Arc::new(CachedStore::new(store, parts.cache.clone()));
        }
        Ok(Self { store, embedded, cql, emitter, redis })
    }

    /// Gives a chat its store, and who hears what happens in it.
    pub(crate) fn join(&self, mut chat: ChatBuilder) -> ChatBuilder {
        chat = chat.store(Arc::clone(&self.store));
        if let Some(emitter) = &self.emitter {
            chat = chat.listener(Arc::new(kafka::Listener(Arc::clone(emitter))));
        }
        if let Some(parts) = &self.redis {
            chat = chat.directory_observer(parts.mirror.clone());
        }
        chat
    }

    /// The embedded store, if it is that.
    pub(crate) fn embedded(&self) -> Option<Arc<FjallStore>> {
        self.embedded.clone()
    }

    /// The store in a database, if it is that.
    pub(crate) fn cql(&self) -> Option<Arc<CqlStore>> {
        self.cql.clone()
    }

    /// The emitter of events, if there is one.
    pub(crate) fn emitter(&self) -> Option<Arc<Emitter>> {
        self.emitter.clone()
    }

    /// What runs on Redis, if it is used.
    pub(crate) fn redis(&self) -> Option<RedisParts> {
        self.redis.clone()
    }

    /// What works less well than it should, while messages go on; for readiness.
    pub(crate) fn degraded(&self) -> Degraded {
        Degraded { emitter: self.emitter.clone(), redis: self.redis.clone() }
    }

    /// Ends them, when nothing is committed any more.
    pub(crate) async fn close(self) {
        if let Some(emitter) = self.emitter {
            emitter.close(EMIT).await;
        }
        if let Some(parts) = self.redis {
            parts.close().await;
        }
        if let Some(store) = self.cql {
            store.close().await;
        }
    }
}

/// Looks at what messages do not depend on.
#[derive(Clone, Default)]
pub(crate) struct Degraded {
    emitter: Option<Arc<Emitter>>,
    redis: Option<RedisParts>,
}

impl Degraded {
    /// What to tell an operator, a sentence each.
    pub(crate) fn reasons(&self) -> Vec<String> {
        let events = self.emitter.as_ref().and_then(|emitter| match emitter.health() {
            Health::Good => None,
            Health::Failing(why) => Some(format!("events are not emitted: {why}")),
        });
        let redis = self.redis.as_ref().map(RedisParts::degraded).unwrap_or_default();
        events.into_iter().chain(redis).collect()
    }
}
