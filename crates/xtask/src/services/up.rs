//! Bringing services up together, and taking them down.

use std::fmt::Write as _;
use std::fs;
use std::thread;
use std::time::Instant;

use anyhow::{Context as _, Result, anyhow, bail};
use causerie_services::service::START_LIMIT;
use causerie_services::{Home, Standing, Started};

use super::lock;

/// Services that are up.
pub(crate) struct Services {
    home: Home,
    up: Vec<Standing>,
}

impl Services {
    /// Starts what of `wanted` does not run, all at once, and waits until all of it can be used. What runs with
    /// another configuration is started anew.
    ///
    /// # Errors
    /// Each reason, with the end of a log. What has come up stays up.
    pub(crate) fn up(wanted: &[Standing]) -> Result<Self> {
        let home = Home::of_user()?;
        let _alone = lock(&home)?;
        // On threads of their own, joined here.
        let results: Vec<(Standing, Result<()>)> = thread::scope(|scope| {
            let started: Vec<_> =
                wanted.iter().map(|service| (*service, scope.spawn(|| bring_up(*service, &home)))).collect();
            let joined = started.into_iter().map(|(service, thread)| {
                (service, thread.join().unwrap_or_else(|_| Err(anyhow!("its thread panicked"))))
            });
            joined.collect()
        });
        let mut services = Self { home, up: Vec::new() };
        let mut failures = String::new();
        for (service, result) in results {
            match result {
                Ok(()) => services.up.push(service),
                Err(error) => writeln!(failures, "{}: {error:#}", service.name())?,
            }
        }
        write_environment(&services.home)?;
        if !failures.is_empty() {
            bail!("{}", failures.trim_end());
        }
        Ok(services)
    }

    /// Where they are kept.
    pub(crate) fn home(&self) -> &Home {
        &self.home
    }

    /// What tests are told, variable by variable.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (&'static str, String)> {
        self.up.iter().map(|service| (service.variable(), service.addresses()))
    }

    /// The same for a shell.
    pub(crate) fn exports(&self) -> String {
        self.variables().map(|(variable, addresses)| format!("export {variable}={addresses}\n")).collect()
    }
}

/// The file has every service that runs, not only those of the last command.
fn write_environment(home: &Home) -> Result<()> {
    let running = Standing::ALL.into_iter().filter(|service| service.is_up(home));
    let lines: String =
        running.map(|service| format!("export {}={}\n", service.variable(), service.addresses())).collect();
    fs::write(home.environment(), lines).context("cannot write the variables of what is up")
}

fn bring_up(service: Standing, home: &Home) -> Result<()> {
    let asked = Instant::now();
    let mut service = service.open(home)?;
    let outdated =
        service.processes().iter().any(|process| process.running().is_some() && !process.is_current());
    if outdated {
        println!("{}: runs with another configuration, started anew", service.name());
        service.discard()?;
    }
    let started = service.start()?;
    service.wait_ready(START_LIMIT)?;
    let how = match started {
        Started::Now => format!("ready in {:.1} s", asked.elapsed().as_secs_f64()),
        Started::Already => "ran already, and is ready".to_owned(),
    };
    println!("{}: {how}", service.name());
    Ok(())
}

/// Kills these and throws away their data; those that do not run too.
///
/// # Errors
/// Each reason; the others are down all the same.
pub(crate) fn down(wanted: &[Standing]) -> Result<()> {
    let home = Home::of_user()?;
    let _alone = lock(&home)?;
    let mut failures = String::new();
    for service in wanted {
        let was_up = service.is_up(&home);
        match service.take_down(&home) {
            Ok(()) if was_up => println!("{}: down", service.name()),
            Ok(()) => {}
            Err(error) => writeln!(failures, "{}: {error:#}", service.name())?,
        }
    }
    write_environment(&home)?;
    if !failures.is_empty() {
        bail!("{}", failures.trim_end());
    }
    Ok(())
}
