//! Stages: named pieces of work done one after the other, the first failure ends the run.

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
        Self { workspace, tally: Tally::default(), notes: Vec::new(), log }
    }

    /// Runs a command to its end, whatever its status; lines for which `echo` holds are shown as they come.
    pub(crate) fn finish(&self, command: Command, echo: fn(&str) -> bool) -> Result<process::Finished> {
        process::run(command, &self.log, COMMAND_LIMIT, echo)
    }

    /// Runs a command that must succeed. A failure carries the part of the output that says why.
    pub(crate) fn run(&self, command: Command) -> Result<()> {
        let line = command_line(&command);
        let finished = self.finish(command, |_| false).with_context(|| line.clone())?;
        self.succeeded(&line, &finished)
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

/// Runs `stages` until one fails, then prints what became of each.
///
/// # Errors
/// When a stage failed; what failed has been printed by then.
pub(crate) fn run_all(stages: &[Stage], context: &mut Context) -> Result<()> {
    let logs = context.workspace.scratch();
    std::fs::create_dir_all(&logs)?;
    let mut results = Vec::new();
    for (index, stage) in stages.iter().enumerate() {
        println!("[{}/{}] {}: {}", index + 1, stages.len(), stage.name, stage.does);
        context.log = logs.join(format!("{}.log", stage.name));
        std::fs::write(&context.log, "")?;
        let started = Instant::now();
        let failed_before = context.tally.failed;
        let result = (stage.run)(context);
        let seconds = started.elapsed().as_secs_f64();
        match &result {
            Ok(()) => println!("        ok in {seconds:.1} s"),
            Err(error) => println!("{error:#}\n        FAILED after {seconds:.1} s"),
        }
        let failed = result.is_err();
        results.push((failed, seconds));
        if failed {
            if context.tally.failed == failed_before {
                context.tally.failed += 1;
            }
            break;
        }
    }
    summarize(stages, &results, &context.notes);
    match results.last() {
        Some((true, _)) => bail!("stage {} failed", stages[results.len() - 1].name),
        _ => Ok(()),
    }
}

fn summarize(stages: &[Stage], results: &[(bool, f64)], notes: &[String]) {
    println!("\nSummary");
    for (index, stage) in stages.iter().enumerate() {
        match results.get(index) {
            Some((false, seconds)) => println!("  ok       {seconds:>7.1} s  {}", stage.name),
            Some((true, seconds)) => println!("  FAILED   {seconds:>7.1} s  {}", stage.name),
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
