//! One run: the hosts, the phases, and what comes of it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use causerie_checker::history::{self, Logged};
use causerie_checker::{Demands, Verdict, judge};
use causerie_store::port::Events as _;
use tracing::subscriber::NoSubscriber;
use turmoil::Sim;

use crate::client::{Memory, run_user};
use crate::disk::Torn;
use crate::fault::{Faults, Kind};
use crate::log::Log;
use crate::node;
use crate::plan::Plan;
use crate::sabotage::Sabotage;
use crate::stage::{Phase, Stage};

/// How far time moves at once.
const TICK: Duration = Duration::from_millis(10);
/// How long everybody has to connect and to make the first group.
const CALM: Duration = Duration::from_secs(2);
/// After healing, everybody has what is its due within this.
const SETTLING: Duration = Duration::from_secs(30);
/// And then has synced everything within this.
const SYNCING: Duration = Duration::from_secs(30);
/// Without clients, the node ends within this.
const ENDING: Duration = Duration::from_secs(5);
/// Acknowledged messages without which a run proves nothing.
const ACKNOWLEDGED: u64 = 20;

/// What a run is given beside its seed.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long faults are brought about.
    pub active: Duration,
    /// Show the trace.
    pub trace: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { active: Duration::from_secs(30), trace: false }
    }
}

/// What came of a run.
#[derive(Debug)]
pub struct Report {
    /// Where everything came from.
    pub seed: u64,
    /// The hash of the trace, and how many lines it has.
    pub trace: (u64, u64),
    /// How much time was simulated.
    pub simulated: Duration,
    /// What the judge says.
    pub verdict: Verdict,
    /// Broken promises that the judge cannot see.
    pub failures: Vec<String>,
    /// What each kind of fault did, in its own measure.
    pub effects: BTreeMap<Kind, u64>,
    /// Faults that did nothing.
    pub idle: u64,
    /// What crashes did to writes that were under way.
    pub torn: Torn,
    /// Errors that clients were told, by code.
    pub errors: BTreeMap<&'static str, u64>,
    /// Times that a client was told to sync.
    pub heads: u64,
    /// The longest that a send took to end.
    pub longest_send: Duration,
}

impl Report {
    /// Whether every promise was kept.
    pub fn passed(&self) -> bool {
        self.verdict.findings.is_empty() && self.failures.is_empty()
    }

    /// Whether too little happened to prove anything.
    pub fn is_vacuous(&self) -> bool {
        !self.verdict.vacuous.is_empty()
    }

    /// What is wrong, in some lines.
    pub fn problems(&self) -> String {
        let mut text: String = self.failures.iter().map(|failure| format!("{failure}\n")).collect();
        if !self.verdict.findings.is_empty() {
            text.push_str(&self.verdict.to_string());
        }
        text
    }
}

/// Runs a seed.
pub fn run(seed: u64, options: &Options, sabotage: Arc<dyn Sabotage>) -> Report {
    let stage = Stage::new(Plan::new(seed, options.active), sabotage, options.trace);
    let log = Log::new(Arc::clone(&stage.time));
    let faults = tracing::subscriber::with_default(log.clone(), || World::new(&stage).run());
    for line in log.take() {
        stage.book.borrow_mut().fail(line);
    }
    report(&stage, faults)
}

struct World<'a> {
    sim: Sim<'a>,
    stage: Rc<Stage>,
    faults: Faults,
}

