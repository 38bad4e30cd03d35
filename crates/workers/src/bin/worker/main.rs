//! The command `causerie-worker`: runs a worker, and lists what it has set aside.

mod aside;
mod counts;
mod http;
mod metrics;

use std::io;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

/// Consumers of the event log on Kafka.
#[derive(Parser)]
#[command(name = "causerie-worker", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Counts(counts::Args),
    Aside(aside::Args),
}

fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,librdkafka=warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(false).init();
    let outcome = match Cli::parse().command {
        Command::Counts(args) => counts::run(args),
        Command::Aside(args) => aside::run(&args, &mut io::stdout().lock()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("causerie-worker: {error:#}");
            ExitCode::FAILURE
        }
    }
}
