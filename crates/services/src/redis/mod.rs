//! Redis, one server or a cluster. Nothing is kept on disk: who starts again is empty, as Causerie must expect.
//!
//! Ready: it answers `PING` with `PONG`, which it does not while it is still loading.

mod cluster;
mod resp;

use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{ServiceError, words};
use crate::process::{Process, Recipe};
use crate::service::{Place, Service};
use resp::Resp;

pub use cluster::{RedisCluster, RedisClusterPlan};

const ANSWER_LIMIT: Duration = Duration::from_secs(2);

/// A single Redis on 127.0.0.1.
#[derive(Clone, Debug)]
pub struct RedisPlan {
    /// Where clients connect.
    pub port: u16,
    /// What they must say, if anything.
    pub password: Option<String>,
    /// More arguments, such as `--maxmemory 10mb` or those of TLS.
    pub settings: Vec<String>,
}

impl RedisPlan {
    /// A plan with nothing unusual in it.
    #[must_use]
    pub fn new(port: u16) -> Self {
        Self { port, password: None, settings: Vec::new() }
    }
}

/// A single Redis.
#[derive(Debug)]
pub struct Redis {
    plan: RedisPlan,
    process: Process,
}

impl Redis {
    /// A test's own, in `folder`; started and not ready yet. It ends when this is dropped.
    ///
    /// # Errors
    /// When Redis is not installed or cannot be started.
    pub fn start_in(folder: &Path, plan: RedisPlan) -> Result<Self, ServiceError> {
        let mut redis = Self::new(plan, &Place::of_test(folder))?;
        redis.start()?;
        Ok(redis)
    }

    /// One that may run or not.
    pub(crate) fn new(plan: RedisPlan, place: &Place) -> Result<Self, ServiceError> {
        let mut settings = plan.settings.clone();
        if let Some(password) = &plan.password {
            settings.extend(["--requirepass".into(), password.clone()]);
        }
        let data = place.data.join("server");
        let recipe = recipe(plan.port, data, &settings)?;
        let process = Process::new("redis", place.run.join("server"), place.lifetime, recipe);
        Ok(Self { plan, process })
    }

    /// Where clients connect.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        address(self.plan.port)
    }

    /// The process: to kill, freeze and start it.
    pub fn server(&mut self) -> &mut Process {
        &mut self.process
    }
}

impl Service for Redis {
    fn name(&self) -> &'static str {
        "redis"
    }

    fn processes(&self) -> &[Process] {
        std::slice::from_ref(&self.process)
    }

    fn processes_mut(&mut self) -> &mut [Process] {
        std::slice::from_mut(&mut self.process)
    }

    fn listens(&self) -> Vec<(String, u16)> {
        vec![(Ipv4Addr::LOCALHOST.to_string(), self.plan.port)]
    }

    fn check(&mut self) -> Result<(), String> {
        let said = Resp::connect(self.address(), self.plan.password.as_deref(), ANSWER_LIMIT)
            .and_then(|mut redis| redis.command(&["PING"]));
        match said {
            Ok(pong) if pong == "PONG" => Ok(()),
            Ok(other) => Err(other),
            Err(error) => Err(words(&error)),
        }
    }
}

fn address(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// Without persistence, in the foreground.
fn recipe(port: u16, data: PathBuf, settings: &[String]) -> Result<Recipe, ServiceError> {
    if !crate::process::is_installed("redis-server") {
        return Err(ServiceError::Missing { what: "Redis", package: "redis-server" });
    }
    let mut command: Vec<OsString> =
        ["redis-server", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
            .map(OsString::from)
            .to_vec();
    command.extend(["--port".into(), port.to_string().into(), "--dir".into(), data.clone().into()]);
    command.extend(settings.iter().map(OsString::from));
    Ok(Recipe { command, data, ..Recipe::default() })
}

#[cfg(test)]
mod tests;
