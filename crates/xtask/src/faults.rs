//! `cargo xtask faults`, and the stage of the whole test: one node broken in every way, and what is left judged.
//!
//! Each scenario counts as a test. What the machine does not allow is skipped, and said in the summary.

use std::process::Command;

use anyhow::Result;

use crate::stage::Context;
use crate::tally::Tally;
use crate::workspace::WHOLE;

/// The stage.
pub(crate) fn stage(context: &mut Context) -> Result<()> {
    build(context)?;
    let tested = context.run_tests(program(context), is_progress, tally);
    let report = context.workspace.target.join("faults/report.json");
    let report: serde_json::Value =
        std::fs::read(report).map_or(Ok(serde_json::Value::Null), |json| serde_json::from_slice(&json))?;
    for scenario in report["scenarios"].as_array().into_iter().flatten() {
        if let (Some(name), Some(why)) = (scenario["scenario"].as_str(), scenario["skipped"].as_str()) {
            context.notes.push(format!("faults: {name} skipped: {why}"));
        }
    }
    tested
}

/// The command: its options are those of the program.
pub(crate) fn command(options: &[&str], context: &mut Context) -> Result<bool> {
    build(context)?;
    Ok(program(context).args(options).status()?.success())
}

fn build(context: &mut Context) -> Result<()> {
    let mut cargo = context.workspace.cargo(&["build", "--bins"]);
    cargo.args(WHOLE);
    context.run(cargo).map(drop)
}

fn program(context: &Context) -> Command {
    let built = context.workspace.target.join("debug");
    let mut program = Command::new(built.join("causerie-faults"));
    program.current_dir(&context.workspace.root);
    program.arg("--server").arg(context.workspace.server_binary());
    program.arg("--loadgen").arg(built.join("causerie-loadgen"));
    program.arg("--out").arg(context.workspace.target.join("faults"));
    program
}

/// What a watcher wants to see: the seed, each verdict, each finding.
fn is_progress(line: &str) -> bool {
    line.starts_with("seed ") || line.starts_with("FINDING") || verdict(line).is_some()
}

/// The verdict in a line such as `kill: passed`.
fn verdict(line: &str) -> Option<&str> {
    let (scenario, verdict) = line.split_once(": ")?;
    let known = ["passed", "BROKEN", "vacuous", "failed", "skipped"].contains(&verdict);
    (known && !scenario.contains(' ')).then_some(verdict)
}

fn tally(output: &str) -> Tally {
    let mut tally = Tally::default();
    for verdict in output.lines().filter_map(verdict) {
        match verdict {
            "passed" => tally.passed += 1,
            "skipped" => {}
            _ => tally.failed += 1,
        }
    }
    tally
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scenario_is_counted_once_and_what_is_skipped_is_not() {
        let output = "seed 7\nkill 1: killed at random after 3 ms: took effect (1), 0.4 s\nkill: passed\n\
            skipped: a file cannot be mounted\npower-cut: skipped\nclock: vacuous\none-key: BROKEN\n\n\
            scenario  rounds  verdict\nkill  1  passed\n";
        assert_eq!(tally(output), Tally { passed: 1, failed: 2 });
    }
}
