//! The scenarios that are more than one run of the generator: pages that are cold, overload, and cost as work grows.

use anyhow::{Context as _, Result};

use super::measured::Measured;
use super::options::Options;
use super::place::Place;
use super::proc;
use super::sample::Sample;
use super::target::{Kind, Target};

/// One of them: its name and what it does.
type Special = (&'static str, fn(&Options, &Place, &mut Measured) -> Result<()>);

const ALL: [Special; 5] = [
    ("overload", overload),
    ("history", history),
    ("conversations", conversations),
    ("connections", connections),
    ("log", log),
];

/// The load of what grows: far from saturation, so that batches stay small and what is compared is the cost of one.
const RATE: &str = "5000";
/// Conversations that share a log.
const LOG_CONVERSATIONS: u64 = 200;

/// Measures all that are wanted, and hands each over.
pub(super) fn measure(options: &Options, place: &Place, mut take: impl FnMut(Measured)) {
    for (name, scenario) in ALL.iter().filter(|(name, _)| options.wants(name)) {
        let mut measured = Measured::new(name);
        if let Err(error) = scenario(options, place, &mut measured) {
            measured.fail(&format!("{error:#}"));
        }
        take(measured);
    }
}

fn words(line: &str, seconds: f64, warmup: f64) -> Vec<String> {
    let times = ["--seconds".to_owned(), seconds.to_string(), "--warmup".to_owned(), warmup.to_string()];
    line.split_whitespace().map(str::to_owned).chain(times).collect()
}

/// As much as it can do in a closed loop, then a fifth more than that, whatever it does; then the first again, so that
/// what it is compared with was measured on both sides of it.
fn overload(options: &Options, place: &Place, measured: &mut Measured) -> Result<()> {
    let server = Target::start(Kind::Server, place)?;
    let line = "pairs --connections 400 --window 64 --judge-every 20";
    let closed = words(line, options.seconds(5.0, 2.0), options.warmup());
    measured.note("peak", Sample::take(&server, place, &closed));
    let peak = measured.figure("peak", "/per_second/acknowledged").context("the peak is not known")?;
    let rate = (1.2 * peak).round();
    let line = format!("open --connections 400 --rate {rate} --window 64 --tick-us 1000 --judge-every 40");
    let overload = Sample::take(&server, place, &words(&line, options.seconds(60.0, 5.0), options.warmup()));
    measured.note("server", overload);
    measured.note("peak", Sample::take(&server, place, &closed));
    server.stop()
}

/// Pages of a log that was written before the server started, and that the kernel has been made to forget.
fn history(options: &Options, place: &Place, measured: &mut Measured) -> Result<()> {
    let messages = if options.quick { 500 } else { 5_000 };
    let shape = format!("history --conversations 200 --messages {messages} --prefix cold");
    let server = Target::start(Kind::Server, place)?;
    let fill = format!("{shape} --only-fill --judge-every 50");
    measured.note("fill", Sample::take(&server, place, &words(&fill, 0.1, 0.0)));
    server.stop()?;
    for _ in 0..options.runs {
        proc::forget_files(&place.data())?;
        let server = Target::start_again(Kind::Server, place)?;
        let read = format!("{shape} --filled --at-once 1");
        measured.note("server", Sample::take(&server, place, &words(&read, options.seconds(3.0, 1.0), 0.0)));
        server.stop()?;
    }
    Ok(())
}

/// The same load over ever more conversations, of the same hundred pairs.
fn conversations(options: &Options, place: &Place, measured: &mut Measured) -> Result<()> {
    let sizes: &[u32] = if options.long { &[100, 10_000, 1_000_000] } else { &[100, 10_000] };
    for size in sizes {
        let server = Target::start(Kind::Server, place)?;
        let line = format!("open --connections 200 --rate {RATE} --groups {} --judge-every 100", size / 100);
        let sample = Sample::take(&server, place, &words(&line, options.seconds(6.0, 3.0), options.warmup()));
        measured.note(&size.to_string(), sample);
        server.stop()?;
    }
    Ok(())
}

/// The same load over ever more connections.
fn connections(options: &Options, place: &Place, measured: &mut Measured) -> Result<()> {
    for size in [1_000, 5_000, 10_000] {
        let server = Target::start(Kind::Server, place)?;
        let line =
            format!("open --connections {size} --rate {RATE} --judge-every {} --sources 8", size / 100);
        let sample = Sample::take(&server, place, &words(&line, options.seconds(6.0, 3.0), options.warmup()));
        measured.note(&size.to_string(), sample);
        server.stop()?;
    }
    Ok(())
}

/// The same load on an ever longer log.
fn log(options: &Options, place: &Place, measured: &mut Measured) -> Result<()> {
    let sizes: &[u64] = match (options.quick, options.long) {
        (true, _) => &[10_000, 100_000],
        (_, false) => &[10_000, 100_000, 1_000_000],
        (_, true) => &[10_000, 100_000, 1_000_000, 10_000_000],
    };
    let server = Target::start(Kind::Server, place)?;
    for size in sizes {
        // What the measurements themselves write is little beside it.
        let there = server.metrics()?.value("causerie_store_entries_total");
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        let wanted = (*size as f64 - there).max(0.0) / LOG_CONVERSATIONS as f64;
        let wanted = wanted.round().max(50.0);
        let fill = format!(
            "history --conversations {LOG_CONVERSATIONS} --messages {wanted} --prefix fill-{size} --only-fill --judge-every 100"
        );
        let filled = Sample::take(&server, place, &words(&fill, 0.1, 0.0))?;
        anyhow::ensure!(filled.is_sound(), "filling the log: {}", filled.0["verdict"]);
        let line = format!("open --connections 200 --rate {RATE} --judge-every 10");
        let sample = Sample::take(&server, place, &words(&line, options.seconds(6.0, 3.0), options.warmup()));
        measured.note(&size.to_string(), sample);
    }
    server.stop()
}
