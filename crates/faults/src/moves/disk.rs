//! Disks: a sync that fails, syncs that take long, a power cut, no space.

use std::time::Duration;

use anyhow::Result;
use tokio::time::sleep;

use super::{Effect, Node, needed};
use crate::strace::{Injection, Tracer};

/// With this the server says that the disk has failed.
const DISK_FAILED: i32 = 74;
/// How long a sync that fails is waited for.
const FAILING: Duration = Duration::from_secs(10);
/// How long a disk is stuck: longer than sends wait to be written.
const STUCK: Duration = Duration::from_secs(7);
/// How long syncs are slow, a disk is full, a disk has space again.
const MEANWHILE: Duration = Duration::from_secs(3);

impl Node {
    /// The server exits and never tries the sync again.
    pub(super) async fn fsync_error(&mut self, injection: &Injection) -> Result<Effect> {
        let pid = self.server.process()?.id();
        let tracer = Tracer::attach(pid, injection, &self.folder).await?;
        let ended = self.server.process()?.ended(FAILING).await?;
        let failed = match tracer {
            Some(tracer) => tracer.detach().await?,
            None => 0,
        };
        let mut effect = Effect::of(failed);
        match ended {
            Some(status) if status.code() == Some(DISK_FAILED) => {}
            Some(status) => effect.problems.push(format!("it ended with {status} after a failed sync")),
            None => {
                if failed > 0 {
                    effect.problems.push("it goes on after a failed sync".to_owned());
                }
                self.server.kill().await?;
            }
        }
        self.start_again(&mut effect).await?;
        Ok(effect)
    }

    pub(super) async fn slow_disk(&mut self, injection: &Injection) -> Result<Effect> {
        let pid = self.server.process()?.id();
        let Some(tracer) = Tracer::attach(pid, injection, &self.folder).await? else {
            return Ok(Effect::default());
        };
        sleep(if injection.is_stuck() { STUCK } else { MEANWHILE }).await;
        let mut effect = Effect { refuses: injection.is_stuck(), ..Effect::of(tracer.detach().await?) };
        self.must_run(&mut effect).await?;
        Ok(effect)
    }

    pub(super) async fn power_cut(&mut self, after: Duration) -> Result<Effect> {
        sleep(after).await;
        let disk = needed(self.disk.as_ref(), "disk")?;
        disk.cut()?;
        let mut effect = Effect::of(u64::from(disk.is_cut()));
        self.server.kill().await?;
        disk.remount()?;
        self.start_again(&mut effect).await?;
        Ok(effect)
    }

    /// The server refuses, survives, and goes on by itself.
    pub(super) async fn disk_full(&mut self) -> Result<Effect> {
        let disk = needed(self.disk.as_ref(), "disk")?;
        disk.fill(self.server.setting.reserve / 2)?;
        sleep(MEANWHILE).await;
        disk.relieve()?;
        let mut effect = Effect { refuses: true, ..Effect::default() };
        self.must_run(&mut effect).await?;
        Ok(effect)
    }

    /// That it has ended is a finding; it is started again for the rest.
    pub(super) async fn must_run(&mut self, effect: &mut Effect) -> Result<()> {
        if !self.server.is_running() {
            effect.problems.push(format!("the server has ended: {}", self.server.said()));
            self.start_again(effect).await?;
        }
        Ok(())
    }
}
