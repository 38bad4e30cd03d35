//! Names of package registries.

use super::project::Project;
use super::{Finding, Rule};

pub(super) const RULE: Rule = Rule {
    name: "no file names the host of a package registry",
    reason: "packages come by name through the client that each machine has set up: a host in a file breaks mirrors and closed networks",
    check,
};

/// In pieces, so that this file does not contain them.
const HOSTS: [&str; 11] = [
    concat!("crates", ".io"),
    concat!("npmjs", ".org"),
    concat!("npmjs", ".com"),
    concat!("yarnpkg", ".com"),
    concat!("maven.apache", ".org"),
    concat!("maven", ".org"),
    concat!("deb.debian", ".org"),
    concat!("security.debian", ".org"),
    concat!("pypi", ".org"),
    concat!("pythonhosted", ".org"),
    concat!("proxy.golang", ".org"),
];

fn check(project: &Project) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &project.files {
        for (number, line) in file.numbered() {
            let exempt = file.path.ends_with("Cargo.lock") && line.starts_with("source = \"registry+");
            if let Some(host) = HOSTS.iter().find(|host| !exempt && line.contains(**host)) {
                findings.push(Finding::new(format!("{}:{number}", file.path), format!("names {host}")));
            }
        }
    }
    // One line for a lock file full of them.
    findings.dedup_by(|later, first| later.what == first.what && path(&later.place) == path(&first.place));
    findings
}

fn path(place: &str) -> &str {
    place.rsplit_once(':').map_or(place, |(path, _)| path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_found_once_for_a_file() {
        let lock = concat!("\"resolved\": \"https://registry.npmjs", ".org/a\",\n").repeat(3);
        let project = Project::sample(&[("tests/browser/package-lock.json", &lock)]);
        assert_eq!(check(&project).len(), 1);
        assert_eq!(check(&project)[0].place, "tests/browser/package-lock.json:1");
    }

    #[test]
    fn the_name_that_cargo_itself_writes_is_exempt() {
        let source = concat!("source = \"registry+https://github.com/rust-lang/crates", ".io-index\"\n");
        assert_eq!(check(&Project::sample(&[("Cargo.lock", source)])), []);
        assert_eq!(check(&Project::sample(&[("README.md", source)])).len(), 1);
    }
}
