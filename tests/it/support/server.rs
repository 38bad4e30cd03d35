//! A real `causerie` process.
//!
//! It listens on free ports of the loopback interface, keeps its data in a folder that is removed with the value, and
//! writes what it says to a log that a failing test shows. Processes are ended by their id only.

use std::fs::File;
use std::io::{BufRead as _, BufReader, PipeReader, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::thread::JoinHandle;

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::sync::oneshot;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::{PATIENCE, http};

/// Where a server listens, by its own words.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Addresses {
    /// For people.
    pub(crate) public: SocketAddr,
    /// For operators.
    pub(crate) admin: SocketAddr,
}

/// A server, running or ended, with its data.
pub(crate) struct Server {
    folder: TempDir,
    settings: Vec<String>,
    addresses: Addresses,
    process: Process,
}

/// One run of the program.
struct Process {
    child: Child,
    log: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts a server with default settings and waits until it is ready.
    pub(crate) async fn start() -> Result<Self> {
        Self::start_with(&[]).await
    }

    /// Starts a server with `settings`, each `section.key=value`, and waits until it is ready.
    pub(crate) async fn start_with(settings: &[&str]) -> Result<Self> {
        let folder = TempDir::with_prefix("causerie-test-")?;
        let settings: Vec<String> = settings.iter().map(|&setting| setting.to_owned()).collect();
        let (process, addresses) = Process::start(&folder, &settings, "127.0.0.1:0").await?;
        Ok(Self { folder, settings, addresses, process })
    }

    /// Where it listens; still there after a restart, so that clients find it again.
    pub(crate) fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Ends it as a power cut would end the process, and waits until it is gone.
    pub(crate) async fn kill(&mut self) -> Result<ExitStatus> {
        self.process.end(Signal::KILL).await
    }

    /// Asks it to end, as a service manager does, and waits until it has drained.
    pub(crate) async fn terminate(&mut self) -> Result<ExitStatus> {
        self.process.end(Signal::TERM).await
    }

    /// Starts it again on the same data and the same public address, after [`Self::kill`] or [`Self::terminate`].
    pub(crate) async fn restart(&mut self) -> Result<()> {
        let listen = self.addresses.public.to_string();
        (self.process, self.addresses) = Process::start(&self.folder, &self.settings, &listen).await?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = std::fs::read_to_string(log_path(&self.folder)).unwrap_or_default();
            eprintln!("The server said:\n{log}");
        }
    }
}

impl Process {
    async fn start(folder: &TempDir, settings: &[String], listen: &str) -> Result<(Self, Addresses)> {
        let (reader, writer) = std::io::pipe()?;
        let mut command = Command::new(binary()?);
        command.args(["serve", "--listen", listen, "--set", "admin.listen=127.0.0.1:0", "--data"]);
        command.arg(folder.path().join("data"));
        for setting in settings {
            command.args(["--set", setting]);
        }
        command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer).kill_on_drop(true);
        let child = command.spawn().with_context(|| format!("cannot start {}", binary_name(&command)))?;
        // The command holds the pipe's writing end: only without it does the log end with the process.
        drop(command);
        let log = File::options().create(true).append(true).open(log_path(folder))?;
        let (announce, announced) = oneshot::channel();
        let log = std::thread::spawn(move || keep_log(reader, log, announce));
        let process = Self { child, log: Some(log) };
        match timeout(PATIENCE, async { wait_until_ready(announced.await?).await }).await {
            Ok(Ok(addresses)) => Ok((process, addresses)),
            failed => {
                drop(process);
                let said = std::fs::read_to_string(log_path(folder)).unwrap_or_default();
                bail!("the server did not become ready: {failed:?}\nIt said:\n{said}")
            }
        }
    }

    async fn end(&mut self, signal: Signal) -> Result<ExitStatus> {
        let id = self.child.id().context("the server has already ended")?;
        let id = Pid::from_raw(i32::try_from(id)?).context("not the id of a process")?;
        kill_process(id, signal)?;
        timeout(PATIENCE, self.child.wait())
            .await
            .context("the server did not end")?
            .context("waiting for its end")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Fails only when it has ended. The log ends with the process.
        let _ = self.child.start_kill();
        let _ = self.log.take().map(JoinHandle::join);
    }
}

/// Keeps what the server says, and sends on where it listens once it has said both.
fn keep_log(reader: PipeReader, mut log: File, announce: oneshot::Sender<Addresses>) {
    let mut announce = Some(announce);
    let (mut public, mut admin) = (None, None);
    for line in BufReader::new(reader).lines().map_while(Result::ok) {
        public = public.or_else(|| address_after("is listening on http://", &line));
        admin = admin.or_else(|| address_after("  admin    http://", &line));
        if let (Some(public), Some(admin)) = (public, admin)
            && let Some(announce) = announce.take()
        {
            // Nobody waits any more when the test has given up.
            let _ = announce.send(Addresses { public, admin });
        }
        if writeln!(log, "{line}").is_err() {
            return;
        }
    }
}

fn address_after(words: &str, line: &str) -> Option<SocketAddr> {
    let (_, address) = line.split_once(words)?;
    address.split([' ', '/']).next()?.parse().ok()
}

async fn wait_until_ready(addresses: Addresses) -> Result<Addresses> {
    let mut tick = interval(PATIENCE / 1000);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while http::get(addresses.public, "/health/ready").await?.status != 200 {
        tick.tick().await;
    }
    Ok(addresses)
}

/// The program under test: named by `cargo xtask test`, else the one beside this test.
fn binary() -> Result<PathBuf> {
    if let Some(binary) = std::env::var_os("CAUSERIE_BIN") {
        return Ok(binary.into());
    }
    let test = std::env::current_exe()?;
    Ok(test
        .parent()
        .and_then(|deps| deps.parent())
        .context("tests lie in target/debug/deps")?
        .join("causerie"))
}

fn binary_name(command: &Command) -> String {
    let program = command.as_std().get_program().display();
    format!("{program} (run `cargo xtask test`, or `cargo build` before `cargo test`)")
}

fn log_path(folder: &TempDir) -> PathBuf {
    folder.path().join("server.log")
}
