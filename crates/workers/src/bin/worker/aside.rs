//! `causerie-worker aside`

use std::io::Write;
use std::path::PathBuf;

use causerie_workers::aside;

/// List the records that a worker has set aside, a line each; the worker may run
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The worker's directory
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Whole, as JSON lines: key, headers and value in base64
    #[arg(long)]
    full: bool,
}

pub(crate) fn run(args: &Args, out: &mut impl Write) -> anyhow::Result<()> {
    for record in aside::list(&args.dir)? {
        if args.full {
            writeln!(out, "{}", serde_json::to_string(&record)?)?;
        } else {
            let aside::SetAside { topic, partition, offset, reason, .. } = record;
            writeln!(out, "{topic}:{partition}:{offset}\t{reason}")?;
        }
    }
    Ok(())
}
