//! Stages: named pieces of work done one after the other, the first failure ends the run.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::excerpt;
use crate::process;
use crate::tally::Tally;
use crate::workspace::Workspace;

/// No single command may take longer: more than twice what a cold build takes on two cores.
pub(crate) const COMMAND_LIMIT: Duration = Duration::from_mins(40);

/// One piece of work.
pub(crate) struct Stage {
    /// One word, also the name of its log file.
    pub(crate) name: &'static str,
    /// What it does, for the reader of the output.
    pub(crate) does: &'static str,
    /// Does it.
    pub(crate) run: fn(&mut Context) -> Result<()>,
}

/// What the stages of one run share.
pub(crate) struct Context {
    /// The project.
    pub(crate) workspace: Workspace,
    /// Tests counted so far.
    pub(crate) tally: Tally,
    /// What the reader must know although nothing failed.
    pub(crate) notes: Vec<String>,
    log: PathBuf,
}

impl Context {
    /// A run that has done nothing yet.
    pub(crate) fn new(workspace: Workspace) -> Self {
        let log = workspace.scratch().join("xtask.log");
        // Of a stage run as a command of its own. Fails only when there is none yet.
        let _ = fs::remove_file(&log);
        Self { workspace, tally: Tally::default(), notes: Vec::new(), log }
    }

    /// Runs a command to its end, whatever its status; lines for which `echo` holds are shown as they come.
    pub(crate) fn finish(&self, command: Command, echo: fn(&str) -> bool) -> Result<process::Finished> {
        process::run(command, &self.log, COMMAND_LIMIT, echo)
    }

    /// Runs a command that must succeed. A failure carries the part of the output that says why.
    /// Returns that output.
    pub(crate) fn run(&self, command: Command) -> Result<String> {
        let line = command_line(&command);
        let finished = self.finish(command, |_| false).with_context(|| line.clone())?;
        self.succeeded(&line, &finished)?;
        Ok(finished.output)
    }

    /// Runs a command whose output counts tests, reading the counts with `count`.
    pub(crate) fn run_tests(
        &mut self,
        command: Command,
        echo: fn(&str) -> bool,
        count: fn(&str) -> Tally,
    ) -> Result<()> {
        let line = command_line(&command);
        let finished = self.finish(command, echo).with_context(|| line.clone())?;
        self.tally += count(&finished.output);
        self.succeeded(&line, &finished)
    }

    fn succeeded(&self, line: &str, finished: &process::Finished) -> Result<()> {
        if !finished.success {
            bail!("{}\n\nfailed: {line}\nlog: {}", excerpt::of_failure(&finished.output), self.log.display());
        }
        Ok(())
    }
}

/// Runs `stages` until one fails, prints what became of each, and returns whether all went well.
pub(crate) fn run_all(stages: &[Stage], context: &mut Context) -> Result<bool> {
    let logs = context.workspace.scratch();
    fs::create_dir_all(&logs)?;
    let mut seconds = Vec::new();
    let mut failed = false;
    for (index, stage) in stages.iter().enumerate() {
        println!("[{}/{}] {}: {}", index + 1, stages.len(), stage.name, stage.does);
        context.log = logs.join(format!("{}.log", stage.name));
        fs::write(&context.log, "")?;
        let started = Instant::now();
        let failed_tests = context.tally.failed;
        let result = (stage.run)(context);
        seconds.push(started.elapsed().as_secs_f64());
        if let Err(error) = result {
            println!("{error:#}\n        FAILED");
            if context.tally.failed == failed_tests {
                context.tally.failed += 1;
            }
            failed = true;
            break;
        }
        println!("        ok in {:.1} s", started.elapsed().as_secs_f64());
    }
    summarize(stages, &seconds, failed, &context.notes);
    Ok(!failed)
}

/// `seconds` of each stage that ran; only the last of them can have failed.
fn summarize(stages: &[Stage], seconds: &[f64], failed: bool, notes: &[String]) {
    println!("\nSummary");
    for (index, stage) in stages.iter().enumerate() {
        let is_last = index + 1 == seconds.len();
        match seconds.get(index) {
            Some(seconds) if failed && is_last => println!("  FAILED   {seconds:>7.1} s  {}", stage.name),
            Some(seconds) => println!("  ok       {seconds:>7.1} s  {}", stage.name),
            None => println!("  not run             {}", stage.name),
        }
    }
    for note in notes {
        println!("  note: {note}");
    }
}

fn command_line(command: &Command) -> String {
    let program = command.get_program().to_string_lossy();
    let program = program.rsplit('/').next().unwrap_or_default().to_owned();
    let arguments = command.get_args().map(|argument| argument.to_string_lossy().into_owned());
    std::iter::once(program).chain(arguments).collect::<Vec<_>>().join(" ")
}
