//! The moves: each breaks the node once and heals it. A move ends with a server that runs, and with proof of what it did.

mod clock;
mod disk;
mod kill;
mod share;

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use rand::Rng as _;
use rand::rngs::StdRng;
use tokio::time::sleep;

use crate::host::clock::Clock;
use crate::host::disk::Disk;
use crate::host::group::Group;
use crate::server::Server;
use crate::strace::{Injection, STUCK};

/// The node that is broken, and what the machine lends for it.
///
/// The order is that of ending: the server before what it stands on.
pub(crate) struct Node {
    pub(crate) server: Server,
    pub(crate) clock: Option<Clock>,
    pub(crate) memory: Option<Group>,
    pub(crate) cpu: Option<Group>,
    pub(crate) disk: Option<Disk>,
    /// For files of faults.
    pub(crate) folder: PathBuf,
}

/// What to do.
#[derive(Clone, Debug)]
pub(crate) enum Move {
    /// SIGKILL after a while.
    Kill(Duration),
    /// SIGKILL by the system call that is about to be made; the name says what that is a moment of.
    KillAt(&'static str, Injection),
    /// SIGKILL, and again while it opens its data.
    KillOpening(Opening),
    /// A sync fails, once.
    FsyncError(Injection),
    /// Every sync takes long.
    SlowDisk(Injection),
    /// Nothing reaches the disk from one moment on; SIGKILL; the disk comes back.
    PowerCut(Duration),
    /// No space, and then space again.
    DiskFull,
    /// The wall clock jumps by these seconds, one after the other.
    ClockJumps(Vec<i64>),
    /// The kernel kills the server for want of memory, which is taken away after a while.
    OutOfMemory(Duration),
    /// A small part of a processor.
    StarvedCpu(u64),
}

/// At which moment of opening it is killed.
#[derive(Clone, Debug)]
pub(crate) enum Opening {
    /// By a system call.
    At(Injection),
    /// After a while.
    After(Duration),
}

/// The kinds of moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Random,
    Unsynced,
    Unmarked,
    Unanswered,
    Rotating,
    Opening,
    FsyncError,
    SlowDisk,
    StuckDisk,
    PowerCut,
    DiskFull,
    Clock,
    OutOfMemory,
    StarvedCpu,
}

impl Kind {
    /// Those that kill, each at its moment.
    pub(crate) const KILLS: [Self; 6] =
        [Self::Random, Self::Unsynced, Self::Unmarked, Self::Unanswered, Self::Rotating, Self::Opening];

    /// A move of this kind, with what is left to chance.
    pub(crate) fn draw(self, rng: &mut StdRng) -> Move {
        match self {
            Self::Random => Move::Kill(some_ms(rng, 100..1_500)),
            Self::PowerCut => Move::PowerCut(some_ms(rng, 300..1_500)),
            Self::Unsynced => {
                Move::KillAt("written, not synced", Injection::kill("fdatasync", rng.random_range(1..40)))
            }
            // The mark is written where it begins, after the sync and before the answers.
            Self::Unmarked => {
                Move::KillAt("synced, not marked", Injection::kill("lseek", rng.random_range(10..50)))
            }
            Self::Unanswered => {
                Move::KillAt("marked, not answered", Injection::kill("sendto", rng.random_range(1..120)))
            }
            Self::Rotating => Move::KillAt("rotating a memtable", rotating(rng)),
            Self::Opening => Move::KillOpening(match rng.random_range(0..3) {
                0 => Opening::After(some_ms(rng, 5..300)),
                _ => Opening::At(Injection::kill(
                    "fsync,fdatasync,ftruncate,unlink,renameat",
                    rng.random_range(1..4),
                )),
            }),
            Self::FsyncError => Move::FsyncError(Injection {
                calls: "fdatasync,fsync",
                what: "error=EIO",
                when: rng.random_range(1..60),
                once: true,
            }),
            Self::SlowDisk => Move::SlowDisk(Injection {
                calls: "fdatasync,fsync",
                what: ["delay_enter=100000", "delay_enter=300000", "delay_enter=800000"]
                    [rng.random_range(0..3)],
                when: 1,
                once: false,
            }),
            Self::DiskFull => Move::DiskFull,
            Self::Clock => {
                let mut jumps = vec![3_600, -3_600, 7_200];
                jumps.truncate(rng.random_range(2..4));
                Move::ClockJumps(jumps)
            }
            Self::StuckDisk => {
                Move::SlowDisk(Injection { calls: "fdatasync,fsync", what: STUCK, when: 1, once: false })
            }
            Self::OutOfMemory => Move::OutOfMemory(some_ms(rng, 300..1_500)),
            Self::StarvedCpu => Move::StarvedCpu(20),
        }
    }
}

