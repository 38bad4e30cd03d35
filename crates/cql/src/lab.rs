//! Where tests of this crate find a database: keyspaces of their own on the real one, dropped at the end.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use causerie_services::{Standing, addresses};
use futures_util::FutureExt as _;
use parking_lot::Mutex;
use tokio::runtime::Runtime;
use uuid::Uuid;

use crate::config::CqlConfig;
use crate::schema;
use crate::session::Cql;

/// Settings with fresh keyspaces. `None`: there is no database, and a line said so.
pub(crate) fn config() -> Option<CqlConfig> {
    Some(settings(addresses(Standing::Cassandra)?))
}

/// Settings with fresh keyspaces for the database at these addresses.
pub(crate) fn settings(hosts: Vec<String>) -> CqlConfig {
    let random = Uuid::new_v4().simple().to_string();
    let mut config = CqlConfig::new(hosts, "lab", "node-1");
    config.replication = BTreeMap::from([("datacenter1".to_owned(), 1)]);
    config.keyspace = format!("t_{}", &random[..12]);
    config.control_keyspace = format!("t_{}_ctl", &random[..12]);
    config
}

/// Runs a test on keyspaces that are its own and not made yet; drops them whatever it came to.
pub(crate) fn run<F>(test: impl FnOnce(CqlConfig, Arc<Cql>) -> F)
where
    F: Future<Output = ()>,
{
    let Some(config) = config() else { return };
    let runtime = runtime();
    let ended = runtime.block_on(guarded(&config, test));
    runtime.block_on(drop_keyspaces(&config));
    if let Err(failed) = ended {
        std::panic::resume_unwind(failed);
    }
}

/// Keyspaces with the whole schema, for all tests that run at this moment, and how many those are.
static SHARED: Mutex<Option<(CqlConfig, usize)>> = Mutex::new(None);

/// Runs a test in a cluster of its own, on keyspaces that it shares with others; the last one drops them. To make them
/// takes seconds.
pub(crate) fn run_in_cluster<F>(test: impl FnOnce(CqlConfig, Arc<Cql>) -> F)
where
    F: Future<Output = ()>,
{
    let Some(fresh) = config() else { return };
    let runtime = runtime();
    let mut config = {
        let mut shared = SHARED.lock();
        let (config, users) = shared.get_or_insert_with(|| {
            runtime.block_on(schema::apply(fresh.clone())).unwrap();
            (fresh, 0)
        });
        *users += 1;
        config.clone()
    };
    config.cluster = Uuid::new_v4().to_string();
    let ended = runtime.block_on(guarded(&config, test));
    {
        let mut shared = SHARED.lock();
        let (_, users) = shared.as_mut().unwrap();
        *users -= 1;
        if *users == 0 {
            runtime.block_on(drop_keyspaces(&config));
            *shared = None;
        }
    }
    if let Err(failed) = ended {
        std::panic::resume_unwind(failed);
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

async fn guarded<F>(
    config: &CqlConfig,
    test: impl FnOnce(CqlConfig, Arc<Cql>) -> F,
) -> std::thread::Result<()>
where
    F: Future<Output = ()>,
{
    let cql = Cql::connect(Arc::new(config.clone())).await.unwrap();
    AssertUnwindSafe(test(config.clone(), cql)).catch_unwind().await
}

async fn drop_keyspaces(config: &CqlConfig) {
    let cql = Cql::connect(Arc::new(config.clone())).await.unwrap();
    for keyspace in [&config.keyspace, &config.control_keyspace] {
        let mut drop =
            scylla::statement::unprepared::Statement::new(format!("DROP KEYSPACE IF EXISTS {keyspace}"));
        drop.set_request_timeout(Some(std::time::Duration::from_secs(60)));
        cql.session.query_unpaged(drop, ()).await.unwrap();
    }
}
