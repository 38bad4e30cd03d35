//! What of a deployment would break a promise.

mod placement;
pub(crate) mod replicas;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use scylla::cluster::ClusterState;
use scylla::cluster::metadata::Strategy;

use crate::config::CqlConfig;
use crate::error::OpenError;
use crate::schema::Database;
use crate::session::Cql;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Promises hold, with less in reserve than they should.
    Warning,
    /// A promise does not hold: the store does not open.
    Error,
}

/// One thing to mend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What was found, and where.
    pub what: String,
    /// What to do about it.
    pub mend: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.what, self.mend)
    }
}

/// What is found in a deployment whose keyspaces are there: commit logs, datacenter, replicas. Changes nothing.
///
/// # Errors
/// When the settings cannot be used or the database does not answer.
pub async fn deployment(config: CqlConfig) -> Result<Vec<Finding>, OpenError> {
    let cql = Cql::connect(Arc::new(config)).await?;
    let database = Database::of(&cql.session).await?;
    Ok(findings(&cql, database).await)
}

pub(crate) async fn findings(cql: &Cql, database: Database) -> Vec<Finding> {
    let replicas = replicas::ask_all(cql, database).await;
    let mut found = replicas::judge(&replicas, cql.config.may_lose_acknowledged_messages);
    let state = cql.session.get_cluster_state();
    let mut layout = placement::Layout { nodes: nodes(&state), ..placement::Layout::default() };
    for name in [&cql.config.keyspace, &cql.config.control_keyspace] {
        let Some(keyspace) = state.get_keyspace(name) else { continue };
        match &keyspace.strategy {
            Strategy::NetworkTopologyStrategy { datacenter_repfactors } => {
                layout.replicas = datacenter_repfactors.clone().into_iter().collect();
                found.extend(placement::judge(name, &layout, cql.config.datacenter.as_deref()));
            }
            other => found.push(Finding {
                severity: Severity::Warning,
                what: format!("keyspace {name} is placed by {other:?}"),
                mend: "NetworkTopologyStrategy knows datacenters and racks".to_owned(),
            }),
        }
    }
    found
}

/// Fails where the settings name a datacenter that the database does not have: nothing could be asked at all.
pub(crate) fn datacenter(config: &CqlConfig, state: &ClusterState) -> Result<(), OpenError> {
    let unknown = config.datacenter.as_ref().and_then(|wanted| placement::unknown(wanted, &nodes(state)));
    unknown.map_or(Ok(()), |finding| Err(OpenError::Deployment(vec![finding])))
}

/// How many nodes each datacenter has.
fn nodes(state: &ClusterState) -> BTreeMap<String, usize> {
    let mut nodes = BTreeMap::new();
    for node in state.get_nodes_info() {
        *nodes.entry(node.datacenter.clone().unwrap_or_default()).or_default() += 1;
    }
    nodes
}

/// Fails with those that break a promise, if there are any; tells of the others.
pub(crate) fn refuse(found: &[Finding]) -> Result<(), OpenError> {
    let (errors, warnings): (Vec<_>, Vec<_>) =
        found.iter().cloned().partition(|finding| finding.severity == Severity::Error);
    for finding in warnings {
        tracing::warn!(%finding, "the deployment has less in reserve than it should");
    }
    if errors.is_empty() { Ok(()) } else { Err(OpenError::Deployment(errors)) }
}
