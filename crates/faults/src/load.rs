//! The load: a `causerie-loadgen mixed` beside the server, which waits for a server that is away, and at the end syncs
//! everything, and judges it together with what was recorded here.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use causerie_checker::History;
use serde_json::Value;

use crate::process::{Process, wait_for};

/// What the load says.
const SAID: &str = "load.log";
/// By these words it says that everybody is connected.
const THERE: &str = "everybody is there";
/// How long that may take.
const CONNECTING: Duration = Duration::from_mins(1);
/// How long syncing and judging may take at the end.
const CONCLUDING: Duration = Duration::from_mins(5);
/// The longest load, in seconds; it ends when it is told to.
const LONGEST: &str = "86400";

/// How much is done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Amount {
    /// Users, with two devices each.
    pub(crate) users: u32,
    /// Groups.
    pub(crate) groups: u32,
    /// Pause between what a device does, in milliseconds, on average.
    pub(crate) pause_ms: u32,
}

/// What is judged at the end: enough to find something, little enough to be judged in seconds.
pub(crate) const MODERATE: Amount = Amount { users: 6, groups: 2, pause_ms: 60 };
/// For a server that has little to work with.
pub(crate) const LITTLE: Amount = Amount { users: 6, groups: 2, pause_ms: 400 };

/// A running load.
pub(crate) struct Load {
    process: Process,
    folder: PathBuf,
}

impl Load {
    /// Starts it and waits until everybody is connected. Its files go into `folder`.
    pub(crate) async fn start(
        binary: &Path,
        server: SocketAddr,
        amount: Amount,
        seed: u64,
        folder: &Path,
    ) -> Result<Self> {
        let file = |name: &str| folder.join(name).display().to_string();
        let said = File::create(folder.join(SAID))?;
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]).arg(binary).arg("mixed");
        command.args(["--server", &server.to_string(), "--seed", &seed.to_string()]);
        command.args(["--seconds", LONGEST, "--warmup", "0", "--until-input-ends"]);
        command.args(["--users", &amount.users.to_string(), "--groups", &amount.groups.to_string()]);
        command.args(["--pause", &amount.pause_ms.to_string(), "--acknowledged", "50"]);
        command.args(["--also", &file("faults.jsonl"), "--report", &file("report.json")]);
        command.args(["--history", &file("history.jsonl"), "--history-unless-passed"]);
        command.stdin(Stdio::piped()).stdout(said.try_clone()?).stderr(said);
        let mut load = Self { process: Process::start(&mut command)?, folder: folder.to_owned() };
        let there = wait_for(CONNECTING, || {
            Ok((load.said().contains(THERE) || load.process.status()?.is_some()).then_some(()))
        });
        there.await?;
        ensure!(load.said().contains(THERE), "there is no load: {}", load.said());
        Ok(load)
    }

    fn said(&self) -> String {
        fs::read_to_string(self.folder.join(SAID)).unwrap_or_default()
    }

    /// Ends the load and gives the verdict over it and over `also`. The server must be there.
    pub(crate) async fn conclude(mut self, also: &History) -> Result<Value> {
        let mut out = Vec::new();
        also.write("faults", &mut out)?;
        fs::write(self.folder.join("faults.jsonl"), out)?;
        drop(self.process.input());
        let ended = self.process.ended(CONCLUDING).await?;
        ended.with_context(|| format!("the load does not end: {}", self.said()))?;
        let report = fs::read(self.folder.join("report.json")).with_context(|| self.said())?;
        let mut report: Value = serde_json::from_slice(&report)?;
        Ok(report["verdict"].take())
    }
}
