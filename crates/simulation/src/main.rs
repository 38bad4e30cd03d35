//! `causerie-simulation`: runs seeds, or one seed again.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use causerie_simulation::{Campaign, Honest, Options, run};
use clap::Parser;

/// Run a node and its clients on simulated time and a simulated network
///
/// Exit status 0: every promise was kept; 1: one was broken; 2: the runs prove too little.
#[derive(Parser)]
#[command(version)]
struct Args {
    /// How many seeds, from `--first` on
    #[arg(long, default_value_t = 100, value_name = "N")]
    seeds: u64,
    /// The first seed
    #[arg(long, default_value_t = 0, value_name = "SEED")]
    first: u64,
    /// One seed, twice, to see that it replays
    #[arg(long, conflicts_with_all = ["seeds", "first"], value_name = "SEED")]
    seed: Option<u64>,
    /// How long faults are brought about in each, in simulated minutes
    #[arg(long, default_value_t = 0.5, value_name = "M")]
    minutes: f64,
    /// Show everything that happens
    #[arg(long, requires = "seed")]
    trace: bool,
    /// Begin no further seed after so many real seconds
    #[arg(long, value_name = "S")]
    within: Option<u64>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let panics = count_panics();
    let options = Options { active: Duration::from_secs_f64(args.minutes * 60.0), trace: args.trace };
    let status = match args.seed {
        Some(seed) => again(seed, &options),
        None => many(&args, options),
    };
    if panics.load(Relaxed) > 0 {
        println!("BROKEN: something panicked");
        return ExitCode::from(1);
    }
    status
}

/// An actor that panics is caught by its runtime: it is a finding all the same.
fn count_panics() -> Arc<AtomicU64> {
    let panics = Arc::new(AtomicU64::new(0));
    let (count, show) = (Arc::clone(&panics), std::panic::take_hook());
    std::panic::set_hook(Box::new(move |panic| {
        count.fetch_add(1, Relaxed);
        show(panic);
    }));
    panics
}

fn again(seed: u64, options: &Options) -> ExitCode {
    let first = run(seed, options, Arc::new(Honest));
    let second = run(seed, &Options { trace: false, ..options.clone() }, Arc::new(Honest));
    print!("{}", first.problems());
    println!("{}", first.verdict.summary());
    let (hash, lines) = first.trace;
    println!("seed {seed}: trace {hash:016x} of {lines} lines, {:?} simulated", first.simulated);
    if first.trace != second.trace {
        println!("BROKEN: the seed does not replay: the second trace is {:016x}", second.trace.0);
        return ExitCode::from(1);
    }
    ExitCode::from(u8::from(!first.passed()))
}

fn many(args: &Args, options: Options) -> ExitCode {
    let begun = Instant::now();
    let campaign = Campaign { first: args.first, seeds: args.seeds, options };
    let totals = campaign.run(|report| {
        if !report.passed() {
            println!("seed {} FAILED\n{}", report.seed, report.problems());
            println!("again: cargo xtask simulate --seed {} --minutes {}\n", report.seed, args.minutes);
        }
        args.within.is_none_or(|seconds| begun.elapsed() < Duration::from_secs(seconds))
    });
    print!("{totals}");
    println!("{:.1} real seconds", begun.elapsed().as_secs_f64());
    let missing = totals.missing();
    if !totals.failed.is_empty() {
        println!("BROKEN: seeds {:?}", totals.failed);
        return ExitCode::from(1);
    }
    if !missing.is_empty() {
        println!("vacuous: nothing exercised {}", missing.join(", "));
        return ExitCode::from(2);
    }
    println!("passed");
    ExitCode::SUCCESS
}
