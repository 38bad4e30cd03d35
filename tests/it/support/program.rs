//! The program under test, as a command.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};

use anyhow::{Context as _, Result};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use super::PATIENCE;

/// How a command ended, and what it said.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs the program to its end.
pub(crate) async fn run(arguments: &[&str]) -> Finished {
    let mut command = command();
    command.args(arguments).stdin(Stdio::null());
    let output = timeout(PATIENCE, command.output()).await;
    let output = output.unwrap_or_else(|_| panic!("{arguments:?} did not end"));
    let output = output.unwrap_or_else(|error| panic!("{arguments:?}: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Finished { status: output.status, stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

/// A command that goes on, read line by line.
pub(crate) struct Following {
    _child: Option<Child>,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Following {
    /// Starts it; it ends with this value.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut command = command();
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{arguments:?}: {error}"));
        let stdout = child.stdout.take().expect("its output is piped");
        Self { _child: Some(child), ..Self::of(stdout) }
    }

    /// What a command prints that somebody else has started.
    pub(crate) fn of(stdout: ChildStdout) -> Self {
        Self { _child: None, lines: BufReader::new(stdout).lines() }
    }

    /// The next line that it prints.
    pub(crate) async fn line(&mut self) -> String {
        let line = timeout(PATIENCE, self.lines.next_line()).await;
        line.expect("no line in time").expect("its output can be read").expect("it has ended")
    }
}

/// The program, without arguments and without the settings of whoever runs the tests; ended when it is dropped.
pub(crate) fn command() -> Command {
    command_under(&[])
}

/// The same, started by another program with its arguments, which becomes it.
pub(crate) fn command_under(starter: &[&str]) -> Command {
    let mut words: Vec<_> = starter.iter().map(OsString::from).collect();
    words.push(binary().expect("where the program is").into());
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("CAUSERIE_")) {
        command.env_remove(name);
    }
    command.kill_on_drop(true);
    command
}

/// The program under test: named by `cargo xtask test`, else the one beside this test.
fn binary() -> Result<PathBuf> {
    let binary = match std::env::var_os("CAUSERIE_BIN") {
        Some(binary) => binary.into(),
        None => std::env::current_exe()?
            .parent()
            .and_then(|deps| deps.parent())
            .context("tests lie in target/debug/deps")?
            .join("causerie"),
    };
    let how = "run `cargo xtask test`, or `cargo build` before `cargo test`";
    anyhow::ensure!(binary.exists(), "{} is not there: {how}", binary.display());
    Ok(binary)
}
