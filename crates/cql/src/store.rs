//! The store on CQL as its ports.

use std::sync::Arc;
use std::time::Duration;

use causerie_protocol::Timestamp;
use causerie_store::model::{Epoch, Shard};
use causerie_store::port::ownership::Grant;
use causerie_store::port::{Answer, Events, Ownership, Store, WriteError};
use parking_lot::RwLock;
use tokio::runtime::Handle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::base::Base;
use crate::check::{self, Finding};
use crate::config::CqlConfig;
use crate::conversations::ConversationTables;
use crate::error::OpenError;
use crate::gate::{Gate, GateShut};
use crate::life::Life;
use crate::log::Log;
use crate::metrics::CqlMetrics;
use crate::owned::Owned;
use crate::ownership::{Claims, Member, Number, Opening, Tables};
use crate::projections::Projections;
use crate::schema::{self, Database};
use crate::session::Cql;
use crate::users::UserTables;

/// How long what is under way may take when the store closes.
const DRAIN: Duration = Duration::from_secs(10);

/// A store in a database.
///
/// Close it with [`close`](Self::close). A store that is only dropped stops like one that crashed: the next one takes over
/// at once under the same name, and has to repair what it opens.
#[derive(Debug)]
pub struct CqlStore {
    pub(crate) base: Arc<Base>,
    pub(crate) log: Arc<Log>,
    pub(crate) conversations: Arc<ConversationTables>,
    pub(crate) users: Arc<UserTables>,
    member: Arc<Member>,
    claims: Claims,
    number: Arc<Number>,
    found: Arc<RwLock<Vec<Finding>>>,
    keepers: Keepers,
}

