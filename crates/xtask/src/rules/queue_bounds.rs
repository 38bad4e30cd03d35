//! Queues without a bound.

use super::project::Project;
use super::{Finding, Rule};

pub(super) const RULE: Rule = Rule {
    name: "no queue without a bound",
    reason: "a queue that cannot be full is where memory goes when a peer is slow; take a bound and say what happens at it",
    check,
};

/// tokio's, futures', crossbeam's and flume's, and the standard library's, whose `channel` takes no capacity.
/// In pieces, so that this file does not contain them.
const UNBOUNDED: [&str; 5] = [
    concat!("unbounded_", "channel"),
    concat!("unbound", "ed("),
    concat!("unbound", "ed::<"),
    concat!("mpsc::chan", "nel()"),
    concat!("std::sync::mpsc::chan", "nel"),
];

fn check(project: &Project) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in project.with_ending(&[".rs"]) {
        for (number, line) in file.numbered() {
            if UNBOUNDED.iter().any(|channel| line.contains(channel)) {
                findings.push(Finding::new(format!("{}:{number}", file.path), line.trim()));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unbounded_is_found_and_bounded_is_not() {
        for channel in UNBOUNDED {
            assert_eq!(check(&Project::sample(&[("a.rs", channel)])).len(), 1, "{channel}");
        }
        let bounded = "mpsc::channel(8); std::sync::mpsc::sync_channel(8); // never unbounded";
        assert_eq!(check(&Project::sample(&[("a.rs", bounded)])), []);
    }
}
