//! What came of it: a table, and the same as JSON.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde_json::Value;

/// What came of one scenario.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Outcome {
    /// Which.
    pub(crate) scenario: String,
    /// What everything was drawn from.
    pub(crate) seed: u64,
    /// Faults that were tried.
    pub(crate) rounds: u64,
    /// How many of them took effect, by kind.
    pub(crate) effects: BTreeMap<&'static str, u64>,
    /// Acknowledged messages that were judged.
    pub(crate) acknowledged: u64,
    /// Broken promises that the judge found, by kind.
    pub(crate) findings: BTreeMap<String, u64>,
    /// Everything that is wrong, in words: what the rounds saw, and the judge's first examples.
    pub(crate) problems: Vec<String>,
    /// Why it proves nothing.
    pub(crate) vacuous: Vec<String>,
    /// Why it was not tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) skipped: Option<String>,
    /// Why it could not be done to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) failed: Option<String>,
    /// `passed`, `BROKEN`, `vacuous`, `failed` or `skipped`.
    pub(crate) verdict: &'static str,
    /// How long it took.
    pub(crate) seconds: f64,
}

impl Outcome {
    /// Nothing came of it yet.
    pub(crate) fn new(scenario: &str, seed: u64) -> Self {
        Self { scenario: scenario.to_owned(), seed, ..Self::default() }
    }

    /// Takes over the judge's verdict.
    pub(crate) fn judged(&mut self, verdict: &Value) {
        self.acknowledged += verdict["judged"]["acknowledged"].as_u64().unwrap_or_default();
        for (kind, examples) in verdict["findings"].as_object().into_iter().flatten() {
            *self.findings.entry(kind.clone()).or_default() += examples["count"].as_u64().unwrap_or_default();
            for example in examples["first"].as_array().into_iter().flatten() {
                let text = |name: &str| example[name].as_str().unwrap_or_default();
                self.problems.push(format!("{kind}: {}: {}", text("place"), text("what")));
            }
        }
        let reasons = verdict["vacuous"].as_array().into_iter().flatten();
        self.vacuous.extend(reasons.filter_map(|reason| reason.as_str().map(str::to_owned)));
        if verdict.is_null() {
            self.vacuous.push("nothing was judged".to_owned());
        }
    }

    /// Adds what came of another run of the same scenario.
    pub(crate) fn add(&mut self, other: Self) {
        self.rounds += other.rounds;
        self.acknowledged += other.acknowledged;
        for (name, count) in other.effects {
            *self.effects.entry(name).or_default() += count;
        }
        for (kind, count) in other.findings {
            *self.findings.entry(kind).or_default() += count;
        }
        self.problems.extend(other.problems);
        self.vacuous.extend(other.vacuous);
    }

    /// Faults that took effect.
    fn faults(&self) -> u64 {
        self.effects.values().sum()
    }

    /// Whether nothing speaks against it.
    pub(crate) fn passed(&self) -> bool {
        self.problems.is_empty()
            && self.findings.is_empty()
            && self.vacuous.is_empty()
            && self.failed.is_none()
    }

    /// Fixes the verdict.
    pub(crate) fn close(&mut self, seconds: f64) {
        self.seconds = seconds;
        self.verdict = if !self.problems.is_empty() || !self.findings.is_empty() {
            "BROKEN"
        } else if self.skipped.is_some() {
            "skipped"
        } else if self.failed.is_some() {
            "failed"
        } else if self.vacuous.is_empty() {
            "passed"
        } else {
            "vacuous"
        };
    }
}

/// What came of all.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    /// The seed of the whole.
    pub(crate) seed: u64,
    /// The scenarios.
    pub(crate) scenarios: Vec<Outcome>,
}

impl Report {
    /// The exit status: 0 all passed or were skipped, 1 a promise was broken, 2 something proves nothing, 3 something
    /// could not be done.
    pub(crate) fn status(&self) -> u8 {
        let has = |verdict: &str| self.scenarios.iter().any(|outcome| outcome.verdict == verdict);
        match (has("BROKEN"), has("failed"), has("vacuous")) {
            (true, ..) => 1,
            (false, true, _) => 3,
            (false, false, true) => 2,
            (false, false, false) => 0,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\n{:<14}{:>7}{:>9}{:>14}{:>10}{:>9}  verdict",
            "scenario", "rounds", "faults", "acknowledged", "findings", "seconds"
        )?;
        for outcome in &self.scenarios {
            let Outcome { scenario, rounds, acknowledged, problems, seconds, .. } = outcome;
            let (faults, verdict) = (outcome.faults(), outcome.verdict);
            let why = outcome.skipped.iter().chain(&outcome.failed).chain(&outcome.vacuous);
            let why = why.map(String::as_str).collect::<Vec<_>>().join("; ");
            let found = problems.len();
            write!(
                f,
                "{scenario:<14}{rounds:>7}{faults:>9}{acknowledged:>14}{found:>10}{seconds:>9.1}  {verdict}"
            )?;
            writeln!(f, "{}{why}", if why.is_empty() { "" } else { ": " })?;
        }
        for outcome in self.scenarios.iter().filter(|outcome| outcome.effects.len() > 1) {
            writeln!(f, "\nfaults of {} that took effect:", outcome.scenario)?;
            for (name, count) in &outcome.effects {
                writeln!(f, "  {count:>5}  {name}")?;
            }
        }
        for outcome in &self.scenarios {
            for problem in &outcome.problems {
                writeln!(f, "FINDING in {}: {problem}", outcome.scenario)?;
            }
        }
        writeln!(f, "\nthe same schedule again: cargo xtask faults --seed {}", self.seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closed(change: fn(&mut Outcome)) -> Outcome {
        let mut outcome = Outcome::new("kill", 1);
        change(&mut outcome);
        outcome.close(1.0);
        outcome
    }

    fn status(changes: &[fn(&mut Outcome)]) -> u8 {
        Report { seed: 1, scenarios: changes.iter().map(|change| closed(*change)).collect() }.status()
    }

    #[test]
    fn a_finding_outweighs_everything_and_a_skipped_scenario_nothing() {
        let passed: fn(&mut Outcome) = |_| ();
        let skipped: fn(&mut Outcome) = |outcome| outcome.skipped = Some("no".into());
        let vacuous: fn(&mut Outcome) = |outcome| outcome.vacuous.push("too little".into());
        let failed: fn(&mut Outcome) = |outcome| outcome.failed = Some("no server".into());
        let broken: fn(&mut Outcome) = |outcome| outcome.problems.push("lost".into());
        assert_eq!(status(&[passed, skipped]), 0);
        assert_eq!(status(&[passed, vacuous, skipped]), 2);
        assert_eq!(status(&[vacuous, failed]), 3);
        assert_eq!(status(&[failed, broken, vacuous]), 1);
    }

    #[test]
    fn the_verdict_of_the_judge_is_taken_over_and_none_proves_nothing() {
        let mut outcome = Outcome::new("kill", 1);
        outcome.judged(&serde_json::json!({
            "judged": { "acknowledged": 7 }, "vacuous": [],
            "findings": { "lost": { "count": 3, "first": [{ "place": "c at 4", "what": "gone" }] } },
        }));
        assert_eq!((outcome.acknowledged, outcome.findings["lost"], outcome.passed()), (7, 3, false));
        assert_eq!(outcome.problems, ["lost: c at 4: gone"]);
        let mut nothing = Outcome::new("kill", 1);
        nothing.judged(&Value::Null);
        assert!(!nothing.passed());
    }
}
