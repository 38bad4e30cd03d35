//! Processes that were started here: waited for within a bound, ended by their id, never left behind.

use std::future::Future;
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::{Instant, sleep};

/// Between two looks at something that tells nobody when it changes.
const LOOK: Duration = Duration::from_millis(2);

/// Looks until `done` gives something, or the time is over.
pub(crate) async fn wait_for<T>(
    within: Duration,
    mut done: impl FnMut() -> Result<Option<T>>,
) -> Result<Option<T>> {
    let end = Instant::now() + within;
    loop {
        if let Some(value) = done()? {
            return Ok(Some(value));
        }
        if Instant::now() >= end {
            return Ok(None);
        }
        sleep(LOOK).await;
    }
}

/// Runs a command to its end and gives what it printed; an error says what it complained of.
pub(crate) fn run(command: &mut Command) -> Result<String> {
    let line = format!("{command:?}");
    let output = command.output().with_context(|| line.clone())?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{line}: {}", said.trim());
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// A process. Dropped, it is killed and waited for.
pub(crate) struct Process(Child);

impl Process {
    /// Starts it.
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let child = command.spawn().with_context(|| format!("{command:?}"))?;
        Ok(Self(child))
    }

    /// Its id.
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Sends a signal. One that has ended does not mind.
    pub(crate) fn signal(&mut self, signal: Signal) -> Result<()> {
        if self.0.try_wait()?.is_none() {
            let id = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw);
            kill_process(id.context("a process without an id")?, signal)?;
        }
        Ok(())
    }

    /// How it has ended, if it has.
    pub(crate) fn status(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.0.try_wait()?)
    }

    /// Waits until it has ended; none if it has not within this time.
    pub(crate) fn ended(&mut self, within: Duration) -> impl Future<Output = Result<Option<ExitStatus>>> {
        wait_for(within, move || self.status())
    }

    /// Its standard input, once.
    pub(crate) fn input(&mut self) -> Option<std::process::ChildStdin> {
        self.0.stdin.take()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only when it has ended, which is what is wanted.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
