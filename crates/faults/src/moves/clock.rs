//! The wall clock jumps.

use std::time::Duration;

use anyhow::Result;
use causerie_protocol::{Clock as _, SystemClock};
use tokio::time::sleep;

use super::{Effect, Node, needed};
use crate::socket::Socket;

/// How long it stays where it has jumped to.
const STAY: Duration = Duration::from_millis(1_200);
/// By so many milliseconds may the server's clock be off from where it should be.
const OFF: i64 = 60_000;

impl Node {
    pub(super) async fn clock_jumps(&mut self, jumps: &[i64]) -> Result<Effect> {
        let clock = needed(self.clock.as_ref(), "clock")?;
        let mut seen = 0;
        for seconds in jumps {
            clock.set(*seconds)?;
            sleep(STAY).await;
            // Somebody who comes now sees what time it is there, and gets in.
            let told = Socket::open(self.server.address(), "clock", "watch").await?.time;
            let true_time = SystemClock::default().wall();
            let off = i64::try_from(told.0)? - i64::try_from(true_time.0)? - seconds * 1_000;
            seen += u64::from(off.abs() < OFF);
        }
        clock.set(0)?;
        sleep(STAY).await;
        let mut effect = Effect::of(seen);
        self.must_run(&mut effect).await?;
        Ok(effect)
    }
}
