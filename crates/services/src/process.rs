//! One server process: started, killed, frozen and started again.
//!
//! What is known of it is in its folder: the configuration that was written for it, its log, and `process`, which
//! names the process and what it was started as. Another program finds it there, which is how `down` takes down what
//! an earlier `up` has started. A log is as old as its data: it goes on over restarts and begins anew with empty data.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use sha2::{Digest as _, Sha256};

use crate::error::ServiceError;
use crate::guard::Guard;
use crate::identity::Identity;
use crate::wait;

/// How long the kernel may take to carry out a signal that cannot be ignored.
const SIGNAL_LIMIT: Duration = Duration::from_secs(30);
/// What outlives its starter must not hold on to its files and locks, such as those of a shell's `flock`.
const WITHOUT_DESCRIPTORS: &str = "exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-; exec \"$@\"";
/// How much of a log a message carries.
const TAIL_LINES: usize = 12;

/// Who ends a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifetime {
    /// Only who asks for it: it outlives the program that started it.
    Detached,
    /// The end of the program that started it, whatever kind of end, or of its [`Process`].
    Tied,
}

/// What [`Process::start`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Started {
    /// It ran already, as it should.
    Already,
    /// It was started.
    Now,
}

/// How a process is run. All paths are absolute.
#[derive(Debug, Default)]
pub(crate) struct Recipe {
    /// The program and its arguments; must become the server without a fork, so that its id is the server's.
    pub(crate) command: Vec<OsString>,
    /// Files that are written before each start.
    pub(crate) files: Vec<(PathBuf, String)>,
    /// Where it keeps its data.
    pub(crate) data: PathBuf,
    /// Run once on empty data.
    pub(crate) format: Option<Vec<OsString>>,
}

/// A server process that runs, ran or will run.
#[derive(Debug)]
pub struct Process {
    name: String,
    folder: PathBuf,
    recipe: Recipe,
    lifetime: Lifetime,
    /// Of one that this program has started, not waited for yet.
    child: Option<(Child, Option<Guard>)>,
}

impl Process {
    /// A process as `folder` knows it; nothing is started.
    pub(crate) fn new(name: impl Into<String>, folder: PathBuf, lifetime: Lifetime, recipe: Recipe) -> Self {
        Self { name: name.into(), folder, recipe, lifetime, child: None }
    }

