//! The stage of the whole test: every test target called `services`, against servers that are up for it.

use anyhow::{Context as _, Result};
use causerie_services::{Home, Standing};

use super::up::{Services, down};
use crate::stage::Context;
use crate::tally::Tally;
use crate::test::is_test_progress;
use crate::workspace::WHOLE;

/// What is up for the tests. Those that kill a server, or want three nodes, start their own.
const WANTED: [Standing; 4] = [Standing::Cassandra, Standing::Kafka, Standing::Redis, Standing::RedisCluster];

/// Takes down afterwards what it has started, also when a test has failed. What ran before is left running.
pub(crate) fn stage(context: &mut Context) -> Result<()> {
    if context.workspace.with_service_tests.is_empty() {
        context.notes.push("services: no package has tests for it".into());
        return Ok(());
    }
    let home = Home::of_user()?;
    let ours: Vec<Standing> = WANTED.into_iter().filter(|service| !service.is_up(&home)).collect();
    let tested = Services::up(&WANTED).and_then(|services| test(context, &services));
    let ended = down(&ours).context("after the tests against services");
    tested.and(ended)
}

/// Modules of the store on CQL whose tests look inside it, and need the database too. Without it they skip.
const INSIDE: [&str; 5] =
    ["log::tests::", "ownership::tests::", "ownership::faults::", "schema::tests::", "check::tests::"];

fn test(context: &mut Context, services: &Services) -> Result<()> {
    run(context, services, &["--test", "services"], &[])?;
    run(context, services, &["--lib"], &INSIDE)
}

fn run(context: &mut Context, services: &Services, targets: &[&str], only: &[&str]) -> Result<()> {
    let mut cargo = context.workspace.cargo(&["test", "--no-fail-fast"]);
    cargo.args(targets).args(WHOLE).arg("--").args(only);
    cargo.env("CAUSERIE_BIN", context.workspace.server_binary()).env("RUST_BACKTRACE", "0");
    cargo.env("CAUSERIE_TEST_SERVICES", "required").envs(services.variables());
    context.run_tests(cargo, is_test_progress, Tally::of_cargo_test)
}
