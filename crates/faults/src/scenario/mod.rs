//! The scenarios: which moves, how often, on what.

mod flipped_bit;
mod mix;
mod one_key;

use anyhow::Result;
use clap::ValueEnum;

use crate::campaign::Campaign;
use crate::load::{Amount, LITTLE, MODERATE};
use crate::moves::Kind;
use crate::report::Outcome;
use crate::world::{Needs, World};

/// A scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// SIGKILL at random and at the moments that matter
    Kill,
    /// A sync fails, once
    FsyncError,
    /// Syncs take long
    SlowDisk,
    /// Power cuts
    PowerCut,
    /// No space, then space again
    DiskFull,
    /// Bits and ends of files change while the server is stopped
    FlippedBit,
    /// The wall clock jumps
    Clock,
    /// Killed for want of memory
    OutOfMemory,
    /// A fifth of a processor
    StarvedCpu,
    /// One key, sent in every way
    OneKey,
    /// All of it, drawn from the seed
    Mix,
}

/// A scenario that is rounds of moves.
struct Plan {
    kinds: &'static [Kind],
    rounds: u32,
    needs: Needs,
    amount: Amount,
}

/// The usual plan.
const PLAN: Plan = Plan {
    kinds: &[],
    rounds: 3,
    needs: Needs { disk: None, cut: false, memory: false, cpu: false, clock: false, impatient: false },
    amount: MODERATE,
};

impl Scenario {
    /// In the order in which they run.
    pub(crate) const ALL: &'static [Self] = &[
        Self::Kill,
        Self::FsyncError,
        Self::SlowDisk,
        Self::PowerCut,
        Self::DiskFull,
        Self::FlippedBit,
        Self::Clock,
        Self::OutOfMemory,
        Self::StarvedCpu,
        Self::OneKey,
        Self::Mix,
    ];

    /// As on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::FsyncError => "fsync-error",
            Self::SlowDisk => "slow-disk",
            Self::PowerCut => "power-cut",
            Self::DiskFull => "disk-full",
            Self::FlippedBit => "flipped-bit",
            Self::Clock => "clock",
            Self::OutOfMemory => "out-of-memory",
            Self::StarvedCpu => "starved-cpu",
            Self::OneKey => "one-key",
            Self::Mix => "mix",
        }
    }

    /// Runs it to its verdict.
    ///
    /// # Errors
    /// [`Skipped`](crate::host::Skipped) where the machine does not allow it; what kept it from its end.
    pub(crate) async fn run(self, campaign: &Campaign, seed: u64) -> Result<Outcome> {
        let plan = match self {
            Self::Kill => Plan { kinds: &Kind::KILLS, rounds: 102, ..PLAN },
            Self::FsyncError => Plan { kinds: &[Kind::FsyncError], rounds: 5, ..PLAN },
            Self::SlowDisk => {
                let needs = Needs { impatient: true, ..PLAN.needs };
                Plan { kinds: &[Kind::SlowDisk, Kind::SlowDisk, Kind::StuckDisk], needs, ..PLAN }
            }
            Self::PowerCut => {
                let needs = Needs { disk: Some(512), cut: true, ..PLAN.needs };
                Plan { kinds: &[Kind::PowerCut], rounds: 8, needs, ..PLAN }
            }
            Self::DiskFull => {
                let needs = Needs { disk: Some(256), ..PLAN.needs };
                Plan { kinds: &[Kind::DiskFull], rounds: 2, needs, ..PLAN }
            }
            Self::Clock => {
                Plan { kinds: &[Kind::Clock], rounds: 2, needs: Needs { clock: true, ..PLAN.needs }, ..PLAN }
            }
            Self::OutOfMemory => {
                Plan { kinds: &[Kind::OutOfMemory], needs: Needs { memory: true, ..PLAN.needs }, ..PLAN }
            }
            Self::StarvedCpu => {
                let needs = Needs { cpu: true, ..PLAN.needs };
                Plan { kinds: &[Kind::StarvedCpu], rounds: 2, needs, amount: LITTLE }
            }
            Self::FlippedBit => return flipped_bit::run(campaign, seed).await,
            Self::OneKey => return one_key::run(campaign, seed).await,
            Self::Mix => return Box::pin(mix::run(campaign, seed)).await,
        };
        Box::pin(plan.run(campaign, self.name(), seed)).await
    }
}

impl Plan {
    async fn run(&self, campaign: &Campaign, name: &str, seed: u64) -> Result<Outcome> {
        let mut world = World::new(campaign, name, seed, self.needs, self.amount).await?;
        let rounds = campaign.rounds.unwrap_or(self.rounds);
        for kind in self.kinds.iter().cycle().take(rounds as usize) {
            let next = kind.draw(&mut world.rng);
            if let Err(error) = world.round(&next).await {
                return world.give_up(campaign, error);
            }
        }
        world.conclude(campaign).await
    }
}
