//! A server or a floor, started for one measurement and ended by its id.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::process::Signal;

use super::metrics::Metrics;
use super::place::Place;
use super::proc;
use crate::process;

/// How long a process may take to say where it listens, and a server to drain.
const PATIENCE: Duration = Duration::from_secs(60);
/// The server's own protection against fast clients is off for everybody: the load is the question. Floors have none.
const UNLIMITED: [&str; 6] = [
    "rates.connection_sends_per_s=0",
    "rates.connection_requests_per_s=0",
    "rates.user_sends_per_s=0",
    "rates.conversation_sends_per_s=0",
    "rates.address_connects_per_s=0",
    "limits.connections_per_address=0",
];

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Ours.
    Server,
    /// F1: the bare relay.
    Relay,
    /// F2: the relay with one synced append for all that waits together.
    Durable,
}

impl Kind {
    /// Its name in the report.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Relay => "relay",
            Self::Durable => "durable",
        }
    }
}

/// A running process. Dropped without [`Target::stop`], it is killed.
pub(super) struct Target {
    kind: Kind,
    child: Child,
    /// What it says; closes when it has ended.
    lines: Receiver<String>,
    /// Where clients connect.
    pub(super) address: String,
    admin: Option<String>,
    data: PathBuf,
}

impl Target {
    /// Starts one on empty data.
    pub(super) fn start(kind: Kind, place: &Place) -> Result<Self> {
        place.clear()?;
        Self::start_again(kind, place)
    }

    /// Starts one on the data that are there.
    pub(super) fn start_again(kind: Kind, place: &Place) -> Result<Self> {
        let data = place.data();
        let mut command = match kind {
            Kind::Server => server(place, &data),
            Kind::Relay | Kind::Durable => place.generator(),
        };
        match kind {
            Kind::Server => {}
            Kind::Relay => drop(command.args(["floor", "relay", "--listen", "127.0.0.1:0"])),
            Kind::Durable => {
                fs::create_dir_all(&data)?;
                command.args(["floor", "durable", "--listen", "127.0.0.1:0", "--file"]).arg(data.join("log"));
            }
        }
        let (child, lines) = start(command, &place.folder.join(format!("{}.log", kind.name())))?;
        let mut it = Self { kind, child, lines, address: String::new(), admin: None, data };
        it.address = await_word(&it.lines, "listening on ")?;
        if kind == Kind::Server {
            it.admin = Some(await_word(&it.lines, "admin ")?);
        }
        Ok(it)
    }

    /// Its process.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How the generator signs in.
    pub(super) fn sign_in(&self) -> String {
        match self.kind {
            Kind::Server => format!("secret:{}", self.data.join("sign-in.secret").display()),
            Kind::Relay | Kind::Durable => "plain".to_owned(),
        }
    }

    /// What it says of itself; floors say nothing.
    pub(super) fn metrics(&self) -> Result<Metrics> {
        self.admin.as_deref().map_or_else(|| Ok(Metrics::default()), Metrics::of)
    }

    /// Memory in bytes, see [`proc::memory`].
    pub(super) fn memory(&self, name: &str) -> u64 {
        proc::memory(self.pid(), name)
    }

    /// Ends it: a server drains first.
    pub(super) fn stop(mut self) -> Result<()> {
        if self.kind == Kind::Server {
            process::signal(&self.child, Signal::TERM)?;
            loop {
                match self.lines.recv_timeout(PATIENCE) {
                    Ok(_) => {}
                    Err(RecvTimeoutError::Disconnected) => break,
                    Err(RecvTimeoutError::Timeout) => bail!("the server runs on {PATIENCE:?} after SIGTERM"),
                }
            }
            let status = self.child.wait()?;
            anyhow::ensure!(status.success(), "the server ended with {status} after SIGTERM");
        }
        Ok(())
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        // Both fail only when it has ended, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn server(place: &Place, data: &Path) -> Command {
    let mut command = Command::new(place.programs.join("causerie"));
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--set", "admin.listen=127.0.0.1:0", "--data"])
        .arg(data);
    command.args(UNLIMITED.iter().flat_map(|setting| ["--set", setting]));
    command
}

/// Starts a process; its first lines come here, all of them go to the log.
fn start(command: Command, log: &Path) -> Result<(Child, Receiver<String>)> {
    let mut log = File::create(log)?;
    let (sender, lines) = sync_channel(64);
    let child = process::start(command, move |line| {
        let written = writeln!(log, "{line}").is_ok();
        // Full: nobody listens any more, once it is known where the process does.
        let _ = sender.try_send(line);
        written
    })?;
    Ok((child, lines))
}

/// The address behind these words, when the process says it.
fn await_word(lines: &Receiver<String>, before: &str) -> Result<String> {
    loop {
        let line =
            lines.recv_timeout(PATIENCE).with_context(|| format!("the process does not say: {before}"))?;
        if let Some(address) = address(&line, before) {
            return Ok(address.to_owned());
        }
    }
}

fn address<'a>(line: &'a str, before: &str) -> Option<&'a str> {
    let (_, after) = line.split_once(before)?;
    let word = after.split_whitespace().next()?.trim_end_matches(['/', ',', '.']);
    let address = word.split_once("://").map_or(word, |(_, rest)| rest);
    address.contains(':').then_some(address)
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn addresses_are_read_from_what_servers_say() {
        let server = "Causerie 0.1.0 is listening on http://127.0.0.1:4711";
        assert_eq!(address(server, "listening on "), Some("127.0.0.1:4711"));
        assert_eq!(address("  admin    http://127.0.0.1:1 (metrics)", "admin "), Some("127.0.0.1:1"));
        assert_eq!(address("listening on 127.0.0.1:2, process 7", "listening on "), Some("127.0.0.1:2"));
        assert_eq!(address("the admin said so", "admin "), None);
    }
}
