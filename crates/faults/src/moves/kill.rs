//! SIGKILL: at random, at the moments that matter, and while the server opens its data.

use std::time::Duration;

use anyhow::Result;

use super::{Effect, Node, Opening};
use crate::server::{Started, was_killed};
use crate::strace::{Injection, Tracer};

/// How long a moment is waited for; then the server is killed at another one.
const MOMENT: Duration = Duration::from_secs(8);

impl Node {
    pub(super) async fn kill_and_start(&mut self) -> Result<Effect> {
        let mut effect = Effect::of(u64::from(self.server.is_running()));
        self.server.kill().await?;
        self.start_again(&mut effect).await?;
        Ok(effect)
    }

    /// Starts it after it has ended. That it does not start is a finding, and the end of the run.
    pub(super) async fn start_again(&mut self, effect: &mut Effect) -> Result<()> {
        if let Err(error) = self.server.start().await {
            effect.problems.push(format!("{error:#}"));
        }
        Ok(())
    }

    pub(super) async fn kill_at(&mut self, injection: &Injection) -> Result<Effect> {
        let pid = self.server.process()?.id();
        let tracer = Tracer::attach(pid, injection, &self.folder).await?;
        let ended = self.server.process()?.ended(MOMENT).await?;
        drop(tracer);
        let mut effect = Effect::of(u64::from(ended.is_some_and(was_killed)));
        match ended {
            Some(status) if !was_killed(status) => {
                effect
                    .problems
                    .push(format!("the server ended by itself ({status}): {}", self.server.said()));
            }
            Some(_) => {}
            None => self.server.kill().await?,
        }
        self.start_again(&mut effect).await?;
        Ok(effect)
    }

    pub(super) async fn kill_opening(&mut self, opening: &Opening) -> Result<Effect> {
        self.server.kill().await?;
        let mut effect = Effect::default();
        let started = match opening {
            Opening::At(injection) => {
                self.server.launch(Some(injection), &self.folder.join("strace.out"))?;
                self.server.listening().await?
            }
            Opening::After(after) => {
                self.server.launch(None, &self.folder)?;
                // One that listens by then is killed a little later than it should be.
                if self.server.process()?.ended(*after).await?.is_none() && !self.server.listens() {
                    effect.count = 1;
                }
                self.server.kill().await?;
                Started::Listening
            }
        };
        match started {
            Started::Ended(status) if was_killed(status) => effect.count = 1,
            Started::Ended(status) => {
                effect.problems.push(format!("the server does not start ({status}): {}", self.server.said()));
            }
            Started::Listening => self.server.kill().await?,
        }
        self.start_again(&mut effect).await?;
        Ok(effect)
    }
}