impl World<'_> {
    fn new(stage: &Rc<Stage>) -> Self {
        let plan = &stage.plan;
        let mut sim = turmoil::Builder::new()
            .rng_seed(plan.seed)
            .tick_duration(TICK)
            .simulation_duration(Duration::MAX)
            .min_message_latency(plan.latency_min)
            .max_message_latency(plan.latency_max)
            .tcp_capacity(12)
            .enable_random_order()
            .build();
        let of_node = Rc::clone(stage);
        sim.host(node::HOST, move || node::live(Rc::clone(&of_node)));
        let mut links: Vec<IpAddr> = Vec::new();
        for (user, name) in stage.users.iter().enumerate() {
            let of_user = Rc::clone(stage);
            sim.host(name.as_str(), move || run_user(Rc::clone(&of_user), user));
            links.push(sim.lookup(name.as_str()));
        }
        Self { sim, stage: Rc::clone(stage), faults: Faults::new(plan.seed, links) }
    }

    /// Goes through all phases, and gives back what the faults did.
    fn run(mut self) -> Faults {
        let (settings, active) = (self.stage.plan.settings.clone(), self.stage.plan.active);
        let everything = self.pass(CALM)
            && self.enter(Phase::Active, active)
            && self.heal()
            && self.all_ready(Phase::Settle, SETTLING)
            && self.all_ready(Phase::Sync, SYNCING)
            && self.absence(settings.presence_grace)
            && self.enter(Phase::End, Duration::from_secs(1))
            && self.end_node();
        let now = self.stage.time.elapsed();
        if !everything && self.stage.book.borrow().failures.is_empty() {
            self.stage.book.borrow_mut().fail(format!("the run ended at {now:?}, before its time"));
        }
        self.close_book();
        // A run that ended before its time leaves a node behind; what that one logs as it is dropped says nothing.
        tracing::subscriber::with_default(NoSubscriber::default(), || drop(self.sim));
        self.faults
    }

    /// One tick. Says whether the world goes on.
    fn tick(&mut self) -> bool {
        self.stage.time.set(self.sim.elapsed());
        self.faults.step(&mut self.sim, &self.stage);
        self.stage.disk.borrow_mut().step();
        if let Err(error) = self.sim.step() {
            self.stage.book.borrow_mut().fail(format!("a host failed: {error}"));
            return false;
        }
        true
    }

    /// Lets time pass.
    fn pass(&mut self, time: Duration) -> bool {
        let until = self.sim.elapsed() + time;
        while self.sim.elapsed() < until {
            if !self.tick() {
                return false;
            }
        }
        true
    }

    /// Enters a phase and lets time pass.
    fn enter(&mut self, phase: Phase, time: Duration) -> bool {
        self.stage.book.borrow_mut().trace("world", "enters", &format!("{phase:?}"));
        self.stage.phase.set(phase);
        self.pass(time)
    }

    /// Ends all faults.
    fn heal(&mut self) -> bool {
        self.stage.time.set(self.sim.elapsed());
        self.faults.heal(&mut self.sim, &self.stage);
        self.stage.sockets.well.store(true, Relaxed);
        true
    }

    /// Enters a phase that ends when every device is done with it.
    fn all_ready(&mut self, phase: Phase, limit: Duration) -> bool {
        let until = self.sim.elapsed() + limit;
        self.enter(phase, Duration::ZERO);
        while !self.stage.all_ready(phase) {
            if !self.tick() {
                return false;
            }
            if self.sim.elapsed() > until {
                let late = |(user, memory): (usize, &Rc<RefCell<Memory>>)| {
                    let memory = memory.borrow();
                    let late = memory.ready < Some(phase);
                    late.then(|| format!("user-{user} waits for {}", memory.waits_for))
                };
                let late: Vec<String> = self.stage.all_devices().filter_map(late).collect();
                let what = format!("after {limit:?} of {phase:?}: {}", late.join("; "));
                self.stage.book.borrow_mut().fail(what);
                return false;
            }
        }
        true
    }

    /// Somebody goes away, with a word or without, and comes back.
    fn absence(&mut self, grace: Duration) -> bool {
        let stage = Rc::clone(&self.stage);
        let (absent, orderly) = (stage.users[stage.plan.absent].clone(), stage.plan.orderly);
        if !self.pass(stage.return_limit()) {
            return false;
        }
        stage.expect_presence(true);
        let gone = stage.time.elapsed();
        if !orderly {
            self.sim.partition(absent.as_str(), node::HOST);
        }
        if !self.enter(Phase::Absent, stage.absence_limit()) {
            return false;
        }
        stage.expect_presence(false);
        if orderly {
            stage.expect_nobody_told_before(gone, grace);
        } else {
            self.sim.repair(absent.as_str(), node::HOST);
        }
        if !self.all_ready(Phase::Back, SETTLING) || !self.pass(stage.return_limit()) {
            return false;
        }
        stage.expect_presence(true);
        true
    }

    /// The node is asked to end, and does.
    fn end_node(&mut self) -> bool {
        let until = self.sim.elapsed() + ENDING;
        self.stage.end_node.notify_one();
        while self.sim.is_host_running(node::HOST) {
            if self.sim.elapsed() > until {
                self.stage.book.borrow_mut().fail(format!("P16: the node has not ended after {ENDING:?}"));
                return false;
            }
            if !self.tick() {
                return false;
            }
        }
        true
    }

    /// What the judge needs beside what the clients recorded.
    fn close_book(&self) {
        let mut book = self.stage.book.borrow_mut();
        let disk = self.stage.disk.borrow();
        self.stage.sink.with(|taken| {
            if let Some(problem) = taken.problem.take() {
                book.fail(format!("P13: {problem}"));
            }
            if taken.position < disk.durable().last_event() {
                let end = disk.durable().last_event();
                book.fail(format!("P13: the sink has {} events of {}", taken.position.0, end.0));
            }
            for (conversation, seq, key) in taken.entries.drain(..) {
                let conversation = book.history.conversation(conversation.0.as_u128());
                book.history.log(Logged { conversation, seq: seq.0, client: key.0.as_u128() });
            }
        });
        book.history.log_end();
        let node = book.history.node(&self.stage.plan.settings.node_name);
        for overwrite in disk.ledger().overwrites.drain(..) {
            book.fail(format!("P3: {overwrite}"));
        }
        for commit in disk.ledger().commits.drain(..) {
            let conversation = book.history.conversation(commit.conversation.0.as_u128());
            let (at, epoch, first, last) = (commit.at, commit.epoch, commit.first.0, commit.last.0);
            book.history.commit(history::Commit { at, node, conversation, epoch, first, last });
        }
    }
}

fn report(stage: &Stage, faults: Faults) -> Report {
    let mut book = stage.book.borrow_mut();
    let verdict = judge(&book.history, &Demands { acknowledged: ACKNOWLEDGED, faults: 1 });
    Report {
        seed: stage.plan.seed,
        trace: book.trace_hash(),
        simulated: stage.time.elapsed(),
        verdict,
        failures: std::mem::take(&mut book.failures),
        effects: faults.effects,
        idle: faults.idle,
        torn: stage.disk.borrow().torn(),
        errors: std::mem::take(&mut book.counts.errors),
        heads: book.counts.heads,
        longest_send: Duration::from_nanos(book.counts.longest_send),
    }
}