/// The tasks that keep the lease, the gate and the checks: they go on while the rest is brought to an end.
#[derive(Debug, Default)]
struct Keepers {
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl CqlStore {
    /// Connects, checks the deployment and the schema, joins the cluster and takes over its shards.
    ///
    /// Fails soon when the database is not there; whoever wants to wait calls again
    /// ([`may_wait`](OpenError::may_wait)).
    ///
    /// # Errors
    /// [`OpenError`] says what is in the way.
    pub async fn open(config: CqlConfig) -> Result<Self, OpenError> {
        let cql = Cql::connect(Arc::new(config)).await?;
        let (database, found) = fit(&cql).await?;
        let found = Arc::new(RwLock::new(found));
        let keepers = Keepers::default();
        let stop = keepers.stop.clone();
        keepers.tasks.spawn(check::replicas::watch(Arc::clone(&cql), database, Arc::clone(&found), stop));
        let Taken { life, owned, member, claims, number, gate } = Box::pin(take_over(&cql, &keepers)).await?;
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let base = Arc::new(Base { cql, gate, owned, life, tasks, runtime: Handle::current(), stop });
        let projections = Arc::new(Box::pin(Projections::prepare(&base.cql)).await?);
        let conversations = ConversationTables::prepare(&base.cql, Arc::clone(&projections));
        let conversations = Arc::new(Box::pin(conversations).await?);
        let users = Arc::new(Box::pin(UserTables::prepare(&base.cql)).await?);
        let log = Box::pin(Log::start(Arc::clone(&base), projections)).await?;
        Ok(Self { base, log, conversations, users, member, claims, number, found, keepers })
    }

    /// Ends what is under way, hands the shards over and leaves the cluster.
    pub async fn close(&self) {
        self.base.stop.cancel();
        self.base.tasks.close();
        let drained = timeout(DRAIN, self.base.tasks.wait()).await.is_ok();
        let shards = self.base.owned.drop_all();
        if drained && self.base.life.over().is_none() {
            let ceiling = self.member.ceiling().await;
            let released = self.claims.release(shards, ceiling).await;
            tracing::info!(released, "handed the shards over");
        }
        self.keepers.end().await;
        self.member.leave().await;
    }

    /// What it has counted since it was opened.
    pub fn metrics(&self) -> &CqlMetrics {
        &self.base.cql.metrics
    }

    /// What the last check of the deployment found.
    pub fn findings(&self) -> Vec<Finding> {
        self.found.read().clone()
    }

    /// Which life of the node this is.
    #[cfg(test)]
    pub(crate) fn inc(&self) -> uuid::Uuid {
        self.member.inc
    }

    /// Why it lost what it owned, if it did. The process has to exit.
    pub fn fatal(&self) -> Option<&str> {
        self.base.life.over()
    }
}

/// Makes the schema where that is wanted, and sees to it that schema and deployment are what this program needs.
async fn fit(cql: &Arc<Cql>) -> Result<(Database, Vec<Finding>), OpenError> {
    let state =
        if cql.config.apply_schema { schema::apply_on(cql).await? } else { schema::look(cql).await? };
    state.usable()?;
    // The keyspaces may be younger than what the driver knows.
    let refreshed = Box::pin(cql.session.refresh_metadata()).await;
    refreshed.map_err(|error| OpenError::Unavailable(error.to_string()))?;
    let found = check::findings(cql, state.database).await;
    check::refuse(&found)?;
    Ok((state.database, found))
}

/// What a take-over ends with.
struct Taken {
    life: Arc<Life>,
    owned: Arc<Owned>,
    member: Arc<Member>,
    claims: Claims,
    number: Arc<Number>,
    gate: Gate,
}

/// Joins the cluster and owns all its shards, behind an open gate; else leaves it again.
async fn take_over(cql: &Arc<Cql>, keepers: &Keepers) -> Result<Taken, OpenError> {
    let life = Arc::new(Life::new(Arc::clone(&cql.config.on_fatal)));
    let owned = Arc::new(Owned::new(Arc::clone(&life)));
    let tables = Arc::new(Tables::prepare(cql).await?);
    let fence = tables.fence().await?;
    let opening = Opening::begin(&tables, &owned, &life).await?;
    let member = Arc::clone(opening.member());
    keepers.tasks.spawn(Arc::clone(&member).keep_alive(keepers.stop.clone()));
    let stop = keepers.stop.clone();
    let gate = Gate::start(Arc::clone(cql), fence, member.inc, Arc::clone(&life), &keepers.tasks, stop);
    let opened = async {
        let opened = opening.own_all().await?;
        match gate.pass().await {
            Ok(()) => Ok(opened),
            Err(GateShut::Fenced) => Err(OpenError::Fenced(life.over().unwrap_or("it is fenced").to_owned())),
            Err(GateShut::Unreadable(why)) => Err(OpenError::Unavailable(why)),
        }
    };
    match opened.await {
        Ok((claims, number)) => Ok(Taken { life, owned, member, claims, number: Arc::new(number), gate }),
        Err(error) => {
            keepers.end().await;
            member.leave().await;
            Err(error)
        }
    }
}

impl Keepers {
    async fn end(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// A dropped store leaves nothing running.
impl Drop for Keepers {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Drop for CqlStore {
    fn drop(&mut self) {
        self.base.stop.cancel();
        // Whoever still holds a part of it may not go on writing.
        self.base.owned.drop_all();
    }
}

impl Store for CqlStore {
    fn event_log(&self) -> Option<&dyn Events> {
        None
    }
}

impl Ownership for CqlStore {
    fn grant(&self) -> Grant {
        self.number.grant()
    }

    fn epoch(&self, shard: Shard) -> Option<Epoch> {
        self.base.owned.term(shard).map(|term| term.epoch)
    }

    /// Whether the lease holds and nobody has taken over, as far as is known here. What is told passes the gate itself,
    /// in the store.
    fn gate_open(&self) -> bool {
        self.base.owned.believes()
    }

    fn raise_id_ceiling(&self, ceiling: Timestamp) -> Answer<Result<(), WriteError>> {
        let number = Arc::clone(&self.number);
        Box::pin(async move { number.raise(ceiling).await })
    }
}
