//! What all services have in common: processes, and a check that says when they are usable.

use std::time::{Duration, Instant};

use crate::error::ServiceError;
use crate::process::{Lifetime, Process, Started};
use crate::wait;

/// How long a start may take on a machine that also compiles.
pub const START_LIMIT: Duration = Duration::from_secs(120);

/// A service of one or more processes.
pub trait Service {
    /// Its name, for people.
    fn name(&self) -> &'static str;

    /// Its processes, in the order of its addresses.
    fn processes(&self) -> &[Process];

    /// The same, to kill, freeze and start them.
    fn processes_mut(&mut self) -> &mut [Process];

    /// Every address that it listens on.
    fn listens(&self) -> Vec<(String, u16)>;

    /// One look at whether all of it is usable by a client; asked again until it is. Brings it together where
    /// processes alone do not make the service.
    ///
    /// # Errors
    /// Why not.
    fn check(&mut self) -> Result<(), String>;

    /// Starts what does not run. Returns at once: [`Service::wait_ready`] comes next.
    ///
    /// # Errors
    /// When a process cannot be started, or a stranger listens where it should. What was started before stays.
    fn start(&mut self) -> Result<Started, ServiceError> {
        if self.processes().iter().all(|process| process.running().is_none()) {
            for (host, port) in self.listens() {
                // A listener that has just been killed leaves no trace: the port is free at once.
                if std::net::TcpListener::bind((host.as_str(), port)).is_err() {
                    return Err(ServiceError::PortTaken { address: format!("{host}:{port}") });
                }
            }
        }
        let mut started = Started::Already;
        for process in self.processes_mut() {
            if process.start()? == Started::Now {
                started = Started::Now;
            }
        }
        Ok(started)
    }

    /// Waits until every process runs and all of it is usable.
    ///
    /// # Errors
    /// At once when a process has ended; otherwise after `limit`, with the reason and the end of a log.
    fn wait_ready(&mut self, limit: Duration) -> Result<(), ServiceError> {
        let asked = Instant::now();
        loop {
            for process in self.processes() {
                process.expect_running()?;
            }
            let slice = Duration::from_millis(500).min(limit.saturating_sub(asked.elapsed()));
            let Err(why) = wait::until(slice, || self.check()) else { return Ok(()) };
            if asked.elapsed() >= limit {
                let first = &self.processes()[0];
                return Err(ServiceError::NotReady {
                    name: self.name().to_owned(),
                    waited: asked.elapsed(),
                    why,
                    log: first.log(),
                    tail: first.log_tail(),
                });
            }
        }
    }

    /// Kills what runs and throws away the data of all.
    ///
    /// # Errors
    /// The first that happened; the others are discarded all the same.
    fn discard(&mut self) -> Result<(), ServiceError> {
        let mut first = Ok(());
        for process in self.processes_mut() {
            first = first.and(process.discard());
        }
        first
    }
}

/// Where and for how long a service's processes live.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// Configuration, logs and which process it is, a folder each.
    pub(crate) run: std::path::PathBuf,
    /// Data, a folder each.
    pub(crate) data: std::path::PathBuf,
    /// Who ends them.
    pub(crate) lifetime: Lifetime,
}

impl Place {
    /// All of a test's service in one folder.
    pub(crate) fn of_test(folder: &std::path::Path) -> Self {
        Self { run: folder.join("run"), data: folder.join("data"), lifetime: Lifetime::Tied }
    }
}
