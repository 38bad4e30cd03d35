//! The generator and the floors, as processes: every scenario that a floor understands runs against it.
//!
//! Against the server itself, where the judge has something to judge, the scenarios run in the tests of the whole.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_causerie-loadgen");

/// A floor, ended with the test.
struct Floor {
    process: Child,
    address: String,
}

impl Floor {
    fn start(kind: &[&str]) -> Self {
        let mut command = Command::new(PROGRAM);
        command.arg("floor").args(kind).args(["--listen", "127.0.0.1:0"]).stdout(Stdio::piped());
        let mut process = command.spawn().expect("the program starts");
        let mut line = String::new();
        let output = process.stdout.take().expect("its output is a pipe");
        BufReader::new(output).read_line(&mut line).expect("it says where it listens");
        let address = line.strip_prefix("listening on ").and_then(|rest| rest.split(',').next());
        Self { address: address.expect("an address").to_owned(), process }
    }

    /// Runs a scenario until all these figures are there: for a moment, and for longer if the disk stood still in it.
    fn run(&self, folder: &Path, scenario: &[&str], figures: &[&str]) -> Value {
        let lacks = |report: &Value, figure: &&str| {
            report.pointer(figure).and_then(Value::as_f64).is_none_or(|value| value <= 0.0)
        };
        let mut missing = Vec::new();
        for seconds in ["0.3", "3", "30"] {
            let report = self.run_for(seconds, folder, scenario);
            missing = figures.iter().filter(|figure| lacks(&report, figure)).collect();
            if missing.is_empty() {
                return report;
            }
        }
        panic!("{scenario:?}: no {missing:?} in 30 s");
    }

    fn run_for(&self, seconds: &str, folder: &Path, scenario: &[&str]) -> Value {
        let report = folder.join("report.json");
        let mut command = Command::new(PROGRAM);
        command.args(scenario).args(["--server", &self.address, "--sign-in", "plain"]);
        command.args(["--seconds", seconds, "--warmup", "0.1", "--threads", "2"]);
        command.args(["--server-pid", &self.process.id().to_string()]).arg("--report").arg(&report);
        let output = command.output().expect("the program runs");
        assert!(output.status.success(), "{scenario:?}: {}", String::from_utf8_lossy(&output.stderr));
        let report = std::fs::read(&report).expect("it writes its report");
        serde_json::from_slice(&report).expect("the report is JSON")
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        // Fails only when it has ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn check(floor: &Floor) {
    let folder = tempfile::tempdir().expect("a folder");
    for scenario in [
        &["pairs", "--connections", "8"] as &[&str],
        &["pairs", "--connections", "8", "--window", "16", "--both"],
        &["open", "--connections", "8", "--rate", "200"],
        &["open", "--connections", "8", "--rate", "200", "--groups", "7"],
        &["group", "--members", "20", "--window", "4"],
    ] {
        let figures = [
            "/per_second/acknowledged",
            "/per_second/delivered",
            "/latency/ack/count",
            "/latency/delivery/p99_us",
            "/server/rss",
        ];
        let report = floor.run(folder.path(), scenario, &figures);
        assert_eq!((&report["errors"], &report["broken"]), (&serde_json::json!({}), &serde_json::json!(0)));
        assert_eq!(report["verdict"], Value::Null);
    }
}

#[test]
fn every_load_runs_against_the_relay() {
    check(&Floor::start(&["relay"]));
}

#[test]
fn every_load_runs_against_the_durable_floor_which_keeps_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("log");
    check(&Floor::start(&["durable", "--file", file.to_str().unwrap()]));
    assert!(std::fs::metadata(file).unwrap().len() > 1_000);
}

#[test]
fn clients_that_come_and_go_or_idle_run_against_the_relay() {
    let (floor, folder) = (Floor::start(&["relay"]), tempfile::tempdir().unwrap());
    let scenario = ["connect", "--at-once", "4", "--connections", "16"];
    floor.run(folder.path(), &scenario, &["/per_second/connects"]);
    let report = floor.run(folder.path(), &["idle", "--connections", "40"], &["/server/rss"]);
    assert_eq!(report["broken"], 0);
}

#[test]
fn a_server_that_is_not_there_is_said_so() {
    let output =
        Command::new(PROGRAM).args(["pairs", "--server", "127.0.0.1:1", "--connections", "2"]).output();
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("signing in"), "{output:?}");
}
