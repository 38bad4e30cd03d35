//! Everything in turn, drawn from the seed, for as long as is wanted: runs of a few minutes, each judged as a whole.

use std::time::{Duration, Instant};

use anyhow::Result;
use rand::seq::IndexedRandom as _;

use crate::campaign::Campaign;
use crate::host::Skipped;
use crate::load::MODERATE;
use crate::moves::Kind;
use crate::report::Outcome;
use crate::world::{Needs, World};

/// How long one run is: what is judged together is kept in memory.
const RUN: Duration = Duration::from_mins(3);
/// The disk, in MiB.
const DISK: u64 = 2_048;
/// Whatever the machine lends.
const ALWAYS: [Kind; 8] = [
    Kind::Random,
    Kind::Unsynced,
    Kind::Unmarked,
    Kind::Unanswered,
    Kind::Rotating,
    Kind::Opening,
    Kind::FsyncError,
    Kind::SlowDisk,
];

pub(super) async fn run(campaign: &Campaign, seed: u64) -> Result<Outcome> {
    let end = Instant::now() + Duration::from_secs_f64(campaign.minutes * 60.0);
    let mut whole = Outcome::new("mix", seed);
    for number in 0.. {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() || !whole.passed() {
            break;
        }
        let run = Box::pin(one(campaign, seed.wrapping_add(number), left.min(RUN))).await?;
        whole.failed.clone_from(&run.failed);
        whole.add(run);
    }
    Ok(whole)
}

async fn one(campaign: &Campaign, seed: u64, time: Duration) -> Result<Outcome> {
    let (mut world, kinds) = world(campaign, seed).await?;
    let end = Instant::now() + time;
    while Instant::now() < end {
        let kind = kinds.choose(&mut world.rng).copied().unwrap_or(Kind::Random);
        let next = kind.draw(&mut world.rng);
        if let Err(error) = world.round(&next).await {
            return world.give_up(campaign, error);
        }
    }
    // A kind that was drawn once or twice may have missed its moment; the scenarios of each demand it.
    world.outcome.effects.retain(|_, count| *count > 0);
    world.conclude(campaign).await
}

/// A node with everything that the machine lends, and the moves that this allows.
async fn world(campaign: &Campaign, seed: u64) -> Result<(World, Vec<Kind>)> {
    let lends = |needs| match World::lends(campaign, needs) {
        Err(error) if !error.is::<Skipped>() => Err(error),
        lent => Ok(lent.is_ok()),
    };
    let none = Needs::default();
    let disk = lends(Needs { disk: Some(DISK), cut: true, ..none })?;
    let memory = lends(Needs { memory: true, ..none })?;
    let cpu = lends(Needs { cpu: true, ..none })?;
    let clock = lends(Needs { clock: true, ..none })?;
    let needs = Needs { disk: disk.then_some(DISK), cut: disk, memory, cpu, clock, ..none };
    let lent: [(bool, &[Kind]); 4] = [
        (disk, &[Kind::PowerCut, Kind::DiskFull]),
        (memory, &[Kind::OutOfMemory]),
        (cpu, &[Kind::StarvedCpu]),
        (clock, &[Kind::Clock]),
    ];
    let lent = lent.iter().filter(|(lent, _)| *lent).flat_map(|(_, kinds)| *kinds);
    let kinds = ALWAYS.iter().chain(lent).copied().collect();
    Ok((World::new(campaign, "mix", seed, needs, MODERATE).await?, kinds))
}