    /// Its name, for people.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Everything that it has written to its outputs since its data was empty.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// Where it keeps its data.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.recipe.data
    }

    /// The process, if it runs (or is frozen).
    #[must_use]
    pub fn running(&self) -> Option<Identity> {
        let known = fs::read_to_string(self.file()).ok()?;
        let identity: Identity = known.lines().next()?.parse().ok()?;
        identity.is_alive().then_some(identity)
    }

    /// Whether it was started and has ended without having been asked to.
    #[must_use]
    pub fn has_died(&self) -> bool {
        self.file().exists() && self.running().is_none()
    }

    /// Whether it runs as it would be started now: same command, same configuration.
    #[must_use]
    pub fn is_current(&self) -> bool {
        let known = fs::read_to_string(self.file()).unwrap_or_default();
        self.running().is_some() && known.lines().nth(1) == Some(self.fingerprint().as_str())
    }

    /// Starts it on the data that is there. It is not ready yet. One that runs is left as it is.
    ///
    /// # Errors
    /// When files cannot be written, the data cannot be prepared or the program cannot be started: nothing runs then.
    pub fn start(&mut self) -> Result<Started, ServiceError> {
        if self.running().is_some() {
            return Ok(Started::Already);
        }
        self.reap();
        self.prepare()?;
        let log = File::options().create(true).append(true).open(self.log());
        let log = log.map_err(self.failed("open the log of"))?;
        let mut child = self.spawn(&log).map_err(self.failed("start"))?;
        let known = Identity::of(child.id()).and_then(|identity| {
            let guard = (self.lifetime == Lifetime::Tied).then(|| Guard::over(&identity)).transpose()?;
            self.remember(&identity)?;
            Ok(guard)
        });
        match known {
            Ok(guard) => {
                self.child = Some((child, guard));
                Ok(Started::Now)
            }
            Err(error) => {
                // Nobody would find it again. Both fail only when it has ended.
                let _ = child.kill();
                let _ = child.wait();
                Err(self.failed("keep hold of")(error))
            }
        }
    }

    /// Kills it without a warning, as a crash would, and waits for its end.
    ///
    /// # Errors
    /// When it does not run, or outlives the signal.
    pub fn kill(&mut self) -> Result<(), ServiceError> {
        self.end(Signal::KILL, SIGNAL_LIMIT)
    }

    /// Asks it to end in order, and waits for that.
    ///
    /// # Errors
    /// When it does not run, or still does after `limit`.
    pub fn stop(&mut self, limit: Duration) -> Result<(), ServiceError> {
        self.end(Signal::TERM, limit)
    }

    /// Freezes it: sockets stay open, and nothing is answered. Returns when every thread stands still.
    ///
    /// # Errors
    /// When it does not run, or does not stand still.
    pub fn pause(&self) -> Result<(), ServiceError> {
        let identity = self.signal(Signal::STOP)?;
        let stopped = wait::until(SIGNAL_LIMIT, || identity.is_stopped().then_some(()).ok_or(()));
        stopped.map_err(|()| ServiceError::NoEffect { name: self.name.clone(), what: "stand still" })
    }

    /// Lets a frozen one go on.
    ///
    /// # Errors
    /// When it does not run.
    pub fn resume(&self) -> Result<(), ServiceError> {
        let identity = self.signal(Signal::CONT)?;
        let going = wait::until(SIGNAL_LIMIT, || (!identity.is_stopped()).then_some(()).ok_or(()));
        going.map_err(|()| ServiceError::NoEffect { name: self.name.clone(), what: "go on" })
    }

    /// Kills it if it runs, and throws away its data. The log stays until the next start.
    ///
    /// # Errors
    /// When it outlives the signal, or its data cannot be removed.
    pub fn discard(&mut self) -> Result<(), ServiceError> {
        match self.kill() {
            // One that has died by itself has left its file.
            Ok(()) | Err(ServiceError::NotRunning { .. }) => self.forget()?,
            Err(error) => return Err(error),
        }
        match fs::remove_dir_all(&self.recipe.data) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(self.failed("remove the data of")(error))
            }
            _ => Ok(()),
        }
    }

    /// The last lines of its log.
    #[must_use]
    pub fn log_tail(&self) -> String {
        tail(&self.log()).unwrap_or_default()
    }

    /// An error if it has ended.
    pub(crate) fn expect_running(&self) -> Result<(), ServiceError> {
        if self.running().is_some() {
            return Ok(());
        }
        Err(ServiceError::Ended { name: self.name.clone(), log: self.log(), tail: self.log_tail() })
    }

    fn signal(&self, signal: Signal) -> Result<Identity, ServiceError> {
        let gone = || ServiceError::NotRunning { name: self.name.clone() };
        let identity = self.running().ok_or_else(gone)?;
        let sent = identity.signal(signal).map_err(self.failed("signal"))?;
        if sent { Ok(identity) } else { Err(gone()) }
    }

    fn end(&mut self, signal: Signal, limit: Duration) -> Result<(), ServiceError> {
        let identity = match self.signal(signal) {
            Ok(identity) => identity,
            Err(error) => {
                self.reap();
                return Err(error);
            }
        };
        if !identity.wait_for_end(limit).map_err(self.failed("wait for"))? {
            return Err(ServiceError::NoEffect { name: self.name.clone(), what: "end" });
        }
        self.reap();
        self.forget()
    }

    /// Removes its file, if there is one.
    fn forget(&self) -> Result<(), ServiceError> {
        match fs::remove_file(self.file()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.failed("forget")(error)),
            _ => Ok(()),
        }
    }

    /// Waits for a child that has ended, and dismisses its guard.
    fn reap(&mut self) {
        if let Some((mut child, guard)) = self.child.take() {
            drop(guard);
            // Fails when somebody else has waited for it.
            let _ = child.wait();
        }
    }

    fn prepare(&self) -> Result<(), ServiceError> {
        let empty = !self.recipe.data.exists();
        fs::create_dir_all(&self.folder).map_err(self.failed("make a folder for"))?;
        for (path, text) in &self.recipe.files {
            fs::write(path, text).map_err(self.failed("write the configuration of"))?;
        }
        if empty {
            File::create(self.log()).map_err(self.failed("begin a log of"))?;
            fs::create_dir_all(&self.recipe.data).map_err(self.failed("make a data folder for"))?;
            if let Some(format) = &self.recipe.format {
                self.format(format)?;
            }
        }
        Ok(())
    }

    fn format(&self, command: &[OsString]) -> Result<(), ServiceError> {
        let output = Command::new(&command[0]).args(&command[1..]).stdin(Stdio::null()).output();
        let output = output.map_err(self.failed("format the data of"))?;
        if output.status.success() {
            return Ok(());
        }
        // Half of it would be taken for the whole at the next start.
        let _ = fs::remove_dir_all(&self.recipe.data);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(self.failed("format the data of")(io::Error::other(said)))
    }

    fn spawn(&self, log: &File) -> io::Result<Child> {
        let mut command = match self.lifetime {
            // No signal of this terminal reaches it any more.
            Lifetime::Detached => {
                let mut command = Command::new("setsid");
                command.args(["sh", "-c", WITHOUT_DESCRIPTORS, "sh"]).args(&self.recipe.command);
                command
            }
            Lifetime::Tied => {
                let mut command = Command::new(&self.recipe.command[0]);
                command.args(&self.recipe.command[1..]).process_group(0);
                command
            }
        };
        command.current_dir(&self.folder).stdin(Stdio::null());
        command.stdout(log.try_clone()?).stderr(log.try_clone()?).spawn()
    }

    /// Whole or not at all: a reader never sees half a line.
    fn remember(&self, identity: &Identity) -> io::Result<()> {
        let written = self.folder.join("process.new");
        fs::write(&written, format!("{identity}\n{}\n", self.fingerprint()))?;
        fs::rename(written, self.file())
    }

    fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        for word in &self.recipe.command {
            hash.update(word.as_encoded_bytes());
            hash.update([0]);
        }
        for (_, text) in &self.recipe.files {
            hash.update(text);
            hash.update([0]);
        }
        format!("{:x}", hash.finalize())
    }

    fn file(&self) -> PathBuf {
        self.folder.join("process")
    }

    fn failed(&self, tried: &str) -> impl FnOnce(io::Error) -> ServiceError + use<> {
        ServiceError::io(format!("cannot {tried} {}", self.name))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.lifetime == Lifetime::Tied {
            // Fails when it does not run. One that outlives this is killed by its guard.
            let _ = self.kill();
        }
    }
}

/// Whether a program is on the path.
pub(crate) fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// From the end of the file, so that a long log costs nothing.
fn tail(log: &Path) -> io::Result<String> {
    let mut file = File::open(log)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(8192)))?;
    let mut end = Vec::new();
    file.take(8192).read_to_end(&mut end)?;
    let end = String::from_utf8_lossy(&end);
    let lines: Vec<&str> = end.lines().collect();
    Ok(lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n"))
}

#[cfg(test)]
mod tests;
