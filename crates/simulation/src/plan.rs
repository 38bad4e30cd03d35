//! What a seed decides before anything happens.

use std::time::Duration;

use causerie_actors::Settings;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

/// Sends and answers may be late by so much for the network's sake.
const NETWORK: Duration = Duration::from_secs(5);

/// A client on a link that is no more notices it within this.
const LEAST: Duration = Duration::from_secs(12);

/// The set-up of a run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where everything comes from.
    pub seed: u64,
    /// How many devices each user has.
    pub devices: Vec<usize>,
    /// Groups beside the one in which everybody is.
    pub groups: usize,
    /// How long faults are brought about.
    pub active: Duration,
    /// Pause between what a device does, in milliseconds, on average.
    pub pause_ms: f64,
    /// The least that a segment takes.
    pub latency_min: Duration,
    /// The most that a segment takes while the network is well.
    pub latency_max: Duration,
    /// How long a sync of the disk takes while it is well, at most.
    pub sync_max: Duration,
    /// The node's bounds.
    pub settings: Settings,
    /// Who goes away at the end, to see whether the others are told.
    pub absent: usize,
    /// Whether it says goodbye.
    pub orderly: bool,
}

impl Plan {
    /// The plan of a seed.
    pub fn new(seed: u64, active: Duration) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let users = rng.random_range(3..=5);
        let devices = (0..users).map(|_| if rng.random_ratio(1, 3) { 2 } else { 1 }).collect();
        let ms = Duration::from_millis;
        Self {
            seed,
            devices,
            groups: rng.random_range(1..=3),
            active,
            pause_ms: rng.random_range(100.0..700.0),
            latency_min: ms(rng.random_range(1..5)),
            latency_max: ms(rng.random_range(6..80)),
            sync_max: ms(rng.random_range(1..15)),
            settings: settings(&mut rng),
            absent: rng.random_range(0..users),
            orderly: rng.random(),
        }
    }

    /// How many users there are.
    pub fn users(&self) -> usize {
        self.devices.len()
    }

    /// The longest that a send may take to end in one of its three ways.
    pub fn send_limit(&self) -> Duration {
        (self.settings.send_deadline + self.settings.outcome_deadline + NETWORK).max(LEAST)
    }
}

/// Small bounds, so that all of them are met. The two deadlines of a send are sometimes those of a server.
fn settings(rng: &mut StdRng) -> Settings {
    let (send, outcome) = if rng.random_ratio(1, 6) { (5, 20) } else { (1, rng.random_range(1..=4)) };
    let s = Duration::from_secs;
    Settings {
        out_queue_frames: if rng.random() { rng.random_range(1..=4) } else { rng.random_range(4..64) },
        send_deadline: s(send),
        outcome_deadline: s(outcome),
        recent_keys: rng.random_range(4..64),
        conversation_idle: s(rng.random_range(2..10)),
        conversation_queue: rng.random_range(24..256),
        cursor_interval: Duration::from_millis(rng.random_range(50..400)),
        hello_timeout: s(3),
        lagging_close: s(6),
        heartbeat: s(2),
        presence_ttl: s(5),
        presence_grace: s(1),
        page_bytes: rng.random_range(512..16_384),
        reads_in_flight: rng.random_range(2..64),
        ..Settings::default()
    }
}
