//! The server that is broken: a real process on one folder and one address, started again and again.

use std::fs::{self, OpenOptions};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::process::Signal;

use crate::process::{Process, wait_for};
use crate::strace::Injection;

/// How long opening, and ending when it is asked to, may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// Ports from which the system gives none to others of itself: connecting to one on which nobody listens cannot end
/// at the connecting socket.
const PORTS: std::ops::Range<u16> = 15_000..30_000;
/// By these words it says that it listens.
const LISTENING: &str = " is listening on ";
/// Little is kept in memory, so that the disk is used; and nobody is refused for being faster than people are.
const SETTINGS: [&str; 8] = [
    "admin.listen=127.0.0.1:0",
    "store.memtable_bytes=1048576",
    "store.cache_bytes=1048576",
    "rates.connection_sends_per_s=0",
    "rates.user_sends_per_s=0",
    "rates.conversation_sends_per_s=0",
    "rates.address_connects_per_s=0",
    "limits.connections_per_address=0",
];

/// Where and how a server runs.
pub(crate) struct Setting {
    /// The program.
    pub(crate) binary: PathBuf,
    /// Its data.
    pub(crate) data: PathBuf,
    /// For what it says.
    pub(crate) log: PathBuf,
    /// Space that it keeps free, in bytes.
    pub(crate) reserve: u64,
    /// What else is set.
    pub(crate) more: &'static [&'static str],
    /// Control groups that it joins, as their files of processes.
    pub(crate) groups: Vec<PathBuf>,
    /// Variables of its environment.
    pub(crate) environment: Vec<(&'static str, String)>,
}

/// A server, running or not.
pub(crate) struct Server {
    pub(crate) setting: Setting,
    address: SocketAddr,
    process: Option<Process>,
    /// Where what this run of it says begins in its log.
    begin: usize,
}

/// What came of starting it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Started {
    /// It listens.
    Listening,
    /// It has ended before.
    Ended(ExitStatus),
}

impl Server {
    /// A server that does not run yet, on a free address of the loopback interface.
    pub(crate) fn new(setting: Setting) -> Result<Self> {
        for _ in 0..100 {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, rand::random_range(PORTS)));
            if TcpListener::bind(address).is_ok() {
                return Ok(Self { setting, address, process: None, begin: 0 });
            }
        }
        bail!("no port is free")
    }

    /// Where it listens, the same after each start.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Starts it, and waits until it listens.
    pub(crate) async fn start(&mut self) -> Result<()> {
        self.launch(None, Path::new(""))?;
        match self.listening().await? {
            Started::Listening => Ok(()),
            Started::Ended(status) => bail!("the server does not start ({status}): {}", self.said()),
        }
    }

    /// Starts it, under strace from its first instruction if there is an injection.
    pub(crate) fn launch(&mut self, injection: Option<&Injection>, out: &Path) -> Result<()> {
        let log = OpenOptions::new().create(true).append(true).open(&self.setting.log)?;
        self.begin = usize::try_from(log.metadata()?.len())?;
        let mut words: Vec<String> = Vec::new();
        if let Some(injection) = injection {
            // -D: the server is our child, and strace ends with it.
            words.extend(["strace", "-D"].map(str::to_owned));
            words.extend(injection.arguments(out));
        }
        for group in &self.setting.groups {
            let script = format!("echo $$ > {} && exec \"$@\"", group.display());
            words.extend(["sh", "-c", &script, "sh"].map(str::to_owned));
        }
        words.extend(["setpriv", "--pdeathsig", "KILL", "env"].map(str::to_owned));
        words.extend(self.setting.environment.iter().map(|(name, value)| format!("{name}={value}")));
        words.push(self.setting.binary.display().to_string());
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).args(["serve", "--listen", &self.address.to_string(), "--data"]);
        command.arg(&self.setting.data);
        for setting in SETTINGS.iter().chain(self.setting.more) {
            command.args(["--set", setting]);
        }
        command.args(["--set", &format!("store.disk_reserve_bytes={}", self.setting.reserve)]);
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        self.process = Some(Process::start(&mut command)?);
        Ok(())
    }

    /// Whether it has said that it listens.
    pub(crate) fn listens(&self) -> bool {
        self.said().contains(LISTENING)
    }

    /// Waits until it listens, or has ended.
    pub(crate) async fn listening(&mut self) -> Result<Started> {
        let (log, begin) = (self.setting.log.clone(), self.begin);
        let process = self.process()?;
        let started = wait_for(PATIENCE, || {
            if let Some(status) = process.status()? {
                return Ok(Some(Started::Ended(status)));
            }
            Ok(said_since(&log, begin).contains(LISTENING).then_some(Started::Listening))
        });
        let started = started.await?;
        started.with_context(|| format!("the server neither listens nor ends: {}", self.said()))
    }

    /// What this run of it has said.
    pub(crate) fn said(&self) -> String {
        said_since(&self.setting.log, self.begin)
    }

    /// Its process.
    pub(crate) fn process(&mut self) -> Result<&mut Process> {
        self.process.as_mut().context("the server was not started")
    }

    /// Whether it runs.
    pub(crate) fn is_running(&mut self) -> bool {
        self.process.as_mut().is_some_and(|process| matches!(process.status(), Ok(None)))
    }

    /// Kills it, and waits until it is gone.
    pub(crate) async fn kill(&mut self) -> Result<()> {
        let process = self.process()?;
        process.signal(Signal::KILL)?;
        process.ended(PATIENCE).await?.context("a killed process does not end")?;
        Ok(())
    }

    /// Asks it to end, and waits until it has.
    pub(crate) async fn stop(&mut self) -> Result<ExitStatus> {
        let process = self.process()?;
        process.signal(Signal::TERM)?;
        process.ended(PATIENCE).await?.context("the server does not end when it is asked to")
    }
}

/// Whether this is the end of a killed process.
pub(crate) fn was_killed(status: ExitStatus) -> bool {
    status.signal() == Some(Signal::KILL.as_raw())
}

fn said_since(log: &Path, begin: usize) -> String {
    let bytes = fs::read(log).unwrap_or_default();
    String::from_utf8_lossy(bytes.get(begin..).unwrap_or_default()).into_owned()
}
