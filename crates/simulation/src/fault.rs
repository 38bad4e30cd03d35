//! Faults: which there are, when they come, and what each did.
//!
//! A fault that did nothing is no fault: each has a measure that says what it did, and only one that did something goes
//! into the history and counts.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use causerie_checker::history::{self, Nanos};
use futures_util::FutureExt as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use tracing::subscriber::NoSubscriber;
use turmoil::Sim;

use crate::disk::Health;
use crate::node::HOST;
use crate::stage::{Phase, Stage};

/// A slow reader reads again for so long before it is looked at what it was told.
const CATCHING_UP: Duration = Duration::from_secs(1);

/// Declares the kinds of faults, each with the name that it has in reports.
macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $name:literal,)+) => {
        /// A kind of fault.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Kind { $($(#[$doc])* $kind,)+ }

        impl Kind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$kind,)+];

            /// The name in a report.
            pub fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)+ }
            }
        }
    };
}

kinds! {
    /// A user's link takes up to two seconds for a segment.
    Latency = "slow link",
    /// A user's link holds everything, and delivers it in the end.
    Hold = "held link",
    /// A user's link drops everything in both directions.
    Partition = "cut link",
    /// A user's link drops everything in one direction.
    OneWay = "one-way cut",
    /// A user's host crashes, and comes back with what it had kept, or with nothing.
    ClientCrash = "client crash",
    /// A user's devices read nothing for a while.
    SlowReader = "slow reader",
    /// The node is killed: the machine closes its sockets.
    NodeKill = "node killed",
    /// The node's machine loses power: nobody is told.
    PowerCut = "power cut",
    /// The node is asked to end, and begins again.
    Restart = "orderly restart",
    /// Every sync takes long.
    SlowDisk = "slow disk",
    /// No sync ends, longer than a send may take.
    Stall = "stalled disk",
    /// Appends are refused: the disk is full.
    Refused = "full disk",
    /// An append fails, and it is not known whether it was written; it was not.
    NotWritten = "failed write, not written",
    /// The same; it was.
    Written = "failed write, written",
    /// A sync fails, and the node ends at once.
    SyncFailed = "failed sync",
    /// The wall clock jumps by up to an hour, forward or back.
    ClockJump = "clock jump",
    /// The consumer of the event log takes nothing.
    SinkRefuses = "event sink away",
}

/// A fault under way.
#[derive(Debug)]
struct Active {
    kind: Kind,
    user: usize,
    since: Nanos,
    until: Duration,
    /// The measure when it began.
    before: u64,
    /// What it did at once.
    did: u64,
}

/// The faults of a run.
pub struct Faults {
    rng: StdRng,
    next: Duration,
    active: Vec<Active>,
    links: Vec<IpAddr>,
    /// What each kind did, in its own measure.
    pub effects: BTreeMap<Kind, u64>,
    /// Faults that did nothing.
    pub idle: u64,
}

impl Faults {
    /// None yet.
    pub fn new(seed: u64, links: Vec<IpAddr>) -> Self {
        let rng = StdRng::seed_from_u64(seed ^ 0xfa17);
        Self { rng, next: Duration::ZERO, active: Vec::new(), links, effects: BTreeMap::new(), idle: 0 }
    }

    /// Ends what is over, and begins what is due.
    pub fn step(&mut self, sim: &mut Sim<'_>, stage: &Stage) {
        let now = stage.time.elapsed();
        while let Some(place) = self.active.iter().position(|fault| fault.until <= now) {
            let fault = self.active.remove(place);
            self.end(&fault, sim, stage);
        }
        if stage.phase.get() == Phase::Active && now >= self.next {
            self.next = now + Duration::from_millis(self.rng.random_range(200..2_500));
            if let Some(kind) = Kind::ALL.choose(&mut self.rng).copied() {
                self.begin(kind, sim, stage);
            }
        }
    }

    /// Ends everything.
    pub fn heal(&mut self, sim: &mut Sim<'_>, stage: &Stage) {
        for fault in std::mem::take(&mut self.active) {
            self.end(&fault, sim, stage);
        }
    }

    fn begin(&mut self, kind: Kind, sim: &mut Sim<'_>, stage: &Stage) {
        let user = self.rng.random_range(0..stage.users.len());
        if self.is_in_the_way(kind, user) {
            return;
        }
        if is_of_node(kind) {
            // The links are cut with the node; what else was done to them is over.
            let links = |fault: &mut Active| is_link(fault.kind);
            for fault in self.active.extract_if(.., links).collect::<Vec<_>>() {
                self.end(&fault, sim, stage);
            }
        }
        let now = stage.time.elapsed();
        let (since, lasts) = (stage.time.stamp(), self.lasts(kind, stage));
        stage.book.borrow_mut().trace(
            "world",
            "begins",
            &format!("{} user {user} for {lasts:?}", kind.name()),
        );
        let before = self.measure(kind, user, sim, stage);
        let did = self.bring_about(kind, (user, now + lasts), sim, stage);
        self.active.push(Active { kind, user, since, until: now + lasts, before, did });
    }

