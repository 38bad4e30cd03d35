//! Paths that documents name.

use super::document_links::prose;
use super::project::Project;
use super::{Finding, Rule};

pub(super) const RULE: Rule = Rule {
    name: "every path that a document names exists",
    reason: "a code map that names a room which has moved is worse than none",
    check,
};

/// A path in backticks is ours when it begins with one of these.
const TOPS: [&str; 8] = ["crates/", "docs/", "tests/", "web/", "examples/", "deploy/", "clients/", ".ci/"];

/// History keeps its names.
const HISTORY: [&str; 2] = ["docs/adr/", "CHANGELOG.md"];

fn check(project: &Project) -> Vec<Finding> {
    let mut findings = Vec::new();
    let documents = project.with_ending(&[".md"]);
    for file in documents.filter(|file| !HISTORY.iter().any(|history| file.path.starts_with(history))) {
        for (number, line) in prose(file) {
            let quoted = line.split('`').skip(1).step_by(2);
            for path in quoted.filter(|text| is_path(text)).flat_map(alternatives) {
                if !project.has(&path) {
                    findings.push(Finding::new(
                        format!("{}:{number}", file.path),
                        format!("no such path: {path}"),
                    ));
                }
            }
        }
    }
    findings
}

/// No commands, no patterns, no placeholders.
fn is_path(text: &str) -> bool {
    TOPS.iter().any(|top| text.starts_with(top)) && !text.contains([' ', '*', '<', '…', '$'])
}

/// `a/{b,c}.rs` is two paths.
fn alternatives(text: &str) -> Vec<String> {
    let parts = text.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?)));
    match parts {
        Some((before, (inside, after))) => {
            inside.split(',').flat_map(|part| alternatives(&format!("{before}{part}{after}"))).collect()
        }
        None => vec![text.to_owned()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whats(document: &str, text: &str) -> Vec<String> {
        let files = [(document, text), ("crates/a/src/b.rs", ""), ("crates/a/src/c.rs", "")];
        check(&Project::sample(&files)).into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn files_folders_and_alternatives_are_known() {
        let text =
            "`crates/a/src/{b,c}.rs` in `crates/a/`, `cargo test crates/x`, `src/x.rs`, `crates/*/src`";
        assert_eq!(whats("ARCHITECTURE.md", text), Vec::<String>::new());
    }

    #[test]
    fn what_has_moved_is_found_except_in_history() {
        let text = "see `crates/a/src/{b,d}.rs` and `docs/old.md`";
        assert_eq!(
            whats("ARCHITECTURE.md", text),
            ["no such path: crates/a/src/d.rs", "no such path: docs/old.md"]
        );
        assert_eq!(whats("docs/adr/1.md", text), Vec::<String>::new());
    }
}
