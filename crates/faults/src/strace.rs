//! `strace`, which makes system calls of a running server fail, wait or kill it: faults without a back door in the
//! product. Calls are counted for each thread from the moment that it is attached.

use std::fmt;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::process::Signal;

use crate::host::Skipped;
use crate::process::{Process, wait_for};

/// How long attaching may take.
const ATTACHING: Duration = Duration::from_secs(10);

/// Calls wait for eight seconds.
pub(crate) const STUCK: &str = "delay_enter=8000000";

/// What happens to which calls.
#[derive(Clone, Debug)]
pub(crate) struct Injection {
    /// System calls, with commas between.
    pub(crate) calls: &'static str,
    /// What is done to them, in strace's words.
    pub(crate) what: &'static str,
    /// The first call of a thread to which it is done; once if `once`.
    pub(crate) when: u32,
    /// Whether it is done to one call of a thread, or to all from there.
    pub(crate) once: bool,
}

impl Injection {
    /// The process is killed when it is about to make the nth of these calls.
    pub(crate) fn kill(calls: &'static str, when: u32) -> Self {
        Self { calls, what: "signal=KILL", when, once: true }
    }

    /// Whether the calls wait longer than anybody who waits for them.
    pub(crate) fn is_stuck(&self) -> bool {
        self.what == STUCK
    }

    /// The arguments for strace.
    pub(crate) fn arguments(&self, out: &Path) -> Vec<String> {
        let all = if self.once { "" } else { "+" };
        vec![
            "-f".into(),
            "-qq".into(),
            format!("-o{}", out.display()),
            format!("-etrace={}", self.calls),
            format!("-einject={}:{}:when={}{all}", self.calls, self.what, self.when),
        ]
    }
}

impl fmt::Display for Injection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { calls, what, when, .. } = self;
        write!(f, "{what} at {calls} #{when}")
    }
}

/// An strace that is attached to a process. Dropped, it lets go of it.
pub(crate) struct Tracer {
    process: Process,
    out: PathBuf,
}

impl Tracer {
    /// Attaches to a process and waits until it has. None: the process has ended before.
    pub(crate) async fn attach(pid: u32, injection: &Injection, folder: &Path) -> Result<Option<Self>> {
        let (out, said) = (folder.join("strace.out"), folder.join("strace.err"));
        // Without -qq: it tells when it has attached.
        let arguments = injection.arguments(&out).into_iter().filter(|argument| argument != "-qq");
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "strace", "-p", &pid.to_string()]).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&said)?);
        let mut process = Process::start(&mut command)?;
        let attached = wait_for(ATTACHING, || {
            // Some lines are not there yet while it writes; a process that is not there any more is no failure.
            let text = fs::read_to_string(&said).unwrap_or_default();
            if text.contains(" attached") {
                return Ok(Some(true));
            }
            match process.status()? {
                Some(_) if Path::new(&format!("/proc/{pid}/exe")).exists() => {
                    bail!(Skipped(format!("strace cannot attach: {}", text.trim())))
                }
                Some(_) => Ok(Some(false)),
                None => Ok(None),
            }
        });
        let attached = attached.await?.context("strace does not attach")?;
        Ok(attached.then_some(Self { process, out }))
    }

    /// Lets go of the process, and says to how many calls something was done.
    pub(crate) async fn detach(mut self) -> Result<u64> {
        self.process.signal(Signal::TERM)?;
        if self.process.ended(ATTACHING).await?.is_none() {
            bail!("strace does not let go");
        }
        Ok(injected(&self.out))
    }
}

/// To how many calls something was done, by what strace wrote.
pub(crate) fn injected(out: &Path) -> u64 {
    let text = fs::read_to_string(out).unwrap_or_default();
    text.lines().filter(|line| line.contains("(INJECTED)") || line.contains("(DELAYED)")).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_counted_when_something_was_done_to_it() {
        let out = tempfile::NamedTempFile::new().unwrap();
        let lines = "1 fdatasync(13) = 0\n1 fdatasync(13) = -1 EIO (Input/output error) (INJECTED)\n\
            2 fsync(4) = 0 (DELAYED)\n";
        fs::write(out.path(), lines).unwrap();
        assert_eq!(injected(out.path()), 2);
    }

    #[test]
    fn once_is_one_call_and_otherwise_all_from_there() {
        let mut injection = Injection::kill("fsync", 3);
        let last = |injection: &Injection| injection.arguments(Path::new("o")).pop().unwrap_or_default();
        assert_eq!(last(&injection), "-einject=fsync:signal=KILL:when=3");
        injection.once = false;
        assert_eq!(last(&injection), "-einject=fsync:signal=KILL:when=3+");
    }
}
