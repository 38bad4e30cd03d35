//! `cargo xtask test`: everything that must hold before a change lands, with one command on a fresh machine.
//!
//! Ends with the line `N passed, N failed`, alone. The order is that of cost: what fails often and is cheap comes
//! first. All cargo commands share one selection and one profile, so that each dependency is compiled once to be
//! linted and once to be run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::autobahn;
use crate::check;
use crate::faults;
use crate::planted;
use crate::prerequisites;
use crate::server::Server;
use crate::services;
use crate::simulation;
use crate::stage::{self, Context, Stage};
use crate::tally::Tally;
use crate::workspace::WHOLE;

const PREREQUISITES: Stage = Stage {
    name: "prerequisites",
    does: "install what is missing on this machine",
    run: prerequisites::install_all,
};
const BUILD: Stage = Stage { name: "build", does: "compile everything, tests and examples too", run: build };
const RUST_TESTS: Stage = Stage {
    name: "rust-tests",
    does: "unit, contract, property, documentation and process tests",
    run: rust_tests,
};
const SERVICES: Stage =
    Stage { name: "services", does: "tests against real Cassandra, Kafka and Redis", run: services::stage };
const AUTOBAHN: Stage = Stage {
    name: "autobahn",
    does: "the Autobahn suite against the gateway's WebSocket codec",
    run: autobahn::command,
};
const PLANTED: Stage = Stage {
    name: "planted-bugs",
    does: "a server with a bug in it is found out, each of them; the real one is not",
    run: planted::command,
};
const SIMULATION: Stage = Stage {
    name: "simulation",
    does: "a node and its clients on simulated time, a simulated network and a simulated disk, from seeds",
    run: simulation::stage,
};
const FAULTS: Stage = Stage {
    name: "faults",
    does: "a real server killed, starved, cut off and lied to under load; what is left is judged",
    run: faults::stage,
};
const WEB_TESTS: Stage = Stage { name: "web-tests", does: "unit tests of the web client", run: web_tests };
const BROWSER: Stage =
    Stage { name: "browser", does: "the real server and the page in Chromium", run: browser };

/// The whole test.
pub(crate) fn everything(context: &mut Context) -> Result<bool> {
    run(&stages(), context)
}

/// One stage of the whole test; what it stands on is as the last run left it.
pub(crate) fn only(name: &str, context: &mut Context) -> Result<bool> {
    let mut stages = stages();
    let names: Vec<&str> = stages.iter().map(|stage| stage.name).collect();
    ensure!(names.contains(&name), "There is no stage {name}. The stages are: {}", names.join(", "));
    stages.retain(|stage| stage.name == name);
    run(&stages, context)
}

fn stages() -> Vec<Stage> {
    let mut stages = vec![PREREQUISITES];
    stages.extend(check::STAGES);
    stages.extend([BUILD, RUST_TESTS, SERVICES, SIMULATION, AUTOBAHN, PLANTED, FAULTS, WEB_TESTS, BROWSER]);
    stages
}

/// The test of every day: without lints and documents, the browser, real services, and the long rounds of faults.
pub(crate) fn fast(context: &mut Context) -> Result<bool> {
    let prerequisites = Stage { run: prerequisites::install_for_fast, ..PREREQUISITES };
    let tests = Stage { run: fast_rust_tests, ..RUST_TESTS };
    run(&[prerequisites, check::FORMAT, check::RULES, BUILD, tests, WEB_TESTS], context)
}

fn run(stages: &[Stage], context: &mut Context) -> Result<bool> {
    let all_is_well = stage::run_all(stages, context)?;
    println!("\n{}", context.tally);
    Ok(all_is_well)
}

/// Binaries and tests in one go: built apart, test-only features would unify differently and compile both again.
pub(crate) fn build(context: &mut Context) -> Result<()> {
    let mut cargo = context.workspace.cargo(&["build", "--lib", "--bins", "--tests", "--examples"]);
    cargo.args(WHOLE);
    context.run(cargo)?;
    Ok(())
}

fn rust_tests(context: &mut Context) -> Result<()> {
    cargo_test(context, false)
}

fn fast_rust_tests(context: &mut Context) -> Result<()> {
    cargo_test(context, true)
}

fn cargo_test(context: &mut Context, fast: bool) -> Result<()> {
    let mut cargo = context.workspace.cargo(&["test", "--no-fail-fast"]);
    // A failure shows its message and place; whoever wants the way there runs the one test again with a backtrace.
    cargo.args(WHOLE).env("CAUSERIE_BIN", context.workspace.server_binary()).env("RUST_BACKTRACE", "0");
    if fast {
        cargo.env("CAUSERIE_TEST_FAST", "1");
    }
    context.run_tests(cargo, is_test_progress, Tally::of_cargo_test)
}

fn web_tests(context: &mut Context) -> Result<()> {
    node_tests(context, "web/test", &[])
}

/// Ends the server by its id and expects a clean exit: draining with a browser attached is part of the test.
fn browser(context: &mut Context) -> Result<()> {
    let data = context.workspace.scratch().join("browser-data");
    let log = context.workspace.scratch().join("browser-server.log");
    let server = Server::start(&context.workspace.server_binary(), &data, &log)?;
    let shots = context.workspace.target.join("browser-shots");
    fs::create_dir_all(&shots)?;
    let environment =
        [("CAUSERIE_URL", server.url().to_owned()), ("CAUSERIE_SHOTS", shots.display().to_string())];
    node_tests(context, "tests/browser", &environment)?;
    server.stop().with_context(|| format!("the server's log: {}", log.display()))
}

fn node_tests(context: &mut Context, folder: &str, environment: &[(&str, String)]) -> Result<()> {
    let files = test_files(&context.workspace.root.join(folder))?;
    ensure!(!files.is_empty(), "{folder} has no *.test.mjs or *.test.js");
    let mut node = Command::new("node");
    node.current_dir(&context.workspace.root).args(["--test", "--test-reporter=spec"]).args(files);
    node.env("NO_COLOR", "1")
        .env("FORCE_COLOR", "0")
        .envs(environment.iter().map(|(name, value)| (name, value)));
    context.run_tests(node, is_test_progress, Tally::of_node_test)
}

/// Listed here because what `node --test FOLDER` means differs between its versions.
fn test_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && name != "node_modules" {
            files.extend(test_files(&path)?);
        } else if name.ends_with(".test.mjs") || name.ends_with(".test.js") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// What a watcher wants to see of a test run: which binary it is at, what came of it, and each failure at once.
pub(crate) fn is_test_progress(line: &str) -> bool {
    let line = line.trim_start();
    ["Running ", "Doc-tests ", "test result:", "✖ ", "ℹ pass", "ℹ fail"]
        .iter()
        .any(|start| line.starts_with(start))
        || (line.starts_with("test ") && line.ends_with("FAILED"))
}
