//! Whether datacenter and replicas are what the promises need.

use std::collections::BTreeMap;

use super::{Finding, Severity};

/// What is known of the database's layout.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Layout {
    /// Nodes of each datacenter, also of those that are down.
    pub(super) nodes: BTreeMap<String, usize>,
    /// Replicas in each datacenter, of one keyspace.
    pub(super) replicas: BTreeMap<String, usize>,
}

/// The finding where the database has no such datacenter.
pub(super) fn unknown(datacenter: &str, nodes: &BTreeMap<String, usize>) -> Option<Finding> {
    let known: Vec<&str> = nodes.keys().map(String::as_str).collect();
    (!nodes.contains_key(datacenter)).then(|| Finding {
        severity: Severity::Error,
        what: format!("there is no datacenter {datacenter}; there are {}", known.join(", ")),
        mend: "name one of them in the setting datacenter".to_owned(),
    })
}

/// What is wrong with one keyspace.
pub(super) fn judge(keyspace: &str, layout: &Layout, datacenter: Option<&str>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut find = |severity, what: String, mend: &str| {
        findings.push(Finding { severity, what, mend: mend.to_owned() });
    };
    if let Some(datacenter) = datacenter.filter(|datacenter| !layout.replicas.contains_key(*datacenter)) {
        find(
            Severity::Error,
            format!("keyspace {keyspace} has no replica in datacenter {datacenter}"),
            "give it replicas there with ALTER KEYSPACE, then repair",
        );
    }
    for (place, replicas) in &layout.replicas {
        let nodes = layout.nodes.get(place).copied().unwrap_or_default();
        if *replicas > nodes {
            let majority = replicas / 2 + 1;
            let severity = if majority > nodes { Severity::Error } else { Severity::Warning };
            find(
                severity,
                format!("keyspace {keyspace} wants {replicas} replicas in {place}, which has {nodes} nodes"),
                "add nodes, or lower the replication with ALTER KEYSPACE",
            );
        }
        if *replicas < 3 {
            find(
                Severity::Warning,
                format!(
                    "keyspace {keyspace} has {replicas} replicas in {place}: with one of them down nothing works"
                ),
                "three replicas survive the loss of one",
            );
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(nodes: usize, replicas: usize) -> Layout {
        let one = |count| BTreeMap::from([("dc1".to_owned(), count)]);
        Layout { nodes: one(nodes), replicas: one(replicas) }
    }

    fn severities(layout: &Layout, datacenter: Option<&str>) -> Vec<Severity> {
        judge("k", layout, datacenter).into_iter().map(|finding| finding.severity).collect()
    }

    #[test]
    fn what_cannot_work_is_refused_and_what_has_no_reserve_is_told() {
        assert_eq!(severities(&layout(3, 3), Some("dc1")), []);
        assert_eq!(severities(&layout(3, 3), Some("dc2")), [Severity::Error]);
        assert!(
            unknown("dc2", &layout(3, 3).nodes).is_some() && unknown("dc1", &layout(3, 3).nodes).is_none()
        );
        assert_eq!(severities(&layout(1, 1), None), [Severity::Warning]);
        assert_eq!(severities(&layout(1, 3), None), [Severity::Error], "no majority of three on one node");
        assert_eq!(severities(&layout(2, 3), None), [Severity::Warning]);
        let elsewhere = Layout { replicas: BTreeMap::new(), ..layout(3, 3) };
        assert_eq!(severities(&elsewhere, Some("dc1")), [Severity::Error]);
    }
}
