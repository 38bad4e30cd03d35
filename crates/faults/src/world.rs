//! A node that is broken, the load on it, the witness, and what they record.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use causerie_checker::History;
use causerie_checker::history::Fault;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::campaign::Campaign;
use crate::clock;
use crate::host::Skipped;
use crate::host::clock::Clock;
use crate::host::disk::Disk;
use crate::host::group::{Controller, Group};
use crate::load::{Amount, Load};
use crate::moves::{Effect, Move, Node};
use crate::report::Outcome;
use crate::server::{Server, Setting};
use crate::witness::Witness;

/// A server that is healed acknowledges within this time.
const HEALED: Duration = Duration::from_secs(20);
/// Space that the server keeps on a small disk, in bytes.
const RESERVE: u64 = 24 * 1024 * 1024;

/// Half as long as a disk is stuck.
const IMPATIENT: [&str; 2] = ["timeouts.send_deadline_s=2", "timeouts.outcome_deadline_s=3"];

/// What the machine has to lend for a scenario.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Needs {
    /// A disk of its own, of so many MiB.
    pub(crate) disk: Option<u64>,
    /// That disk must be one whose power can be cut.
    pub(crate) cut: bool,
    pub(crate) memory: bool,
    pub(crate) cpu: bool,
    pub(crate) clock: bool,
    /// Sends wait shortly for a disk that is stuck, so that it is seen how they end.
    pub(crate) impatient: bool,
}

/// A running scenario. Dropped, everything of it ends, in the order of the fields.
pub(crate) struct World {
    load: Load,
    witness: Witness,
    pub(crate) node: Node,
    pub(crate) rng: StdRng,
    /// For the judge.
    faults: History,
    pub(crate) outcome: Outcome,
}

impl World {
    /// Starts a server with an empty folder, the load and the witness.
    pub(crate) async fn new(
        campaign: &Campaign,
        name: &str,
        seed: u64,
        needs: Needs,
        amount: Amount,
    ) -> Result<Self> {
        let mut rng = StdRng::seed_from_u64(seed);
        let folder = campaign.folder(name)?;
        let mut node = node(campaign, folder.clone(), needs)?;
        node.server.start().await?;
        let address = node.server.address();
        let load = Load::start(&campaign.loadgen, address, amount, rng.random(), &folder).await?;
        let witness = Witness::open(address, "witness").await?;
        let outcome = Outcome::new(name, seed);
        Ok(Self { load, witness, node, rng, faults: History::default(), outcome })
    }

    /// Makes a move, and sees that what was acknowledged is there.
    ///
    /// # Errors
    /// The run cannot go on: the server does not come back, for one.
    pub(crate) async fn round(&mut self, next: &Move) -> Result<()> {
        let (at, before) = (clock::now(), self.witness.answers);
        let effect = tokio::select! {
            biased;
            effect = next.perform(&mut self.node) => effect?,
            () = self.witness.talk() => Effect::default(),
        };
        let until = clock::now();
        let mut problems = effect.problems;
        if !self.node.server.is_running() {
            self.note(next, &problems);
            bail!("the server does not come back");
        }
        problems.extend(self.witness.verify().await?);
        let mut count = effect.count;
        if effect.refuses {
            count = self.witness.answers[1] - before[1];
            if count > 0 && self.witness.last_refusal != "unavailable" {
                problems.push(format!("sends were refused as {}", self.witness.last_refusal));
            }
        }
        if !self.witness.is_acknowledged(HEALED).await {
            problems.push("it is healed, and acknowledges nothing".to_owned());
        }
        if count > 0 {
            self.faults.fault(Fault { at, until, name: next.name().into(), effect: count });
        }
        *self.outcome.effects.entry(next.name()).or_default() += u64::from(count > 0);
        self.note(next, &problems);
        let took = Duration::from_nanos(clock::now() - at).as_secs_f64();
        let what = if count > 0 { format!("took effect ({count})") } else { "no effect".to_owned() };
        println!("{} {}: {next}: {what}, {took:.1} s", self.outcome.scenario, self.outcome.rounds);
        Ok(())
    }

    fn note(&mut self, next: &Move, problems: &[String]) {
        self.outcome.rounds += 1;
        for problem in problems {
            let problem = format!("round {}, {next}: {problem}", self.outcome.rounds);
            println!("FINDING {problem}");
            self.outcome.problems.push(problem);
        }
    }

    /// Ends a run that cannot go on, with what is known so far.
    ///
    /// # Errors
    /// [`Skipped`], if the machine is why.
    pub(crate) fn give_up(mut self, campaign: &Campaign, error: anyhow::Error) -> Result<Outcome> {
        if error.is::<Skipped>() {
            return Err(error);
        }
        campaign.keep(&self.node.folder, &self.outcome.scenario)?;
        self.outcome.failed = Some(format!("{error:#}"));
        Ok(self.outcome)
    }

    /// Whether the machine lends this.
    pub(crate) fn lends(campaign: &Campaign, needs: Needs) -> Result<()> {
        node(campaign, campaign.folder("lent")?, needs).map(drop)
    }

    /// Heals, syncs everything, and has all of it judged. Kinds of faults that never took effect make it vacuous.
    pub(crate) async fn conclude(mut self, campaign: &Campaign) -> Result<Outcome> {
        let mut history = self.witness.conclude().await?;
        history.absorb(self.faults);
        for (name, _) in self.outcome.effects.iter().filter(|(_, count)| **count == 0) {
            let at = clock::now();
            history.fault(Fault { at, until: at, name: (*name).into(), effect: 0 });
        }
        let verdict = self.load.conclude(&history).await?;
        let status = self.node.server.stop().await?;
        if !status.success() {
            self.outcome.problems.push(format!("it ends with {status} when it is asked to"));
        }
        self.outcome.judged(&verdict);
        if !self.outcome.passed() {
            campaign.keep(&self.node.folder, &self.outcome.scenario)?;
        }
        drop(self.node);
        campaign.clear(&self.outcome.scenario);
        Ok(self.outcome)
    }
}

/// A node with an empty folder, and what the machine lends; its server does not run yet.
pub(crate) fn node(campaign: &Campaign, folder: PathBuf, needs: Needs) -> Result<Node> {
    let disk = match (needs.disk, needs.cut) {
        (Some(mib), true) => Some(Disk::ext4(&folder, mib)?),
        (Some(mib), false) => Some(Disk::any(&folder, mib)?),
        (None, _) => None,
    };
    let group =
        |wanted: bool, controller| wanted.then(|| Group::new(controller, &campaign.prefix)).transpose();
    let (memory, cpu) = (group(needs.memory, Controller::Memory)?, group(needs.cpu, Controller::Cpu)?);
    let clock = needs.clock.then(|| Clock::new(&folder)).transpose()?;
    let above = disk.as_ref().map_or(folder.as_path(), Disk::path);
    let setting = Setting {
        binary: campaign.server.clone(),
        data: above.join("data"),
        log: folder.join("server.log"),
        reserve: RESERVE,
        more: if needs.impatient { &IMPATIENT } else { &[] },
        groups: memory.iter().chain(&cpu).map(Group::processes).collect(),
        environment: clock.as_ref().map(Clock::environment).unwrap_or_default(),
    };
    fs::create_dir_all(&folder).context("the scenario's folder")?;
    let server = Server::new(setting)?;
    Ok(Node { server, clock, memory, cpu, disk, folder })
}
