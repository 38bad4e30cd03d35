//! Stores on the standing Cassandra.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use causerie_cql::hooks::Step;
use causerie_cql::{CqlConfig, CqlStore};
use causerie_services::{Standing, addresses};
use causerie_store::contract::Subject;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::deserialize::row::DeserializeRow;
use scylla::errors::ExecutionError;
use scylla::statement::unprepared::Statement;
use tokio::runtime::{Builder, EnterGuard, Runtime};
use uuid::Uuid;

use crate::hold::Hold;
use crate::scoped::{Scope, Scoped};

/// The keyspaces that the contract's tests share begin with this and the id of the process.
const SHARED: &str = "t_contract_";

/// Where tests await what stores answer, and who makes and drops keyspaces.
struct Outside {
    runtime: Runtime,
    session: Session,
}

fn outside() -> &'static Outside {
    static OUTSIDE: OnceLock<Outside> = OnceLock::new();
    OUTSIDE.get_or_init(|| {
        let runtime = runtime();
        let hosts = addresses(Standing::Cassandra).expect("whoever asks has looked whether it is there");
        let session = runtime.block_on(SessionBuilder::new().known_nodes(hosts).build()).unwrap();
        Outside { runtime, session }
    })
}

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// So that answers can be awaited on this thread.
pub(crate) fn awaiting() -> EnterGuard<'static> {
    outside().runtime.enter()
}

/// Waits on this thread.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    outside().runtime.block_on(future)
}

fn execute(statement: &str) {
    try_execute(statement).unwrap();
}

/// A busy database makes and drops tables slowly.
fn try_execute(statement: &str) -> Result<(), Box<ExecutionError>> {
    let mut statement = Statement::new(statement);
    statement.set_request_timeout(Some(Duration::from_secs(120)));
    block_on(outside().session.query_unpaged(statement, ())).map(drop).map_err(Box::new)
}

/// Settings for a store in keyspaces of this name.
fn config(keyspace: String) -> CqlConfig {
    let hosts = addresses(Standing::Cassandra).unwrap();
    let mut config = CqlConfig::new(hosts, "tests", "node-1");
    config.replication = BTreeMap::from([("datacenter1".to_owned(), 1)]);
    config.control_keyspace = format!("{keyspace}_ctl");
    config.keyspace = keyspace;
    config
}

/// Keyspaces of one test, dropped at its end.
#[derive(Debug)]
pub(crate) struct Keyspaces {
    /// Settings for a store in them.
    pub(crate) config: CqlConfig,
}

impl Keyspaces {
    /// New ones. `None`: there is no database, and a line said so.
    pub(crate) fn new() -> Option<Self> {
        addresses(Standing::Cassandra)?;
        let random = Uuid::new_v4().simple().to_string();
        Some(Self { config: config(format!("t_{}", &random[..12])) })
    }

    /// Runs a statement in which `$data` is the keyspace of messages, conversations and users.
    pub(crate) fn execute(&self, statement: &str) {
        execute(&statement.replace("$data", &self.config.keyspace));
    }

    /// The rows of such a statement.
    pub(crate) fn rows<R>(&self, statement: &str) -> Vec<R>
    where
        R: for<'f> DeserializeRow<'f, 'f>,
    {
        let statement = statement.replace("$data", &self.config.keyspace);
        let rows = block_on(outside().session.query_unpaged(statement, ())).unwrap();
        rows.into_rows_result().unwrap().rows::<R>().unwrap().map(Result::unwrap).collect()
    }
}

impl Drop for Keyspaces {
    fn drop(&mut self) {
        for keyspace in [&self.config.keyspace, &self.config.control_keyspace] {
            if let Err(error) = try_execute(&format!("DROP KEYSPACE IF EXISTS {keyspace}")) {
                eprintln!("keyspace {keyspace} stays: {error}");
            }
        }
    }
}

/// Settings for the keyspaces that all tests of the contract in this process share. Nobody hears when a test process ends,
/// so its keyspaces are dropped by the next one.
fn shared() -> CqlConfig {
    static SHARED_BY_ALL: OnceLock<CqlConfig> = OnceLock::new();
    let make = || {
        let session = &outside().session;
        let all = block_on(session.query_unpaged("SELECT keyspace_name FROM system_schema.keyspaces", ()));
        let all = all.unwrap().into_rows_result().unwrap();
        for row in all.rows::<(String,)>().unwrap() {
            let (keyspace,) = row.unwrap();
            let process = keyspace.strip_prefix(SHARED).and_then(|rest| rest.split('_').next());
            if process.is_some_and(|process| !Path::new("/proc").join(process).exists()) {
                execute(&format!("DROP KEYSPACE IF EXISTS {keyspace}"));
            }
        }
        config(format!("{SHARED}{}", std::process::id()))
    };
    SHARED_BY_ALL.get_or_init(make).clone()
}

/// A process of its own, as far as a store can tell: a runtime, which can end at any moment with all that it does.
pub(crate) struct Instance {
    store: Option<CqlStore>,
    runtime: Option<Runtime>,
    pub(crate) hold: Hold,
}

impl Instance {
    /// Opens a store.
    pub(crate) fn open(config: CqlConfig) -> Self {
        let (runtime, hold) = (runtime(), Hold::default());
        let config = CqlConfig { hooks: Arc::new(hold.clone()), ..config };
        let store = runtime.block_on(CqlStore::open(config)).unwrap();
        Self { store: Some(store), runtime: Some(runtime), hold }
    }

    pub(crate) fn store(&self) -> &CqlStore {
        self.store.as_ref().unwrap()
    }

    /// Nothing that it does goes on: what it sent is sent, the rest is not.
    pub(crate) fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// The end of a test, good or bad.
impl Drop for Instance {
    fn drop(&mut self) {
        self.end();
    }
}

/// One node of a cluster of its own, in a part of the shared keyspaces.
pub(crate) struct OnCassandra {
    store: Option<Scoped>,
    runtime: Option<Runtime>,
    hold: Hold,
    scope: Scope,
    /// Answers are awaited on the test's thread, outside of the runtime that the store runs in.
    _awaiting: EnterGuard<'static>,
}

impl OnCassandra {
    fn open(scope: Scope, awaiting: EnterGuard<'static>) -> Self {
        let config = CqlConfig { cluster: scope.name(), ..shared() };
        let mut instance = Instance::open(config);
        let store = instance.store.take().map(|store| Scoped { store, scope });
        Self {
            store,
            runtime: instance.runtime.take(),
            hold: instance.hold.clone(),
            scope,
            _awaiting: awaiting,
        }
    }
}

impl Subject for OnCassandra {
    type Store = Scoped;

    fn is_there() -> bool {
        addresses(Standing::Cassandra).is_some()
    }

    fn new() -> Self {
        Self::open(Scope::new(), awaiting())
    }

    fn store(&self) -> &Scoped {
        self.store.as_ref().unwrap()
    }

    fn reopen(mut self) -> Self {
        let (store, runtime) = (self.store.take().unwrap(), self.runtime.take().unwrap());
        runtime.block_on(store.store.close());
        Self::open(self.scope, self._awaiting)
    }

    fn hold(&self) {
        self.hold.hold(Step::Written);
    }

    fn wait_held(&self) {
        block_on(self.hold.standing());
    }

    fn release(&self) {
        self.hold.release();
    }

    fn crash(mut self) -> Self {
        self.runtime.take().unwrap().shutdown_background();
        Self::open(self.scope, self._awaiting)
    }
}
