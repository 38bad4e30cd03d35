//! The first words of a crate.

use super::project::Project;
use super::{Finding, Rule};

pub(super) const RULE: Rule = Rule {
    name: "a crate begins by saying what it is for",
    reason: "a newcomer opens lib.rs first: what the crate is for, what it does not know, where to start reading",
    check,
};

fn check(project: &Project) -> Vec<Finding> {
    project
        .with_ending(&["/src/lib.rs", "/src/main.rs", "tests/it/main.rs"])
        .filter(|file| !file.text.starts_with("//! "))
        .map(|file| Finding::new(format!("{}:1", file.path), "begin with a `//!` header"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_need_a_header_and_modules_are_left_to_review() {
        let project = Project::sample(&[
            ("crates/a/src/lib.rs", "//! The words.\n"),
            ("crates/b/src/main.rs", "mod serve;\n"),
            ("crates/b/src/serve.rs", "mod a;\n"),
        ]);
        assert_eq!(check(&project), [Finding::new("crates/b/src/main.rs:1", "begin with a `//!` header")]);
    }
}
