//! What every replica does with its commit log.
//!
//! A majority that has acknowledged a write keeps it only if each of them had it on disk before. By default both databases
//! acknowledge first (`periodic`), and one killed replica makes two majorities that do not meet.

use std::net::SocketAddr;
use std::sync::Arc;

use scylla::client::execution_profile::ExecutionProfile;
use scylla::policies::load_balancing::{NodeIdentifier, SingleTargetLoadBalancingPolicy};
use scylla::statement::unprepared::Statement;
use uuid::Uuid;

use super::{Finding, Severity};
use crate::schema::Database;
use crate::session::Cql;

/// What one replica says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Its setting.
    Says(String),
    /// It cannot be asked now.
    Silent(String),
}

/// One replica and what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Replica {
    pub(super) address: SocketAddr,
    pub(super) answer: Answer,
}

/// Asks every node that the driver knows, each over its own connection.
pub(super) async fn ask_all(cql: &Cql, database: Database) -> Vec<Replica> {
    let state = cql.session.get_cluster_state();
    let asked = state.get_nodes_info().iter().map(|node| async {
        let address = SocketAddr::new(node.address.ip(), node.address.port());
        Replica { address, answer: ask(cql, database, node.host_id).await }
    });
    futures_util::future::join_all(asked).await
}

async fn ask(cql: &Cql, database: Database, host: Uuid) -> Answer {
    let table = match database {
        Database::Scylla => "system.config",
        Database::Cassandra(_) => "system_views.settings",
    };
    let mut statement = Statement::new(format!("SELECT value FROM {table} WHERE name = 'commitlog_sync'"));
    let only = SingleTargetLoadBalancingPolicy::new(NodeIdentifier::HostId(host), None);
    let profile = ExecutionProfile::builder()
        .consistency(scylla::statement::Consistency::One)
        .request_timeout(Some(cql.config.request_timeout))
        .load_balancing_policy(only);
    statement.set_execution_profile_handle(Some(profile.build().into_handle()));
    let executing = Box::pin(cql.session.query_unpaged(statement, ()));
    let rows = match executing.await.map(scylla::response::query_result::QueryResult::into_rows_result) {
        Ok(Ok(rows)) => rows,
        Ok(Err(error)) => return Answer::Silent(error.to_string()),
        Err(error) => return Answer::Silent(error.to_string()),
    };
    match rows.maybe_first_row::<(Option<String>,)>() {
        Ok(Some((Some(value),))) => Answer::Says(value.trim_matches('"').to_ascii_lowercase()),
        Ok(_) => Answer::Says("nothing".to_owned()),
        Err(error) => Answer::Silent(error.to_string()),
    }
}

/// What is wrong with what they say.
pub(super) fn judge(replicas: &[Replica], override_is_set: bool) -> Vec<Finding> {
    let finding = |replica: &Replica| match &replica.answer {
        Answer::Says(mode) if mode == "batch" || mode == "group" => None,
        Answer::Says(mode) => Some(Finding {
            severity: if override_is_set { Severity::Warning } else { Severity::Error },
            what: format!(
                "{} says commitlog_sync: {mode}: it acknowledges messages before they are on its disk, and loses \
                 those of its last moments when it is killed",
                replica.address
            ),
            mend:
                "set commitlog_sync to batch or group on every node of the database and restart it; or set \
                   may_lose_acknowledged_messages"
                    .to_owned(),
        }),
        Answer::Silent(why) => Some(Finding {
            severity: Severity::Warning,
            what: format!("{} does not say what its commit log does: {why}", replica.address),
            mend: "it is asked again as long as this node runs".to_owned(),
        }),
    };
    replicas.iter().filter_map(finding).collect()
}

/// Sees to it that every replica keeps saying the right thing.
pub(crate) async fn watch(
    cql: Arc<Cql>,
    database: Database,
    found: Arc<parking_lot::RwLock<Vec<Finding>>>,
    stop: tokio_util::sync::CancellationToken,
) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(cql.config.check_interval) => (),
            () = stop.cancelled() => return,
        }
        let now = super::findings(&cql, database).await;
        for finding in now.iter().filter(|finding| !found.read().contains(finding)) {
            tracing::error!(%finding, "the deployment does not keep what this program promises");
        }
        *found.write() = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replica(answer: Answer) -> Replica {
        Replica { address: SocketAddr::from(([127, 0, 0, 1], 9042)), answer }
    }

    #[test]
    fn one_periodic_replica_is_enough() {
        let says = |mode: &str| replica(Answer::Says(mode.to_owned()));
        assert_eq!(judge(&[says("batch"), says("group")], false), []);
        let found = judge(&[says("batch"), says("periodic"), says("group")], false);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].severity, Severity::Error);
        assert!(found[0].to_string().contains("periodic"));
        assert_eq!(judge(&[says("periodic")], true)[0].severity, Severity::Warning);
        assert_eq!(judge(&[says("nothing")], false)[0].severity, Severity::Error);
    }

    #[test]
    fn one_that_is_down_does_not_keep_the_others_from_serving() {
        let found = judge(&[replica(Answer::Silent("refused".to_owned()))], false);
        assert_eq!(found[0].severity, Severity::Warning);
    }
}
