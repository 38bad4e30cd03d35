//! `cargo xtask bench`: the figures of the server beside those of two floors, from one run on one machine.
//!
//! Guaranteed: figures stand in the report only with the judge's verdict; a scenario that fails is reported and the
//! others go on; all processes are ended by their ids. Not guaranteed: that the machine was quiet. What others used of
//! it is measured and stands beside the figures; ratios to a floor measured in turn with the server bear it best.
//!
//! Start with [`plans`], then [`special`]; [`rows`] says what is to be reached. `docs/performance.md` explains the
//! method and the report's keys.

mod machine;
mod measured;
mod metrics;
mod numbers;
mod options;
mod place;
mod plans;
mod proc;
mod row;
mod rows;
mod sample;
mod special;
mod table;
mod target;

use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Map, Value, json};

use crate::stage::Context;
use measured::Measured;
use numbers::{median, rounded};
use options::Options;
use place::Place;

/// Where the last report is, in the folder of the benchmark.
const REPORT: &str = "report.json";
/// The document that shows it.
const DOCUMENT: &str = "docs/performance.md";
/// The lines of the document between which the table stands.
const MARKERS: [&str; 2] = [
    "<!-- written by `cargo xtask bench --write`: begin -->",
    "<!-- written by `cargo xtask bench --write`: end -->",
];

/// Runs what was asked for. False: a scenario failed, or the judge found something. A missed target is no failure.
pub(crate) fn command(arguments: &[&str], context: &Context) -> Result<bool> {
    let options = Options::parse(arguments)?;
    let place = Place::new(&context.workspace)?;
    let path = place.folder.join(REPORT);
    if options.write {
        let report = fs::read(&path).with_context(|| format!("{}: no report yet", path.display()))?;
        return write(&context.workspace.root.join(DOCUMENT), &serde_json::from_slice(&report)?)
            .map(|()| true);
    }
    if options.build {
        println!("compiling release builds");
        context.run(context.workspace.cargo(&[
            "build",
            "--release",
            "--locked",
            "-p",
            "causerie-node",
            "-p",
            "causerie-loadgen",
        ]))?;
    }
    let begun = Instant::now();
    let machine = machine::describe(&context.workspace, &place.folder)?;
    let all = measure(&options, &place);
    place.clear()?;
    let mut report = report(&options, &machine, &all);
    report["took_s"] = rounded(begun.elapsed().as_secs_f64(), 0).into();
    fs::write(&path, serde_json::to_string_pretty(&report)? + "\n")?;
    println!("\n{}\n{} in {} s", table::markdown(&report), path.display(), report["took_s"]);
    Ok(all.iter().all(|measured| measured.troubles.is_empty()))
}

fn measure(options: &Options, place: &Place) -> Vec<Measured> {
    let mut all: Vec<Measured> = plans::plans(options).iter().map(|plan| plan.measure(place)).collect();
    special::measure(options, place, |measured| all.push(measured));
    all
}

fn report(options: &Options, machine: &Value, all: &[Measured]) -> Value {
    let names: Vec<&str> = all.iter().map(|measured| measured.name.as_str()).collect();
    let scenarios: Map<String, Value> =
        all.iter().map(|measured| (measured.name.clone(), measured.to_json())).collect();
    let figures = |pointer: &str| -> Vec<f64> {
        let of_one = |measured: &Measured| -> Vec<f64> {
            measured.names().flat_map(|series| measured.figures(series, pointer)).collect()
        };
        all.iter().flat_map(of_one).collect()
    };
    let highest = |values: &[f64]| rounded(values.iter().copied().fold(0.0, f64::max), 2);
    let others = figures("/others_processors");
    let rows: Vec<Value> =
        rows::rows(&all.iter().collect::<Vec<_>>()).iter().map(row::Row::to_json).collect();
    json!({
        "format": 1,
        "quick": options.quick,
        "runs": options.runs,
        "only": options.only,
        "machine": machine,
        "noise": {
            "others_processors_median": rounded(median(&others), 2),
            "others_processors_max": highest(&others),
            "generator_processors_max": highest(&figures("/generator_processors")),
        },
        "order": names,
        "rows": rows,
        "scenarios": scenarios,
    })
}

/// Puts the report's tables between the markers of the document.
fn write(path: &Path, report: &Value) -> Result<()> {
    ensure!(
        report["only"].is_null(),
        "the last report is of {} alone: run `cargo xtask bench`",
        report["only"]
    );
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    fs::write(path, between_markers(&text, &table::markdown(report))?)?;
    println!("wrote {}", path.display());
    Ok(())
}

fn between_markers(text: &str, table: &str) -> Result<String> {
    let [begin, end] = MARKERS;
    let (before, rest) = text.split_once(begin).context("the document has no place for the table")?;
    let (_, after) = rest.split_once(end).context("the place for the table has no end")?;
    Ok(format!("{before}{begin}\n\n{}\n\n{end}{after}", table.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_markers_changes() {
        let [begin, end] = MARKERS;
        let text = format!("# Title\n\n{begin}\nold\n{end}\n\nMore.\n");
        let written = between_markers(&text, "| new |\n").unwrap();
        assert_eq!(written, format!("# Title\n\n{begin}\n\n| new |\n\n{end}\n\nMore.\n"));
        assert_eq!(between_markers(&written, "| new |").unwrap(), written);
        assert!(between_markers("no markers", "").is_err());
    }
}
