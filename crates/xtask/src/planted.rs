//! `planted-bugs`: the server with bugs in it, and the tests that find each of them.
//!
//! It is a program of its own, `causerie-planted`, so that the real one stays what it is. It is built with the tests:
//! then features of dependencies unify as in the build of everything, and only the crates with bugs are compiled again.

use anyhow::Result;

use crate::stage::Context;
use crate::tally::Tally;
use crate::test::{build, is_test_progress};
use crate::workspace::WHOLE;

/// The tests, a target that runs only when it is named.
const TESTS: [&str; 2] = ["--test", "planted"];

/// The stage.
pub(crate) fn command(context: &mut Context) -> Result<()> {
    // The sound server and the load are what they were in the whole test; here in case that this stage runs alone.
    build(context)?;
    let mut cargo = context.workspace.cargo(&["build", "--bin", "causerie-planted"]);
    cargo.args(TESTS).args(WHOLE).args(["--features", "causerie-node/planted-bugs"]);
    context.run(cargo)?;
    let mut cargo = context.workspace.cargo(&["test"]);
    cargo.args(TESTS).args(WHOLE).env("RUST_BACKTRACE", "0");
    // Two at a time: each is a server, a load and a judge.
    cargo.args(["--", "--test-threads", "2"]);
    context.run_tests(cargo, is_test_progress, Tally::of_cargo_test)
}
