//! What can go wrong with a server process.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why a service was not brought up, broken or taken down as asked.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// A program is not on this machine. Nothing was changed.
    #[error("{what} is missing; on Debian: apt-get install --no-install-recommends {package}")]
    Missing {
        /// What it is.
        what: &'static str,
        /// The Debian package that has it.
        package: &'static str,
    },
    /// The jars could not be fetched. Nothing was kept.
    #[error("the jars of {name} could not be fetched: {why}")]
    Fetch {
        /// Whose jars.
        name: &'static str,
        /// The end of what Maven wrote.
        why: String,
    },
    /// A jar is not what was pinned, or there is one too many or too few. Nothing of the folder was run.
    #[error("{file} is not what was pinned: {why}")]
    NotPinned {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Somebody else listens where the service should. Nothing was started.
    #[error("{address} is taken by a process that is not ours")]
    PortTaken {
        /// Where.
        address: String,
    },
    /// A process has ended that should be running.
    #[error("{name} has ended; the end of its log {log}:\n{tail}")]
    Ended {
        /// Which process.
        name: String,
        /// Its log.
        log: PathBuf,
        /// The last lines of it.
        tail: String,
    },
    /// The service runs and is not usable in time. It is left running.
    #[error("{name} is not ready after {} s: {why}; the end of its log {log}:\n{tail}", .waited.as_secs())]
    NotReady {
        /// Which process, or the service.
        name: String,
        /// How long was waited.
        waited: Duration,
        /// What the last check said.
        why: String,
        /// A log.
        log: PathBuf,
        /// The last lines of it.
        tail: String,
    },
    /// There is no such process to signal. Nothing was changed.
    #[error("{name} does not run")]
    NotRunning {
        /// Which process.
        name: String,
    },
    /// A signal was sent and has had no effect in time.
    #[error("{name} did not {what} in time")]
    NoEffect {
        /// Which process.
        name: String,
        /// What it should have done.
        what: &'static str,
    },
    /// The operating system refused something; whether state changed is as the source says.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// The system's word.
        source: io::Error,
    },
}

impl ServiceError {
    /// For `map_err`: names what was tried.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}

/// What a server's silence or refusal is called: the system's word for an answer that does not come says little.
pub(crate) fn words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => "no answer in time".to_owned(),
        _ => error.to_string(),
    }
}
