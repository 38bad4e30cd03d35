//! The developers' commands, run as `cargo xtask COMMAND`.
//!
//! One file per command ([`mod@test`], [`check`], [`generate`], and the house rules in [`rules`]); under them a
//! [`stage`] runner that says what it does and stops at the first failure, and [`process`], which runs one
//! command with its output in a log file. Knows nothing of the server but how to start it.
//! Dependencies are few and light on purpose: everybody waits for this crate before anything else happens.

mod check;
mod deny;
mod excerpt;
mod generate;
mod prerequisites;
mod process;
mod rules;
mod server;
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
  cargo xtask rules             the house rules alone, each with its reason when broken
  cargo xtask generate          write the files that are generated from the code
  cargo xtask generate --check  say whether they are up to date

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
        ["rules"] => rules::command(context).map(|()| true),
        ["generate"] => generate::write(context).map(|()| true),
        ["generate", "--check"] => generate::check(context).map(|()| true),
        unknown => bail!("There is no `cargo xtask {}`.\n\n{HELP}", unknown.join(" ")),
    }
}