fn some_ms(rng: &mut StdRng, range: Range<u64>) -> Duration {
    Duration::from_millis(rng.random_range(range))
}

/// The threads that write tables make these calls, and few others do: the first is that of a memtable that is full.
fn rotating(rng: &mut StdRng) -> Injection {
    match rng.random_range(0..3) {
        0 => Injection::kill("renameat", rng.random_range(1..3)),
        1 => Injection::kill("unlink", 1),
        _ => Injection::kill("fsync", rng.random_range(1..9)),
    }
}

/// What a move did.
#[derive(Debug, Default)]
pub(crate) struct Effect {
    /// What was counted to prove it: 0 is a move without effect.
    pub(crate) count: u64,
    /// What must not be.
    pub(crate) problems: Vec<String>,
    /// Sends must have been refused meanwhile, as `unavailable`, and nothing else proves the fault.
    pub(crate) refuses: bool,
}

impl Effect {
    /// Something was counted, and all is well.
    pub(crate) fn of(count: u64) -> Self {
        Self { count, ..Self::default() }
    }
}

impl Move {
    /// What is counted together in a report.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Kill(_) => "killed at random",
            Self::KillAt(moment, _) => moment,
            Self::KillOpening(_) => "killed while opening",
            Self::FsyncError(_) => "a sync failed",
            Self::SlowDisk(injection) if injection.is_stuck() => "a stuck disk",
            Self::SlowDisk(_) => "slow syncs",
            Self::PowerCut(_) => "power cut",
            Self::DiskFull => "disk full",
            Self::ClockJumps(_) => "clock jumped",
            Self::OutOfMemory(_) => "out of memory",
            Self::StarvedCpu(_) => "starved of processor",
        }
    }

    /// Breaks the node and heals it.
    ///
    /// # Errors
    /// What kept it from being tried; what the server did wrong is in the effect.
    pub(crate) async fn perform(&self, node: &mut Node) -> Result<Effect> {
        match self {
            Self::Kill(after) => {
                sleep(*after).await;
                node.kill_and_start().await
            }
            Self::KillAt(_, injection) => node.kill_at(injection).await,
            Self::KillOpening(opening) => node.kill_opening(opening).await,
            Self::FsyncError(injection) => node.fsync_error(injection).await,
            Self::SlowDisk(injection) => node.slow_disk(injection).await,
            Self::PowerCut(after) => node.power_cut(*after).await,
            Self::DiskFull => node.disk_full().await,
            Self::ClockJumps(jumps) => node.clock_jumps(jumps).await,
            Self::OutOfMemory(after) => node.out_of_memory(*after).await,
            Self::StarvedCpu(percent) => node.starved_cpu(*percent).await,
        }
    }
}

impl fmt::Display for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Self::Kill(after)
            | Self::PowerCut(after)
            | Self::OutOfMemory(after)
            | Self::KillOpening(Opening::After(after)) => {
                write!(f, " after {} ms", after.as_millis())
            }
            Self::KillAt(_, injection)
            | Self::KillOpening(Opening::At(injection))
            | Self::FsyncError(injection)
            | Self::SlowDisk(injection) => write!(f, ", {injection}"),
            Self::ClockJumps(jumps) => write!(f, " by {jumps:?} s"),
            Self::StarvedCpu(percent) => write!(f, ", {percent} % of one"),
            Self::DiskFull => Ok(()),
        }
    }
}

/// What a move needs was not lent.
fn needed<'a, T>(lent: Option<&'a T>, what: &str) -> Result<&'a T> {
    lent.with_context(|| format!("the node has no {what}"))
}
