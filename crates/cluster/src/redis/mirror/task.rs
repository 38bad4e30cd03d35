//! The one task that writes what the mirror has heard.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};

use super::Shared;
use super::announce::Announcer;
use super::board::Announcement;
use crate::redis::error::CallError;

/// How often changes are written.
const TICK: Duration = Duration::from_millis(50);
/// How often a sign of life is given, and how often it is tried while Redis is away.
const LIFE: [Duration; 2] = [Duration::from_secs(3), Duration::from_secs(1)];
/// Announcements under way at once.
const AT_ONCE: usize = 2_048;
/// How long the last words may take, all together.
const LAST_WORDS: Duration = Duration::from_secs(3);

pub(super) struct Task {
    shared: Arc<Shared>,
    announcer: Announcer,
    per_second: u32,
    /// When the last announcements were taken, and when the last sign of life was given.
    taken: Duration,
    life: Option<Duration>,
    up: bool,
}

impl Task {
    pub(super) fn new(shared: Arc<Shared>, announcer: Announcer, per_second: u32) -> Self {
        let taken = shared.clock.monotonic();
        Self { shared, announcer, per_second: per_second.max(1), taken, life: None, up: false }
    }

    pub(super) async fn run(mut self, mut stopped: watch::Receiver<bool>) {
        let mut ticks = ticks();
        loop {
            tokio::select! {
                // What is under way then is forgotten: when this node is no more, none of its routes counts.
                // An error means that nobody holds the mirror any more.
                _ = stopped.wait_for(|stopped| *stopped) => break,
                () = self.turn(&mut ticks) => {}
            }
        }
        // What Redis does not hear now expires by itself.
        let _ = timeout(LAST_WORDS, self.leave()).await;
        self.announcer.client().close().await;
    }

    async fn turn(&mut self, ticks: &mut Interval) {
        ticks.tick().await;
        let now = self.shared.clock.monotonic();
        let pause = if self.up { LIFE[0] } else { LIFE[1] };
        if self.life.is_none_or(|last| now >= last + pause) {
            self.life = Some(now);
            self.give_sign_of_life().await;
        }
        if self.up {
            if self.announcer.client().has_reconnected() {
                self.announce_all("there is a new connection");
            }
            self.announce(now).await;
        }
    }

    async fn give_sign_of_life(&mut self) {
        self.announcer.client().revive();
        match self.announcer.sign_of_life().await {
            Ok(known) => {
                let was_up = std::mem::replace(&mut self.up, true);
                if !was_up {
                    // Counted with the connection, or there was none.
                    self.announcer.client().has_reconnected();
                    self.shared.health.lock().came_back();
                    tracing::info!("Redis answers");
                }
                if !was_up || !known {
                    self.announce_all(if was_up { "Redis has forgotten this node" } else { "Redis is back" });
                }
            }
            Err(error) => self.is_away(&error),
        }
    }

    fn announce_all(&self, why: &'static str) {
        self.shared.board.lock().announce_all();
        self.shared.health.lock().losses += 1;
        tracing::info!(why, "everybody is announced to Redis again");
    }

    fn is_away(&mut self, error: &CallError) {
        self.up = false;
        if self.shared.health.lock().is_away(error.to_string()) {
            tracing::warn!(%error, "presence in Redis becomes stale");
        }
    }

    /// Writes what may be written by now.
    async fn announce(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.taken);
        let budget = u128::from(self.per_second) * passed.min(Duration::from_secs(1)).as_micros() / 1_000_000;
        let budget = usize::try_from(budget).unwrap_or(AT_ONCE).min(AT_ONCE);
        if budget == 0 {
            return;
        }
        self.taken = now;
        let (hurrying, batch) = {
            let mut board = self.shared.board.lock();
            (board.is_hurrying(), board.take(budget, passed))
        };
        self.write(batch, hurrying).await;
    }

    /// Whether all of it arrived.
    async fn write(&mut self, batch: Vec<Announcement>, hurrying: bool) -> bool {
        let answers = join_all(batch.iter().map(|it| self.announcer.announce(it))).await;
        let now = self.shared.clock.monotonic();
        let (all, mut arrived, mut lost, mut failed) = (batch.len(), 0, false, None);
        for (announcement, answer) in batch.iter().zip(answers) {
            match answer {
                Ok(missing) => {
                    arrived += 1;
                    lost |= missing && announcement.change.is_none();
                }
                Err(error) => {
                    failed = Some(error);
                    self.shared.board.lock().put_back(announcement, now);
                }
            }
        }
        {
            let mut health = self.shared.health.lock();
            health.announced += arrived;
            health.failed += (all as u64).saturating_sub(arrived);
        }
        // A part may fail for ever: a server of a cluster that is away. The others go on.
        if let Some(error) = &failed
            && arrived == 0
        {
            self.is_away(error);
        }
        if lost && !hurrying {
            self.announce_all("a route was missing");
        }
        failed.is_none()
    }

    /// Writes what waits, and that this node is no more.
    async fn leave(&mut self) {
        while self.up {
            let batch = self.shared.board.lock().take(AT_ONCE, Duration::ZERO);
            if batch.is_empty() || !self.write(batch, true).await {
                break;
            }
        }
        if let Err(error) = self.announcer.leave().await {
            tracing::debug!(%error, "this node expires in Redis by itself");
        }
    }
}

fn ticks() -> Interval {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
