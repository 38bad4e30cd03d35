//! The disk: when what is written becomes durable, when that is told, and what a crash leaves of the rest.
//!
//! One sync after the other, as the server's committer does: a sync takes what waits when it begins, and takes its time.
//! A crash during a sync leaves a part of what was under way, from nothing to all of it, and nobody has been told.

use std::sync::Arc;
use std::time::Duration;

use causerie_store::Store;
use causerie_store::memory::MemoryStore;
use causerie_store::port::messages::AppendError;
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::sabotage::Sabotage;
use crate::store::{Ledger, SimStore};
use crate::time::SimTime;

/// How the disk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// A sync takes as long as the plan says.
    Well,
    /// A sync takes from a tenth of a second to one.
    Slow,
    /// No sync ends.
    Stalled,
}

/// What crashes did to what was under way.
#[derive(Clone, Copy, Debug, Default)]
pub struct Torn {
    /// Writes that were under way and are there after the crash.
    pub survived: u64,
    /// Writes that were under way and are gone.
    pub lost: u64,
}

/// The disk of the node, over all its lives.
pub struct Disk {
    memory: MemoryStore,
    ledger: Arc<Mutex<Ledger>>,
    time: Arc<SimTime>,
    /// For the reads of the node.
    read_rng: Arc<Mutex<StdRng>>,
    rng: StdRng,
    sabotage: Arc<dyn Sabotage>,
    sync_max: Duration,
    /// How it is.
    pub health: Health,
    /// The sync under way: when it ends, and how many writes it has taken.
    sync: Option<(Duration, usize)>,
    torn: Torn,
}

impl Disk {
    /// An empty disk.
    pub fn new(seed: u64, sync_max: Duration, time: Arc<SimTime>, sabotage: Arc<dyn Sabotage>) -> Self {
        let memory = MemoryStore::new();
        memory.hold();
        let mut rng = StdRng::seed_from_u64(seed ^ 0xd15c);
        let read_rng = Arc::new(Mutex::new(StdRng::seed_from_u64(rng.random())));
        Self {
            memory,
            ledger: Arc::default(),
            time,
            read_rng,
            rng,
            sabotage,
            sync_max,
            health: Health::Well,
            sync: None,
            torn: Torn::default(),
        }
    }

    /// The store for the node that begins now.
    pub fn open(&self) -> Arc<dyn Store> {
        let (ledger, time) = (Arc::clone(&self.ledger), Arc::clone(&self.time));
        let store = SimStore::new(self.memory.clone(), ledger, time, Arc::clone(&self.read_rng));
        self.sabotage.store(Arc::new(store))
    }

    /// What is durable, for looking at.
    pub fn durable(&self) -> &MemoryStore {
        &self.memory
    }

    /// What became of appends.
    pub fn ledger(&self) -> parking_lot::MutexGuard<'_, Ledger> {
        self.ledger.lock()
    }

    /// How many writes are under way or wait.
    pub fn waiting(&self) -> u64 {
        self.memory.held() as u64
    }

    /// What crashes did.
    pub fn torn(&self) -> Torn {
        self.torn
    }

    /// The next append is refused, and not written.
    pub fn refuse_next(&self) {
        self.memory.fail_next(AppendError::Refused("the disk is full".to_owned()));
    }

    /// The next append is not written, or is; its answer says that it is not known.
    pub fn doubt_next(&self, written: bool) {
        if written {
            self.memory.lose_next_answer();
        } else {
            self.memory.fail_next(AppendError::Unknown("the write failed".to_owned()));
        }
    }

    /// A sync fails: from now on nothing is known to be written, and the process will end. What was under way may have
    /// been written.
    pub fn fail_sync(&mut self) {
        self.memory.set_gate(false);
        self.finish_sync();
    }

    /// Lets time pass.
    pub fn step(&mut self) {
        let now = self.time.elapsed();
        if let Some((ends, _)) = self.sync
            && ends <= now
            && self.health != Health::Stalled
        {
            self.finish_sync();
        }
        let waiting = self.memory.held();
        if self.sync.is_none() && waiting > 0 {
            let takes = match self.health {
                Health::Well => self.rng.random_range(Duration::ZERO..=self.sync_max),
                Health::Slow | Health::Stalled => Duration::from_millis(self.rng.random_range(100..1_000)),
            };
            self.sync = Some((now + takes, waiting));
        }
    }

    fn finish_sync(&mut self) {
        let Some((_, writes)) = self.sync.take() else { return };
        for _ in 0..writes {
            if !self.memory.release_one() {
                break;
            }
        }
    }

    /// The node is gone. What was under way is there from now on, or is not: a part of it, from the first on.
    /// Nobody is told any more: whoever waited has gone with the node.
    pub fn crash(&mut self) {
        let waiting = self.memory.held();
        let survive = self.rng.random_range(0..=waiting);
        for _ in 0..survive {
            self.memory.release_one();
        }
        self.torn.survived += survive as u64;
        self.torn.lost += (waiting - survive) as u64;
        self.memory = self.memory.crash();
        self.memory.hold();
        self.sync = None;
    }
}
