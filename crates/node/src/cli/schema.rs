//! `causerie schema`

use std::io::Write;

use anyhow::bail;
use causerie_cql::schema::{self, Database, SchemaState};

use super::settings::Settings;
use crate::backends::cql;

/// The tables of a server with `store.backend = "cql"`
///
/// A server makes them itself unless `cql.schema` is `check`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  causerie schema print                            for a look, or for a tool of yours
  causerie schema check --config causerie.toml     ends with 0 when this version can work with what is there
  causerie schema apply --config causerie.toml     makes what is missing; safe to interrupt and to do twice")]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// Print the statements; needs no database
    Print {
        /// For which database
        #[arg(long, value_enum, default_value = "cassandra")]
        database: Kind,
        #[command(flatten)]
        settings: Settings,
    },
    /// Compare the tables that are there with this version; change nothing
    Check {
        #[command(flatten)]
        settings: Settings,
    },
    /// Make what is missing
    Apply {
        #[command(flatten)]
        settings: Settings,
    },
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Kind {
    Cassandra,
    Scylla,
}

pub(super) fn run(args: &Args, out: &mut impl Write) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let state = match &args.what {
        What::Print { database, settings } => {
            let database = match database {
                Kind::Cassandra => Database::Cassandra(5),
                Kind::Scylla => Database::Scylla,
            };
            write!(out, "{}", schema::print(&cql::settings(&settings.load()?)?, database))?;
            return Ok(());
        }
        What::Check { settings } => runtime.block_on(schema::check(cql::settings(&settings.load()?)?))?,
        What::Apply { settings } => runtime.block_on(schema::apply(cql::settings(&settings.load()?)?))?,
    };
    let SchemaState { found, known, missing, .. } = &state;
    writeln!(out, "tables: version {found}; this program: version {known}")?;
    for table in missing {
        writeln!(out, "missing: {table}")?;
    }
    if let Err(error) = state.usable() {
        bail!("{error}");
    }
    Ok(())
}
