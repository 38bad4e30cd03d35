//! Changes that are taken over while the server runs: on `SIGHUP`, and when a file of keys or certificates changes.
//!
//! A reload is all or as much as can be: what is wrong is logged and the old value stays; nothing that was served stops
//! being served.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::Mutex;
use tracing::{error, info, warn};

use crate::auth::Authority;
use crate::config::Config;
use crate::shutdown::Shutdown;
use crate::telemetry::Telemetry;
use crate::tls::Tls;

/// How often files and the age of fetched keys are looked at.
const PERIOD: Duration = Duration::from_secs(5);

/// What can be taken over, and the configuration that is in force.
#[derive(Debug)]
pub struct Reloader {
    config: ArcSwap<Config>,
    authority: Arc<Authority>,
    tls: Option<Arc<Tls>>,
    telemetry: Arc<Telemetry>,
    /// One reload at a time.
    turn: Mutex<()>,
}

impl Reloader {
    /// Puts together what a reload reaches.
    pub fn new(
        config: Config,
        authority: Arc<Authority>,
        tls: Option<Arc<Tls>>,
        telemetry: Arc<Telemetry>,
    ) -> Self {
        Self { config: ArcSwap::from_pointee(config), authority, tls, telemetry, turn: Mutex::new(()) }
    }

    /// The configuration in force: the one the server was started with, and over it what reloads have changed.
    pub fn config(&self) -> Arc<Config> {
        self.config.load_full()
    }

    /// Reads the configuration, keys and certificates again, and takes over what may be. The log says what was.
    pub async fn reload(&self) {
        let _turn = self.turn.lock().await;
        let running = self.config.load_full();
        let new = match running.reread() {
            Ok(new) => new,
            Err(problems) => return error!(%problems, "the configuration is wrong; the old one stays"),
        };
        let mut next = Config::clone(&running);
        next.take_over(&new);
        if let Err(problem) = self.authority.reload(&next) {
            error!(%problem, "the sign-in keys cannot be used; the old ones stay");
            next.auth = running.auth.clone();
        }
        self.reload_tls(&running, &mut next);
        if let Err(problem) = self.telemetry.set_log(&next.telemetry.log) {
            error!(%problem, "the log levels cannot be changed; the old ones stay");
            next.telemetry = running.telemetry.clone();
        }
        for (key, _) in running.changes(&next) {
            info!(key, "changed");
        }
        for (key, _) in running.changes(&new).into_iter().filter(|(_, reloadable)| !reloadable) {
            warn!(key, "changed, but needs a restart");
        }
        self.config.store(Arc::new(next));
        info!("reloaded");
    }

    fn reload_tls(&self, running: &Config, next: &mut Config) {
        let outcome = match &self.tls {
            Some(tls) => tls.reload(&next.tls).map_err(|problem| problem.to_string()),
            None if next.tls.cert_file.is_some() => Err("to switch TLS on, restart the server".to_owned()),
            None => Ok(()),
        };
        if let Err(problem) = outcome {
            error!(problem, "the certificate cannot be used; the old one stays");
            next.tls = running.tls.clone();
        }
    }

    /// Looks after files and fetched keys until the server stops. The first look is at once.
    pub async fn watch(&self, mut shutdown: Shutdown) {
        let mut period = tokio::time::interval(PERIOD);
        period.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let look = async {
                period.tick().await;
                self.look().await;
            };
            tokio::select! {
                () = look => {}
                () = shutdown.stopping() => return,
            }
        }
    }

    async fn look(&self) {
        let _turn = self.turn.lock().await;
        self.authority.keep_fresh().await;
        if let Some(tls) = &self.tls {
            tls.keep_fresh();
        }
    }
}

#[cfg(test)]
mod tests;
