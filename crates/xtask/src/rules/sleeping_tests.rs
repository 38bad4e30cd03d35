//! Tests that wait for time.

use super::project::{File, Project};
use super::{Finding, Rule};

pub(super) const RULE: Rule = Rule {
    name: "a test waits for the event, never for time",
    reason: "a sleep is too long on a fast machine and too short on a busy one: it makes tests slow and flaky at once",
    check,
};

/// Real sleeps, whoever calls them. In pieces, so that this file does not contain them.
const REAL: [&str; 3] =
    [concat!("thread::sl", "eep"), concat!("waitFor", "Timeout"), concat!("timers/pro", "mises")];

/// tokio's, which is real unless the test has paused the clock.
const TOKIO: &str = concat!("sl", "eep(");

/// How a test says that its clock is paused.
const PAUSED: [&str; 2] = ["start_paused = true", "time::pause()"];

fn check(project: &Project) -> Vec<Finding> {
    project.with_ending(&[".rs", ".js", ".mjs", ".ts"]).flat_map(check_file).collect()
}

fn check_file(file: &File) -> Vec<Finding> {
    let paused = PAUSED.iter().any(|paused| file.text.contains(paused));
    let mut in_tests = is_test_file(&file.path);
    let mut findings = Vec::new();
    let mut marked = false;
    for (number, line) in file.numbered() {
        // A module that stands in a file of its own ends with its name.
        in_tests |= marked && line.contains("mod ") && line.contains('{');
        marked = line.trim_start().starts_with("#[cfg(test)]");
        let real = REAL.iter().any(|sleep| line.contains(sleep)) || is_promised_time(line);
        if in_tests && (real || line.contains(TOKIO) && !paused) {
            findings.push(Finding::new(format!("{}:{number}", file.path), line.trim()));
        }
    }
    findings
}

/// A promise that time alone fulfils; one that time rejects is a deadline.
fn is_promised_time(line: &str) -> bool {
    line.contains("Promise(") && line.contains("setTimeout(") && !line.contains("reject")
}

fn is_test_file(path: &str) -> bool {
    path.starts_with("tests/")
        || ["/tests/", "/test/"].iter().any(|folder| path.contains(folder))
        || ["/tests.rs", "_test.rs", ".test.js", ".test.mjs", ".test.ts"]
            .iter()
            .any(|ending| path.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLEEP: &str = concat!("tokio::time::sl", "eep(second).await;");

    fn places(files: &[(&str, &str)]) -> Vec<String> {
        check(&Project::sample(files)).into_iter().map(|finding| finding.place).collect()
    }

    #[test]
    fn sleeps_are_found_in_test_files_and_test_modules() {
        let module = format!("{SLEEP}\n#[cfg(test)]\nmod tests {{\n{SLEEP}\n}}\n");
        assert_eq!(places(&[("tests/it/send.rs", SLEEP)]), ["tests/it/send.rs:1"]);
        assert_eq!(places(&[("crates/store/src/gate.rs", &module)]), ["crates/store/src/gate.rs:4"]);
        let promise = "await new Promise((r) => setTimeout(r, 50));\nnew Promise((_, reject) => setTimeout(reject, 50));";
        assert_eq!(places(&[("web/test/a.test.mjs", promise)]), ["web/test/a.test.mjs:1"]);
        assert_eq!(places(&[("web/test/b.test.mjs", REAL[1])]), ["web/test/b.test.mjs:1"]);
    }

    #[test]
    fn a_paused_clock_may_be_slept_on_and_a_thread_may_not() {
        let paused = format!("#[tokio::test(start_paused = true)]\n{SLEEP}\n{}\n", REAL[0]);
        assert_eq!(places(&[("crates/node/tests/a.rs", &paused)]), ["crates/node/tests/a.rs:3"]);
    }

    #[test]
    fn code_that_is_no_test_is_left_to_clippy() {
        assert_eq!(places(&[("crates/client/src/driver.rs", SLEEP)]), Vec::<String>::new());
        let elsewhere = format!("#[cfg(test)]\nmod tests;\n{SLEEP}\n");
        assert_eq!(places(&[("crates/client/src/driver.rs", &elsewhere)]), Vec::<String>::new());
    }
}
