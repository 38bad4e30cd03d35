//! The feature that plants bugs.

use super::project::{File, Project};
use super::{Finding, Rule};

pub(super) const RULE: Rule = Rule {
    name: "nothing but its own tests asks for planted bugs",
    reason: "a server with bugs must be impossible to ship: no default, dependency, script or image may turn the feature on",
    check,
};

/// In pieces, so that this file does not contain it.
const FEATURE: &str = concat!("planted", "-bugs");

/// What may speak of it: where the bugs are declared, the stage that builds them, the tests that find them, documents.
const PLACES: [&str; 4] =
    ["crates/planted/src/", "crates/xtask/src/planted.rs", "crates/xtask/src/test.rs", "tests/planted/"];

fn check(project: &Project) -> Vec<Finding> {
    let files = project.files.iter().filter(|file| !file.path.ends_with(".md"));
    let files = files.filter(|file| !PLACES.iter().any(|place| file.path.starts_with(place)));
    files.flat_map(check_file).collect()
}

fn check_file(file: &File) -> impl Iterator<Item = Finding> {
    let manifest = file.path.ends_with("Cargo.toml");
    file.numbered().filter_map(move |(number, line)| {
        let text = line.trim_start();
        // A manifest hands the feature on under its own name, or says which program needs it.
        let allowed =
            manifest && ["#", FEATURE, "required-features"].iter().any(|start| text.starts_with(start));
        let found = line.contains(FEATURE) && !allowed;
        found.then(|| Finding::new(format!("{}:{number}", file.path), text))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> usize {
        check(&Project::sample(&[(path, text)])).len()
    }

    #[test]
    fn a_feature_may_be_handed_on() {
        let manifest =
            format!("{FEATURE} = [\"causerie-store/{FEATURE}\"]\nrequired-features = [\"{FEATURE}\"]\n");
        assert_eq!(findings("crates/node/Cargo.toml", &manifest), 0);
        assert_eq!(findings("docs/testing.md", FEATURE), 0);
        assert_eq!(findings("tests/planted/main.rs", FEATURE), 0);
    }

    #[test]
    fn turning_it_on_is_found() {
        let default = format!("default = [\"jemalloc\", \"{FEATURE}\"]");
        assert_eq!(findings("crates/node/Cargo.toml", &default), 1);
        let dependency = format!("causerie-node = {{ workspace = true, features = [\"{FEATURE}\"] }}");
        assert_eq!(findings("examples/Cargo.toml", &dependency), 1);
        assert_eq!(findings("Dockerfile", &format!("RUN cargo build --features {FEATURE}")), 1);
        assert_eq!(findings("crates/actors/src/lib.rs", &format!("#[cfg(feature = \"{FEATURE}\")]")), 1);
    }
}
