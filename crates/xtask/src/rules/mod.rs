//! The house rules: what review should not have to look for. A file a rule, each with its reason.
//!
//! They run in `cargo xtask check` and as a test of this crate. What a rule forbids stands in pieces in its own
//! source, so that the rules pass themselves.

mod dependency_edges;
mod document_links;
mod document_paths;
mod file_length;
mod leftovers;
mod manifest_lints;
mod planted_bugs;
mod project;
mod queue_bounds;
mod registry_hosts;
mod root_headers;
mod sleeping_tests;

use std::fmt::Write as _;

use anyhow::{Result, bail};

use crate::stage::Context;
use project::Project;

/// One rule.
struct Rule {
    /// Imperative, as one would say it in review.
    name: &'static str,
    /// Why it is worth the trouble.
    reason: &'static str,
    /// Every place where it is broken.
    check: fn(&Project) -> Vec<Finding>,
}

/// A place where a rule is broken.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    /// A path, with a line number where there is one.
    place: String,
    /// What is wrong there.
    what: String,
}

impl Finding {
    fn new(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self { place: place.into(), what: what.into() }
    }
}

const RULES: [Rule; 11] = [
    dependency_edges::RULE,
    file_length::RULE,
    leftovers::RULE,
    sleeping_tests::RULE,
    queue_bounds::RULE,
    planted_bugs::RULE,
    root_headers::RULE,
    manifest_lints::RULE,
    document_links::RULE,
    document_paths::RULE,
    registry_hosts::RULE,
];

/// `cargo xtask rules`.
pub(crate) fn command(context: &mut Context) -> Result<()> {
    let report = report(&Project::read(&context.workspace)?);
    if !report.is_empty() {
        bail!("{report}");
    }
    Ok(())
}

/// What is wrong, rule by rule; empty when nothing is.
fn report(project: &Project) -> String {
    let mut report = String::new();
    for rule in &RULES {
        let findings = (rule.check)(project);
        if findings.is_empty() {
            continue;
        }
        let _ = writeln!(report, "House rule broken: {}\n  why: {}", rule.name, rule.reason);
        for finding in findings {
            let _ = writeln!(report, "  {}: {}", finding.place, finding.what);
        }
    }
    report
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Workspace;

    #[test]
    fn the_project_keeps_its_house_rules() {
        let report = report(&Project::read(&Workspace::open().unwrap()).unwrap());
        assert!(report.is_empty(), "\n{report}");
    }

    #[test]
    fn a_broken_rule_is_reported_with_its_reason_and_place() {
        let project = Project::sample(&[("crates/store/src/lib.rs", "pub mod append;\n")]);
        let report = report(&project);
        assert!(report.contains(root_headers::RULE.reason), "{report}");
        assert!(report.contains("crates/store/src/lib.rs:1: "), "{report}");
    }
}