    /// How long a fault of this kind lasts.
    fn lasts(&mut self, kind: Kind, stage: &Stage) -> Duration {
        let ms = match kind {
            Kind::Latency | Kind::SlowDisk | Kind::ClockJump | Kind::SinkRefuses => 1_000..5_000,
            Kind::Hold | Kind::Partition | Kind::OneWay => 200..9_000,
            Kind::ClientCrash | Kind::NodeKill | Kind::PowerCut => 50..4_000,
            Kind::SlowReader => 2_500..4_500,
            Kind::Restart => 3_000..5_000,
            Kind::Stall => {
                let deadlines = stage.plan.settings.send_deadline + stage.plan.settings.outcome_deadline;
                let long = u64::try_from(deadlines.as_millis()).unwrap_or_default();
                if self.rng.random() { 500..long } else { long..long + 3_000 }
            }
            Kind::Refused | Kind::NotWritten | Kind::Written => 1_000..1_500,
            Kind::SyncFailed => 500..2_000,
        };
        Duration::from_millis(self.rng.random_range(ms))
    }

    /// Whether something is under way that does not go together with a fault.
    fn is_in_the_way(&self, kind: Kind, user: usize) -> bool {
        self.active.iter().any(|fault| {
            let same_user = fault.user == user;
            (is_link(kind) && (is_of_node(fault.kind) || is_link(fault.kind) && same_user))
                || (is_of_client(kind) && is_of_client(fault.kind) && same_user)
                || (is_of_node(kind) && is_of_node(fault.kind))
                || (is_of_disk(kind) && (is_of_disk(fault.kind) || is_of_node(fault.kind)))
                || (is_of_node(kind) && is_one_shot(fault.kind))
                || fault.kind == kind && same_user
        })
    }

    /// Says what the fault has done at once, if that is how it works.
    fn bring_about(
        &mut self,
        kind: Kind,
        (user, until): (usize, Duration),
        sim: &mut Sim<'_>,
        stage: &Stage,
    ) -> u64 {
        let link = self.links[user];
        match kind {
            Kind::Latency => {
                let slow = Duration::from_millis(self.rng.random_range(200..2_000));
                sim.set_link_max_message_latency(link, HOST, slow);
            }
            Kind::Hold => sim.hold(link, HOST),
            Kind::Partition => sim.partition(link, HOST),
            Kind::OneWay if self.rng.random() => sim.partition_oneway(link, HOST),
            Kind::OneWay => sim.partition_oneway(HOST, link),
            Kind::ClientCrash => {
                sim.crash(link);
                return stage.forget_sessions(user, self.rng.random_ratio(1, 4));
            }
            Kind::SlowReader => stage.slow_until[user].set(until.saturating_sub(CATCHING_UP)),
            Kind::NodeKill => {
                self.crash_node(sim, stage);
                self.connect_node(sim);
                return stage.open_sessions();
            }
            Kind::PowerCut => {
                self.crash_node(sim, stage);
                return stage.open_sessions();
            }
            Kind::Restart => stage.end_node.notify_one(),
            Kind::SlowDisk => stage.disk.borrow_mut().health = Health::Slow,
            Kind::Stall => stage.disk.borrow_mut().health = Health::Stalled,
            Kind::Refused => stage.disk.borrow().refuse_next(),
            Kind::NotWritten => stage.disk.borrow().doubt_next(false),
            Kind::Written => stage.disk.borrow().doubt_next(true),
            Kind::SyncFailed => {
                stage.disk.borrow_mut().fail_sync();
                self.crash_node(sim, stage);
                self.connect_node(sim);
            }
            Kind::ClockJump => stage.time.jump(self.rng.random_range(-3_600_000..3_600_000)),
            Kind::SinkRefuses => stage.sink.with(|taken| taken.refuses = true),
        }
        0
    }

    /// The node ends where it stands. First the process, then what of its writes is there is settled.
    ///
    /// It ends behind cut links, so nobody hears of it at that moment: in which order a runtime drops its sockets is not
    /// of the seed's making. With the links there again, who says something hears that nobody is there.
    fn crash_node(&self, sim: &mut Sim<'_>, stage: &Stage) {
        self.links.iter().for_each(|link| sim.partition(*link, HOST));
        // What the product logs as its runtime is torn down under it, nobody would ever read.
        tracing::subscriber::with_default(NoSubscriber::default(), || sim.crash(HOST));
        stage.disk.borrow_mut().crash();
    }

