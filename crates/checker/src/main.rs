//! `causerie-checker`: judges histories from files.

use std::fs::File;
use std::io::{BufReader, Write as _, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use causerie_checker::history::Reader;
use causerie_checker::{Demands, corpus, judge};
use clap::Parser;

/// Judge the histories of a run
///
/// All files together are one run. Exit status 0: nothing found; 1: a promise was broken; 2: the run proves nothing.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// Histories, JSON lines
    #[arg(required_unless_present = "prove", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Print the verdict as JSON
    #[arg(long)]
    json: bool,
    /// Fewer acknowledged messages prove nothing
    #[arg(long, default_value_t = 100, value_name = "N")]
    acknowledged: u64,
    /// Fewer faults prove nothing
    #[arg(long, default_value_t = 0, value_name = "N")]
    faults: u64,
    /// Judge the judge: break good histories in one place each, and see that just that is found
    #[arg(long, conflicts_with = "files")]
    prove: bool,
}

fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    if args.prove {
        return prove();
    }
    let mut reader = Reader::default();
    for path in &args.files {
        let file = File::open(path).with_context(|| path.display().to_string())?;
        reader.file(BufReader::new(file)).with_context(|| path.display().to_string())?;
    }
    let demands = Demands { acknowledged: args.acknowledged, faults: args.faults };
    let verdict = judge(&reader.finish(), &demands);
    let mut out = stdout().lock();
    if args.json {
        serde_json::to_writer_pretty(&mut out, &verdict)?;
        writeln!(out)?;
    } else {
        write!(out, "{verdict}")?;
    }
    Ok(match (verdict.findings.is_empty(), verdict.vacuous.is_empty()) {
        (true, true) => ExitCode::SUCCESS,
        (false, _) => ExitCode::from(1),
        (true, false) => ExitCode::from(2),
    })
}

fn prove() -> anyhow::Result<ExitCode> {
    let mut out = stdout().lock();
    let mut failed = false;
    for (name, result) in corpus::prove(0) {
        match result {
            Ok(()) => writeln!(out, "ok      {name}")?,
            Err(what) => {
                failed = true;
                writeln!(out, "FAILED  {name}: {what}")?;
            }
        }
    }
    Ok(ExitCode::from(u8::from(failed)))
}
