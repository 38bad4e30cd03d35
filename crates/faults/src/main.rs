//! `causerie-faults`: breaks one node in every way that it must survive, under load, and has what is left judged.
//!
//! The server is a real process with its data on a real disk, and has no back door for this: faults come from outside,
//! by signals, `strace`, mounts, control groups and another clock. The load is `causerie-loadgen mixed`, the verdict that
//! of `causerie-checker`. Each fault proves that it took effect, or the run is vacuous and fails. One seed gives the
//! whole schedule. What it does and what must hold is in docs/faults.md.
//!
//! Start with [`scenario`], then [`moves`]: each breaks a node once and heals it. [`world`] is a node with load, a
//! [`witness`] and the recorders. What ends with this program, however it ends: processes by a signal of the kernel,
//! mounts with its namespace. What is left after its own SIGKILL: its folder, and empty control groups.

mod book;
mod campaign;
mod clock;
mod host;
mod load;
mod moves;
mod process;
mod report;
mod scenario;
mod server;
mod socket;
mod strace;
mod witness;
mod world;

use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

use campaign::Campaign;
use scenario::Scenario;

/// Set for the program inside of its mount namespace.
const INSIDE: &str = "CAUSERIE_FAULTS_INSIDE";

/// Break one node, and judge what is left
///
/// Exit status 0: all passed, or could not be tried here; 1: a promise was broken; 2: a run proves nothing; 3: it could
/// not be done.
#[derive(Parser)]
#[command(version, args_override_self = true)]
struct Args {
    /// Only these scenarios
    #[arg(long, value_name = "SCENARIO", value_delimiter = ',')]
    only: Vec<Scenario>,
    /// Rounds of each scenario, instead of what each has by itself
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rounds: Option<u32>,
    /// What everything is drawn from; the same seed makes the same schedule
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// How long `mix` lasts, in minutes
    #[arg(long, value_name = "M", default_value_t = 0.5)]
    minutes: f64,
    /// The server
    #[arg(long, value_name = "PATH", default_value = "target/debug/causerie")]
    server: PathBuf,
    /// The load generator
    #[arg(long, value_name = "PATH", default_value = "target/debug/causerie-loadgen")]
    loadgen: PathBuf,
    /// Where the report goes, and what shows a finding
    #[arg(long, value_name = "FOLDER", default_value = "target/faults")]
    out: PathBuf,
}

fn main() -> ExitCode {
    let result = own_namespace().and_then(|()| campaign(&Args::parse()));
    result.unwrap_or_else(|error| {
        eprintln!("causerie-faults: {error:#}");
        ExitCode::from(3)
    })
}

/// Begins anew in a mount namespace of its own, where that is allowed: mounts end with it.
fn own_namespace() -> Result<()> {
    let unshare = |program: &std::path::Path| {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private"]).arg(program);
        command
    };
    if std::env::var_os(INSIDE).is_some() || process::run(&mut unshare("true".as_ref())).is_err() {
        return Ok(());
    }
    let mut command = unshare(&std::env::current_exe()?);
    Err(command.args(std::env::args_os().skip(1)).env(INSIDE, "1").exec()).context("a mount namespace")
}

fn campaign(args: &Args) -> Result<ExitCode> {
    let campaign = Campaign::new(args)?;
    let scenarios = if args.only.is_empty() { Scenario::ALL } else { &args.only };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = runtime.block_on(async {
        let mut stop = signal(SignalKind::terminate())?;
        // Dropping the campaign ends everything that it has begun.
        tokio::select! {
            report = campaign.run(scenarios) => report.map(Some),
            _ = stop.recv() => Ok(None),
            stopped = tokio::signal::ctrl_c() => stopped.map(|()| None).context("Ctrl-C"),
        }
    })?;
    let Some(report) = report else {
        eprintln!("stopped");
        return Ok(ExitCode::from(3));
    };
    print!("{report}");
    Ok(ExitCode::from(report.status()))
}
