//! The developers' commands, run as `cargo xtask COMMAND`.
//!
//! One file per command ([`mod@test`], [`check`], [`generate`], [`mod@bench`], and the house rules in [`rules`]); under them a
//! [`stage`] runner that says what it does and stops at the first failure, and [`process`], which runs one
//! command with its output in a log file. Knows nothing of the server but how to start it.
//! Dependencies are few and light on purpose: everybody waits for this crate before anything else happens.

mod autobahn;
mod bench;
mod cache;
mod check;
mod deny;
mod excerpt;
mod faults;
mod fuzz;
mod generate;
mod planted;
mod prerequisites;
mod process;
mod rules;
mod server;
mod services;
mod simulation;
mod stage;
mod tally;
mod test;
mod workspace;

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::stage::Context;
use crate::workspace::Workspace;

const HELP: &str = "\
Commands:
  cargo xtask test              everything: prerequisites, checks, build, tests, the page in a real browser
  cargo xtask test --fast       for every day: format, house rules, build, tests without the browser
  cargo xtask test --only STAGE one stage of it again, such as clippy, rust-tests or browser
  cargo xtask check             format, lints, docs, supply chain, generated files, house rules
  cargo xtask services up|down|status [NAME]...
                                real Cassandra, Kafka and Redis for tests, without containers; see docs/services.md
  cargo xtask fuzz TARGET       one decoder, or `all`, with --seconds N (60) of random input each
  cargo xtask rules             the house rules alone, each with its reason when broken
  cargo xtask generate          write the files that are generated from the code
  cargo xtask generate --check  say whether they are up to date
  cargo xtask simulate          seeds of a node and its clients on simulated time; one again with --seed S
                                (--seeds N, --first S, --seed S, --minutes M, --trace)
  cargo xtask faults            one node broken in every way, and what is left judged, 4 minutes; see docs/faults.md
                                (--rounds N, --seed S, --only SCENARIO, --minutes M, --server PATH)
  cargo xtask bench             figures of the server beside two floors, 25 minutes; target/bench/report.json
  cargo xtask bench --quick     the same in 5 minutes, to see that everything works
                                (--runs N, --only SCENARIO, --seconds S, --long, --no-build)
  cargo xtask bench --write     write the last report's tables into docs/performance.md

Logs of every stage are kept in target/xtask/.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs what was asked for and says whether all is well; what is not has been printed by then, or is the error.
fn run(arguments: &[&str]) -> Result<bool> {
    if let [] | ["help" | "--help" | "-h"] = arguments {
        println!("{HELP}");
        return Ok(true);
    }
    let context = &mut Context::new(Workspace::open()?);
    match arguments {
        ["test"] => test::everything(context),
        ["test", "--fast"] => test::fast(context),
        ["test", "--only", stage] => test::only(stage, context),
        ["check"] => check::command(context),
        ["services", rest @ ..] => services::command(rest, context),
        ["fuzz", rest @ ..] => fuzz::command(context, rest),
        ["rules"] => rules::command(context).map(|()| true),
        ["generate"] => generate::write(context).map(|()| true),
        ["generate", "--check"] => generate::check(context).map(|()| true),
        ["simulate", options @ ..] => simulation::command(options, context),
        ["faults", options @ ..] => faults::command(options, context),
        ["bench", options @ ..] => bench::command(options, context),
        unknown => bail!("There is no `cargo xtask {}`.\n\n{HELP}", unknown.join(" ")),
    }
}