    fn connect_node(&self, sim: &Sim<'_>) {
        self.links.iter().for_each(|link| sim.repair(*link, HOST));
    }

    fn end(&mut self, fault: &Active, sim: &mut Sim<'_>, stage: &Stage) {
        let since = self.measure(fault.kind, fault.user, sim, stage).saturating_sub(fault.before);
        let did = fault.did + since;
        let what = format!("{} user {}, which did {did}", fault.kind.name(), fault.user);
        stage.book.borrow_mut().trace("world", "ends", &what);
        let link = self.links[fault.user];
        match fault.kind {
            Kind::Latency => sim.set_link_max_message_latency(link, HOST, stage.plan.latency_max),
            Kind::Hold => sim.release(link, HOST),
            Kind::Partition | Kind::OneWay => sim.repair(link, HOST),
            Kind::ClientCrash => sim.bounce(link),
            Kind::PowerCut => {
                self.connect_node(sim);
                bounce_node(sim);
            }
            Kind::NodeKill | Kind::SyncFailed => bounce_node(sim),
            Kind::Restart => {
                // One that was still beginning has not heard it, and the next one is not meant.
                let _ = stage.end_node.notified().now_or_never();
                // It has ended by now, or is killed.
                self.crash_node(sim, stage);
                bounce_node(sim);
                self.connect_node(sim);
            }
            Kind::SlowDisk | Kind::Stall => stage.disk.borrow_mut().health = Health::Well,
            Kind::SinkRefuses => stage.sink.with(|taken| taken.refuses = false),
            Kind::SlowReader => stage.slow_until[fault.user].set(Duration::ZERO),
            Kind::Refused | Kind::NotWritten | Kind::Written | Kind::ClockJump => {}
        }
        if did == 0 {
            self.idle += 1;
            return;
        }
        *self.effects.entry(fault.kind).or_default() += did;
        let until = stage.time.stamp();
        let row = history::Fault { at: fault.since, until, name: fault.kind.name().into(), effect: did };
        stage.book.borrow_mut().history.fault(row);
    }

    /// What is counted to know what a fault does while it lasts: the difference between its end and its beginning counts.
    /// Crashes do all that they do at once.
    fn measure(&self, kind: Kind, user: usize, sim: &Sim<'_>, stage: &Stage) -> u64 {
        let book = stage.book.borrow();
        let link = self.links[user];
        match kind {
            Kind::Latency => book.counts.frames[user],
            Kind::Hold => in_flight(sim, link),
            Kind::Partition | Kind::OneWay => {
                book.counts.frames[user] + stage.sockets.writes.lock().get(&link).copied().unwrap_or_default()
            }
            Kind::SlowReader => book.counts.heads,
            Kind::ClientCrash | Kind::NodeKill | Kind::PowerCut => 0,
            Kind::Restart => book.counts.goodbyes,
            Kind::SlowDisk => stage.disk.borrow().ledger().commits.len() as u64,
            Kind::Stall => stage.disk.borrow().waiting(),
            Kind::Refused => stage.disk.borrow().ledger().refused,
            Kind::NotWritten | Kind::Written | Kind::SyncFailed => stage.disk.borrow().ledger().unknown,
            Kind::ClockJump => book.counts.acknowledged,
            Kind::SinkRefuses => stage.sink.with(|taken| taken.refused),
        }
    }
}

fn is_link(kind: Kind) -> bool {
    matches!(kind, Kind::Latency | Kind::Hold | Kind::Partition | Kind::OneWay)
}

fn is_of_client(kind: Kind) -> bool {
    matches!(kind, Kind::ClientCrash | Kind::SlowReader)
}

fn is_of_node(kind: Kind) -> bool {
    matches!(kind, Kind::NodeKill | Kind::PowerCut | Kind::Restart | Kind::SyncFailed)
}

fn is_one_shot(kind: Kind) -> bool {
    matches!(kind, Kind::Refused | Kind::NotWritten | Kind::Written)
}

fn is_of_disk(kind: Kind) -> bool {
    matches!(kind, Kind::SlowDisk | Kind::Stall) || is_one_shot(kind)
}

/// The next life of the node. What the last one has left behind, because it gave up waiting for the disk, goes without
/// being heard.
fn bounce_node(sim: &mut Sim<'_>) {
    tracing::subscriber::with_default(NoSubscriber::default(), || sim.bounce(HOST));
}

/// Segments on a link.
fn in_flight(sim: &Sim<'_>, link: IpAddr) -> u64 {
    let mut count = 0;
    sim.links(|links| {
        for link_iter in links {
            let (a, b) = link_iter.pair();
            if a == link || b == link {
                count += link_iter.count() as u64;
            }
        }
    });
    count
}
