//! Many runs: what all of them together did.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::disk::Torn;
use crate::fault::Kind;
use crate::sabotage::Honest;
use crate::world::{Options, Report, run};

/// One seed of so many may be vacuous.
const VACUOUS: u64 = 20;

/// Seeds to run.
#[derive(Clone, Debug)]
pub struct Campaign {
    /// The first seed.
    pub first: u64,
    /// How many.
    pub seeds: u64,
    /// For each run.
    pub options: Options,
}

/// What came of all runs.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// Runs.
    pub seeds: u64,
    /// Seeds in which a promise was broken.
    pub failed: Vec<u64>,
    /// Seeds in which too little happened to prove anything.
    pub vacuous: Vec<u64>,
    /// Time simulated.
    pub simulated: Duration,
    /// Attempts to send.
    pub attempts: u64,
    /// Of them acknowledged.
    pub acknowledged: u64,
    /// Of them refused.
    pub refused: u64,
    /// Of them without a known outcome.
    pub unknown: u64,
    /// Faults that did something.
    pub faults: u64,
    /// Faults that did nothing.
    pub idle: u64,
    /// In how many runs each kind of fault did something, and how much.
    pub effects: BTreeMap<Kind, (u64, u64)>,
    /// What crashes did to writes that were under way.
    pub torn: Torn,
    /// Errors that clients were told.
    pub errors: BTreeMap<&'static str, u64>,
    /// Times that a client was told to sync.
    pub heads: u64,
    /// The longest that a send took to end.
    pub longest_send: Duration,
}

impl Campaign {
    /// Runs all seeds; `seen` sees each report as it comes, and says whether to go on.
    pub fn run(&self, mut seen: impl FnMut(&Report) -> bool) -> Totals {
        let mut totals = Totals::default();
        for seed in self.first..self.first + self.seeds {
            let report = run(seed, &self.options, Arc::new(Honest));
            totals.add(&report);
            if !seen(&report) {
                break;
            }
        }
        totals
    }
}

impl Totals {
    fn add(&mut self, report: &Report) {
        self.seeds += 1;
        if !report.passed() {
            self.failed.push(report.seed);
        } else if report.is_vacuous() {
            self.vacuous.push(report.seed);
        }
        let judged = &report.verdict.judged;
        self.simulated += report.simulated;
        self.attempts += judged.attempts;
        self.acknowledged += judged.acknowledged;
        self.refused += judged.refused;
        self.unknown += judged.unknown;
        self.faults += judged.faults;
        self.idle += report.idle;
        for (kind, did) in &report.effects {
            let (runs, all) = self.effects.entry(*kind).or_default();
            (*runs, *all) = (*runs + 1, *all + did);
        }
        self.torn.survived += report.torn.survived;
        self.torn.lost += report.torn.lost;
        for (code, count) in &report.errors {
            *self.errors.entry(code).or_default() += count;
        }
        self.heads += report.heads;
        self.longest_send = self.longest_send.max(report.longest_send);
    }

    fn told(&self, code: &str) -> u64 {
        self.errors.get(code).copied().unwrap_or_default()
    }

    /// What no run exercised, so that all together prove less than they seem to.
    pub fn missing(&self) -> Vec<&'static str> {
        let mut missing: Vec<_> = Kind::ALL
            .iter()
            .filter(|kind| !self.effects.contains_key(kind))
            .map(|kind| kind.name())
            .collect();
        let others = [
            ("a write that a crash cut off and that was lost", self.torn.lost),
            ("a write that a crash cut off and that survived", self.torn.survived),
            ("a refused send", self.refused),
            ("a send without a known outcome", self.unknown),
            ("a send that the server did not know the outcome of", self.told("unknown_outcome")),
            ("a send that the server had no time for", self.told("unavailable")),
            ("a `head` in the place of live messages", self.heads),
        ];
        missing.extend(others.iter().filter(|(_, count)| *count == 0).map(|(what, _)| *what));
        if self.vacuous.len() as u64 * VACUOUS > self.seeds {
            missing.push("enough in most seeds");
        }
        missing
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hours = self.simulated.as_secs_f64() / 3600.0;
        let vacuous = self.vacuous.len();
        writeln!(f, "{} seeds, {vacuous} of them vacuous, {hours:.2} hours simulated", self.seeds)?;
        writeln!(
            f,
            "{} attempts: {} acknowledged, {} refused, {} unknown; the longest took {:.1} s",
            self.attempts,
            self.acknowledged,
            self.refused,
            self.unknown,
            self.longest_send.as_secs_f64()
        )?;
        writeln!(f, "{} faults that did something, {} that did nothing", self.faults, self.idle)?;
        for (kind, (runs, did)) in &self.effects {
            writeln!(f, "  {:<26} in {runs:>4} seeds, effect {did}", kind.name())?;
        }
        writeln!(
            f,
            "writes cut off by a crash: {} lost, {} survived; {} heads",
            self.torn.lost, self.torn.survived, self.heads
        )?;
        let errors: Vec<_> = self.errors.iter().map(|(code, count)| format!("{count} {code}")).collect();
        writeln!(f, "errors told: {}", errors.join(", "))
    }
}
