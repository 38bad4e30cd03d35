//! The campaign: which scenarios, from which seed, in which folder; and what is left of it at the end.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use causerie_checker::History;
use tempfile::TempDir;

use crate::Args;
use crate::host::Skipped;
use crate::report::{Outcome, Report};
use crate::scenario::Scenario;

/// What everything of a run begins with, in the folder for temporary files and among control groups.
const PREFIX: &str = "causerie-faults-";

/// A run of this program.
pub(crate) struct Campaign {
    /// The server that is broken.
    pub(crate) server: PathBuf,
    /// Makes the load.
    pub(crate) loadgen: PathBuf,
    /// Of this run alone.
    pub(crate) prefix: String,
    /// Rounds of each scenario; none for what each has by itself.
    pub(crate) rounds: Option<u32>,
    /// How long the mix lasts.
    pub(crate) minutes: f64,
    seed: u64,
    room: TempDir,
    /// For reports and for what shows a finding.
    target: PathBuf,
}

impl Campaign {
    /// A run that has done nothing.
    pub(crate) fn new(args: &Args) -> Result<Self> {
        for program in [&args.server, &args.loadgen] {
            ensure!(program.is_file(), "{} is not built", program.display());
        }
        let room = TempDir::with_prefix(PREFIX)?;
        let prefix =
            room.path().file_name().context("a folder without a name")?.to_string_lossy().into_owned();
        fs::create_dir_all(&args.out)?;
        Ok(Self {
            server: keep_program(&args.server, room.path())?,
            loadgen: keep_program(&args.loadgen, room.path())?,
            prefix,
            rounds: args.rounds,
            minutes: args.minutes,
            seed: args.seed.unwrap_or_else(|| rand::random_range(0..1_000_000)),
            room,
            target: args.out.clone(),
        })
    }

    /// Runs these scenarios, and reports.
    pub(crate) async fn run(&self, scenarios: &[Scenario]) -> Result<Report> {
        println!("seed {}", self.seed);
        let mut report = Report { seed: self.seed, scenarios: Vec::new() };
        for scenario in scenarios {
            let begun = Instant::now();
            // Each has its own: one alone draws the same as among others.
            let seed = self.seed.wrapping_mul(1_000) + *scenario as u64;
            let mut outcome = match Box::pin(scenario.run(self, seed)).await {
                Ok(outcome) => outcome,
                Err(error) => self.unfinished(*scenario, seed, &error),
            };
            outcome.close(begun.elapsed().as_secs_f64());
            println!("{}: {}", outcome.scenario, outcome.verdict);
            report.scenarios.push(outcome);
        }
        fs::write(self.target.join("report.json"), serde_json::to_vec_pretty(&report)?)?;
        Ok(report)
    }

    fn unfinished(&self, scenario: Scenario, seed: u64, error: &anyhow::Error) -> Outcome {
        let mut outcome = Outcome::new(scenario.name(), seed);
        match error.downcast_ref::<Skipped>() {
            Some(skipped) => {
                println!("skipped: {skipped}");
                outcome.skipped = Some(skipped.to_string());
            }
            None => outcome.failed = Some(format!("{error:#}")),
        }
        outcome
    }

    /// The folder of a scenario, empty.
    pub(crate) fn folder(&self, scenario: &str) -> Result<PathBuf> {
        let folder = self.room.path().join(scenario);
        fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    /// Removes what a scenario has made; what is still mounted there stays until the end.
    pub(crate) fn clear(&self, scenario: &str) {
        let _ = fs::remove_dir_all(self.room.path().join(scenario));
    }

    /// Keeps a history that shows a finding.
    pub(crate) fn keep_history(&self, history: &History, scenario: &str) -> Result<()> {
        let folder = self.folder(scenario)?;
        let mut out = Vec::new();
        history.write("faults", &mut out)?;
        fs::write(folder.join("history.jsonl"), out)?;
        self.keep(&folder, scenario)
    }

    /// Keeps what shows a finding: histories, and what server and load said.
    pub(crate) fn keep(&self, folder: &Path, scenario: &str) -> Result<()> {
        let kept = self.target.join(scenario);
        fs::create_dir_all(&kept)?;
        for name in ["history.jsonl", "faults.jsonl", "server.log", "load.log"] {
            if folder.join(name).exists() {
                fs::copy(folder.join(name), kept.join(name))?;
            }
        }
        println!("kept in {}", kept.display());
        Ok(())
    }
}

/// A program as it is now, whatever is built meanwhile.
fn keep_program(program: &Path, room: &Path) -> Result<PathBuf> {
    let kept = room.join(program.file_name().context("a program without a name")?);
    if fs::hard_link(program, &kept).is_err() {
        fs::copy(program, &kept).with_context(|| program.display().to_string())?;
    }
    Ok(kept)
}
