//! `causerie-loadgen`: load for a server, figures of it, and the judge's verdict beside them.
//!
//! It knows the protocol and nothing of the server's inside. A scenario connects its clients, loads the server for a
//! time, syncs everything it used a last time, and has the history judged: no figure without a verdict. `floor` is two
//! bare servers that speak the same frames, to compare with.
//!
//! Start with [`scenario`], then [`session`]; [`run`] is the course of a run.

mod args;
mod book;
mod clock;
mod floor;
mod link;
mod message;
mod process;
mod report;
mod run;
mod scan;
mod scenario;
mod session;
mod sign_in;
mod wire;

use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};

use args::Common;
use report::Report;

/// The server has it, so the floors and the generator have it too.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Load a Causerie server, measure it, and judge what it did
///
/// Exit status 0: the judge passes the run; 1: a promise was broken; 2: the run proves nothing; 3: it could not be done.
/// The server refuses clients that are faster than its limits: for load, start it with
/// `--set rates.connection_sends_per_s=0 --set rates.user_sends_per_s=0 --set rates.conversation_sends_per_s=0
/// --set rates.address_connects_per_s=0 --set limits.connections_per_address=0`.
#[derive(Parser)]
#[command(version)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Pairs(scenario::pairs::Args),
    Open(scenario::open::Args),
    Group(scenario::group::Args),
    Connect(scenario::connect::Args),
    Idle(scenario::idle::Args),
    History(scenario::history::Args),
    Mixed(scenario::mixed::Args),
    Floor(floor::Args),
}

fn main() -> ExitCode {
    match run_command(Args::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("causerie-loadgen: {error:#}");
            ExitCode::from(3)
        }
    }
}

fn run_command(mut command: Command) -> anyhow::Result<ExitCode> {
    raise_file_limit()?;
    if let Some(common) = command.common() {
        common.fix_prefix();
    }
    let (report, common) = match &command {
        Command::Pairs(args) => (scenario::pairs::scenario(args)?, &args.common),
        Command::Open(args) => (scenario::open::scenario(args)?, &args.common),
        Command::Group(args) => (scenario::group::scenario(args)?, &args.common),
        Command::Connect(args) => (scenario::connect::scenario(args)?, &args.common),
        Command::Idle(args) => (scenario::idle::scenario(args)?, &args.common),
        Command::Mixed(args) => (scenario::mixed::scenario(args)?, &args.common),
        Command::History(args) => (scenario::history::scenario(args)?, &args.common),
        Command::Floor(args) => return floor::serve(args).map(|()| ExitCode::SUCCESS),
    };
    print!("{report}");
    if let Some(path) = &common.report {
        std::fs::write(path, serde_json::to_vec_pretty(&report)?)
            .with_context(|| path.display().to_string())?;
    }
    Ok(exit_code(&report))
}

impl Command {
    fn common(&mut self) -> Option<&mut Common> {
        match self {
            Self::Pairs(args) => Some(&mut args.common),
            Self::Open(args) => Some(&mut args.common),
            Self::Group(args) => Some(&mut args.common),
            Self::Connect(args) => Some(&mut args.common),
            Self::Idle(args) => Some(&mut args.common),
            Self::Mixed(args) => Some(&mut args.common),
            Self::History(args) => Some(&mut args.common),
            Self::Floor(_) => None,
        }
    }
}

fn exit_code(report: &Report) -> ExitCode {
    match &report.verdict {
        Some(verdict) if !verdict.findings.is_empty() => ExitCode::from(1),
        Some(_) if !report.passed() => ExitCode::from(2),
        _ => ExitCode::SUCCESS,
    }
}

/// Each client is a file.
fn raise_file_limit() -> anyhow::Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })
        .context("raising the limit of open files")
}
