//! The command `causerie`, a file a subcommand.
//!
//! Every command prints what it is for to standard output and everything else to standard error; it ends with 0 when it
//! did what it was asked, 1 when it could not, 2 when it was asked wrongly.

pub mod account;
mod admin;
mod admin_http;
pub mod chat;
mod check_config;
mod config_reference;
mod doctor;
mod duration;
mod events;
pub mod export;
mod migrate;
mod schema;
pub mod send;
mod serve;
mod settings;
mod stdin;
pub mod tail;
mod token;

use std::io;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

const EXAMPLES: &str = "\
Examples:
  causerie                                   serve this machine, then open http://127.0.0.1:8080
  causerie serve --config /etc/causerie.toml
  causerie serve --data /srv/chat --set limits.body_bytes=32768
  causerie chat --as alice                   chat in the terminal
  causerie send --as alice --to bob Hello    send from a script; causerie tail reads
  causerie token --user alice --for 1h       a token for a script or a test
  causerie check-config /etc/causerie.toml   what is wrong with it, and where
  causerie schema print                      the tables of store.backend = cql
  causerie doctor --config causerie.toml     what a deployment needs mended
  causerie admin sessions                    who is connected
  causerie events --follow                   every message as it is stored, as JSON lines

`causerie COMMAND --help` tells more about each.";

/// A chat server: every message stored before it is acknowledged, in one order for everybody.
#[derive(Parser)]
#[command(name = "causerie", version, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: settings::Settings,
}

#[derive(Subcommand)]
enum Command {
    Serve(serve::Args),
    Chat(chat::Args),
    Send(send::Args),
    Tail(tail::Args),
    Export(export::Args),
    Token(token::Args),
    CheckConfig(check_config::Args),
    Admin(admin::Args),
    Events(events::Args),
    Schema(schema::Args),
    Doctor(doctor::Args),
    Migrate(migrate::Args),
    #[command(hide = true)]
    ConfigReference(config_reference::Args),
}

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command {
        None => serve::run(&serve::Args { settings: cli.serve }),
        Some(Command::Serve(args)) => serve::run(&args),
        Some(Command::Chat(args)) => client(chat::run(args)),
        Some(Command::Send(args)) => client(send::run(args)),
        Some(Command::Tail(args)) => client(tail::run(args)),
        Some(Command::Export(args)) => client(export::run(args)),
        Some(Command::Token(args)) => token::run(&args, &mut io::stdout().lock()),
        Some(Command::CheckConfig(args)) => check_config::run(&args, &mut io::stdout().lock()),
        Some(Command::Admin(args)) => admin::run(&args, &mut io::stdout().lock()),
        Some(Command::Events(args)) => events::run(&args, &mut io::stdout().lock()),
        Some(Command::Schema(args)) => schema::run(&args, &mut io::stdout().lock()),
        Some(Command::Doctor(args)) => doctor::run(&args, &mut io::stdout().lock()),
        Some(Command::Migrate(args)) => return migrate::run(&args),
        Some(Command::ConfigReference(args)) => config_reference::run(&args, &mut io::stdout().lock()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read the output has seen enough.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("causerie: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs a command that is a client; one thread is enough.
fn client(command: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(command)
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests;
