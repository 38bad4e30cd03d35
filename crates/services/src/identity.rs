//! Which process is meant, also after its id has been given to another.
//!
//! A process id alone is no name: once its process has ended, the kernel gives it away again. With the time of the
//! start (in clock ticks since boot) and the boot it is one. Signals go through a descriptor that is opened first and
//! compared second, so that no process can slip in between.

use std::fmt;
use std::fs;
use std::io;
use std::str::FromStr;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// A process of this machine, now or once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    id: u32,
    /// In clock ticks since boot.
    started: u64,
    boot: String,
}

impl Identity {
    /// The process that has this id now.
    ///
    /// # Errors
    /// When there is none.
    pub fn of(id: u32) -> io::Result<Self> {
        let (_, started) = stat(&format!("/proc/{id}/stat"))?;
        Ok(Self { id, started, boot: boot()? })
    }

    /// The process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.id
    }

    /// When it started, in clock ticks since boot.
    #[must_use]
    pub fn started(&self) -> u64 {
        self.started
    }

    /// Whether it runs or is stopped. One that has ended and waits for its parent does not count.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        let same_boot = boot().is_ok_and(|boot| boot == self.boot);
        let now = stat(&format!("/proc/{}/stat", self.id));
        same_boot && now.is_ok_and(|(state, started)| started == self.started && !matches!(state, 'Z' | 'X'))
    }

    /// Whether every thread of it is stopped.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        let Ok(threads) = fs::read_dir(format!("/proc/{}/task", self.id)) else { return false };
        self.is_alive()
            && threads.flatten().all(|thread| {
                stat(&thread.path().join("stat").to_string_lossy()).is_ok_and(|(state, _)| state == 'T')
            })
    }

    /// Sends a signal. `false` when the process has ended before: then nobody got it.
    ///
    /// # Errors
    /// When the system refuses, such as for somebody else's process.
    pub fn signal(&self, signal: Signal) -> io::Result<bool> {
        let Some(id) = i32::try_from(self.id).ok().and_then(Pid::from_raw) else { return Ok(false) };
        let process = match pidfd_open(id, PidfdFlags::empty()) {
            Ok(process) => process,
            Err(rustix::io::Errno::SRCH) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        if !self.is_alive() {
            return Ok(false);
        }
        match pidfd_send_signal(process, signal) {
            Ok(()) => Ok(true),
            Err(rustix::io::Errno::SRCH) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Waits until it has ended, for at most `limit`. Whether it has.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn wait_for_end(&self, limit: Duration) -> io::Result<bool> {
        let Some(id) = i32::try_from(self.id).ok().and_then(Pid::from_raw) else { return Ok(true) };
        let Ok(process) = pidfd_open(id, PidfdFlags::empty()) else { return Ok(!self.is_alive()) };
        if self.is_alive() {
            let limit = Timespec::try_from(limit).map_err(io::Error::other)?;
            poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&limit))?;
        }
        Ok(!self.is_alive())
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {} {}", self.id, self.started, self.boot)
    }
}

impl FromStr for Identity {
    type Err = io::Error;

    fn from_str(text: &str) -> io::Result<Self> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let [id, started, boot] = words.as_slice() else { return Err(io::ErrorKind::InvalidData.into()) };
        Ok(Self {
            id: id.parse().map_err(io::Error::other)?,
            started: started.parse().map_err(io::Error::other)?,
            boot: (*boot).to_owned(),
        })
    }
}

/// Changes with every start of the machine.
fn boot() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned())
}

/// The state letter and the start time. The name before them may hold anything, parentheses and spaces too.
fn stat(path: &str) -> io::Result<(char, u64)> {
    parse(&fs::read_to_string(path)?).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

fn parse(stat: &str) -> Option<(char, u64)> {
    let (_, after) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = after.split_whitespace().collect();
    // Fields 3 and 22 of the manual, which counts from 1 and has two before the parenthesis.
    Some((fields.first()?.chars().next()?, fields.get(19)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(20);

    /// Lives until its standard input is closed.
    fn cat() -> std::process::Child {
        Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap()
    }

    #[test]
    fn a_reused_id_is_not_the_process_that_had_it() {
        let mut child = cat();
        let identity = Identity::of(child.id()).unwrap();
        let earlier = Identity { started: identity.started - 1, ..identity.clone() };
        let other_boot = Identity { boot: "another".into(), ..identity.clone() };
        for impostor in [earlier, other_boot] {
            assert!(!impostor.is_alive());
            assert!(!impostor.signal(Signal::KILL).unwrap());
        }
        assert!(identity.is_alive(), "it was hit by a signal for another");
        assert!(identity.signal(Signal::KILL).unwrap());
        assert!(identity.wait_for_end(LIMIT).unwrap());
        assert!(!identity.signal(Signal::KILL).unwrap(), "it had ended");
        child.wait().unwrap();
    }

    #[test]
    fn an_identity_is_read_as_it_was_written() {
        let identity = Identity::of(std::process::id()).unwrap();
        assert_eq!(identity.to_string().parse::<Identity>().unwrap(), identity);
        assert!("17".parse::<Identity>().is_err());
    }

    #[test]
    fn names_do_not_disturb_the_fields() {
        let after: Vec<String> = (3..=24).map(|field| field.to_string()).collect();
        let after = after.join(" ").replacen('3', "S", 1);
        assert_eq!(parse(&format!("7 (a) (b c) {after}")), Some(('S', 22)));
        assert_eq!(parse("7 (a) S 1"), None);
    }

    #[test]
    fn who_does_not_end_is_waited_for_no_longer_than_asked() {
        let mut child = cat();
        let identity = Identity::of(child.id()).unwrap();
        assert!(!identity.wait_for_end(Duration::from_millis(1)).unwrap());
        drop(child.stdin.take());
        assert!(identity.wait_for_end(LIMIT).unwrap());
        child.wait().unwrap();
    }
}
