//! Too small a share of the machine: of its memory, of its processors.

use std::time::Duration;

use anyhow::Result;
use tokio::time::sleep;

use super::{Effect, Node, needed};
use crate::server::was_killed;

/// How long the processor is short.
const SHORT: Duration = Duration::from_secs(4);
/// Memory is taken away in this many steps, until the server is dead.
const STEPS: u32 = 60;
/// One step.
const STEP: Duration = Duration::from_millis(100);
/// In each step this part of it: what is in use is mostly files, which the kernel gives up first.
const PART: u64 = 16;

impl Node {
    pub(super) async fn out_of_memory(&mut self, after: Duration) -> Result<Effect> {
        sleep(after).await;
        let memory = needed(self.memory.as_ref(), "control group for memory")?;
        let before = memory.memory_kills()?;
        let mut limit = memory.memory()?;
        let mut ended = None;
        for _ in 0..STEPS {
            // Refused while more is in use; then what is asked for next is refused by the kernel, in its own way.
            if memory.limit_memory(Some(limit)) {
                limit -= limit / PART;
            }
            ended = self.server.process()?.ended(STEP).await?;
            if ended.is_some() {
                break;
            }
        }
        memory.limit_memory(None);
        let kills = memory.memory_kills()?.saturating_sub(before);
        let mut effect = Effect::of(kills);
        match ended {
            Some(status) if !was_killed(status) => {
                effect
                    .problems
                    .push(format!("without memory it ended with {status}: {}", self.server.said()));
            }
            Some(_) => {}
            None => self.server.kill().await?,
        }
        self.start_again(&mut effect).await?;
        Ok(effect)
    }

    pub(super) async fn starved_cpu(&mut self, percent: u64) -> Result<Effect> {
        let cpu = needed(self.cpu.as_ref(), "control group for the processor")?;
        let before = cpu.throttled()?;
        cpu.limit_cpu(Some(percent))?;
        sleep(SHORT).await;
        cpu.limit_cpu(None)?;
        let mut effect = Effect::of(cpu.throttled()?.saturating_sub(before));
        self.must_run(&mut effect).await?;
        Ok(effect)
    }
}
