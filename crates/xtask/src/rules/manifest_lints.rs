//! The workspace's lints.

use super::project::Project;
use super::{Finding, Rule};

pub(super) const RULE: Rule = Rule {
    name: "every package takes the workspace's lints",
    reason: "a package without them has no bans: unsafe code, unwrap, the wall clock would pass unseen",
    check,
};

fn check(project: &Project) -> Vec<Finding> {
    project
        .with_ending(&["/Cargo.toml"])
        .filter(|file| file.text.contains("[package]") && !file.text.contains("[lints]\nworkspace = true\n"))
        .map(|file| Finding::new(&file.path, "add `[lints] workspace = true`"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_without_lints_is_found() {
        let good = "[package]\nname = \"a\"\n\n[lints]\nworkspace = true\n";
        let project =
            Project::sample(&[("crates/a/Cargo.toml", good), ("crates/b/Cargo.toml", "[package]\n")]);
        assert_eq!(check(&project), [Finding::new("crates/b/Cargo.toml", "add `[lints] workspace = true`")]);
    }
}
