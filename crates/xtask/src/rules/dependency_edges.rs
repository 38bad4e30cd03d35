//! Which package may use which.

use super::project::Project;
use super::{Finding, Rule};

pub(super) const RULE: Rule = Rule {
    name: "a package uses only the packages below it",
    reason: "the floors are the architecture: protocol, store, cluster, actors, node; a way back up would make one room of two",
    check,
};

/// What each package may name in its `Cargo.toml`, for whatever purpose. `node` uses `client` for its terminal
/// commands, which are clients like any other. Packages outside of `crates/` (tests, examples) may use anything.
const ALLOWED: [(&str, &[&str]); 17] = [
    ("protocol", &[]),
    ("planted", &[]),
    ("store", &["protocol", "planted"]),
    ("cluster", &["protocol", "store", "services"]),
    ("cql", &["protocol", "store", "cql-proxy", "services"]),
    ("cql-proxy", &["services"]),
    ("services", &[]),
    ("events", &["protocol", "store", "services"]),
    ("workers", &["protocol", "events", "services"]),
    ("actors", &["protocol", "store", "cluster", "planted"]),
    ("node", &["protocol", "store", "cql", "events", "workers", "cluster", "actors", "client", "planted"]),
    ("client", &["protocol"]),
    ("checker", &["protocol"]),
    ("loadgen", &["protocol", "client", "checker"]),
    ("faults", &["protocol", "client", "checker"]),
    ("simulation", &["protocol", "store", "actors", "node", "checker"]),
    ("xtask", &["services"]),
];

/// What would give the protocol sockets, tasks or a runtime: it is words only, for every client in every language.
const FORBIDDEN_UNDER_PROTOCOL: [&str; 5] = ["tokio", "mio", "socket2", "hyper", "ractor"];

fn check(project: &Project) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in project.packages.iter().filter(|package| package.folder.starts_with("crates/")) {
        let manifest = format!("{}/Cargo.toml", package.folder);
        let Some((_, allowed)) = ALLOWED.iter().find(|(name, _)| own(&package.name) == Some(*name)) else {
            findings.push(Finding::new(
                manifest,
                format!("give {} a floor in the table of this rule", package.name),
            ));
            continue;
        };
        for dependency in package.dependencies.iter().filter_map(|name| own(name)) {
            if !allowed.contains(&dependency) {
                findings.push(Finding::new(&manifest, format!("may not use causerie-{dependency}")));
            }
        }
    }
    for name in project.under_protocol.iter().filter(|name| FORBIDDEN_UNDER_PROTOCOL.contains(&name.as_str()))
    {
        findings.push(Finding::new("crates/protocol/Cargo.toml", format!("brings in {name}, at some depth")));
    }
    findings
}

/// The short name of a package of ours.
fn own(name: &str) -> Option<&str> {
    name.strip_prefix("causerie-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Package;

    fn project(packages: &[(&str, &str, &[&str])]) -> Project {
        let packages = packages
            .iter()
            .map(|(name, folder, dependencies)| Package {
                name: (*name).into(),
                folder: (*folder).into(),
                dependencies: dependencies.iter().map(|name| (*name).into()).collect(),
            })
            .collect();
        Project { packages, ..Project::sample(&[]) }
    }

    #[test]
    fn downward_edges_are_allowed() {
        let good = project(&[
            ("causerie-store", "crates/store", &["causerie-protocol", "fjall"]),
            ("causerie-node", "crates/node", &["causerie-actors", "causerie-client"]),
            ("causerie-tests", "tests", &["causerie-node", "causerie-client"]),
        ]);
        assert_eq!(check(&good), []);
    }

    #[test]
    fn upward_and_sideways_edges_are_found() {
        let bad = project(&[
            ("causerie-store", "crates/store", &["causerie-cluster"]),
            ("causerie-client", "crates/client", &["causerie-store"]),
        ]);
        let places: Vec<String> = check(&bad).into_iter().map(|finding| finding.place).collect();
        assert_eq!(places, ["crates/store/Cargo.toml", "crates/client/Cargo.toml"]);
    }

    #[test]
    fn a_new_package_must_be_given_a_floor() {
        let findings = check(&project(&[("causerie-attic", "crates/attic", &[])]));
        assert_eq!(findings.len(), 1);
    }

    #[test]
    fn a_runtime_under_the_protocol_is_found_at_any_depth() {
        let bad = Project { under_protocol: vec!["serde".into(), "tokio".into()], ..Project::sample(&[]) };
        assert_eq!(
            check(&bad),
            [Finding::new("crates/protocol/Cargo.toml", "brings in tokio, at some depth")]
        );
    }
}
