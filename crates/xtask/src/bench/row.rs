//! One figure against its target.

use serde_json::{Value, json};

use super::measured::Measured;
use super::numbers::{median, rounded, shown};

/// Which side of a target is the good one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Good {
    /// More is better.
    AtLeast,
    /// Less is better.
    AtMost,
}

/// A figure with its target.
#[derive(Debug)]
pub(super) struct Row {
    /// The scenario, for people.
    pub(super) scenario: String,
    /// What was measured, with its unit.
    pub(super) what: String,
    /// The server's figure, median of the runs; none where only the comparison means something.
    pub(super) ours: Option<f64>,
    /// What it is compared with, and that figure's median.
    pub(super) floor: Option<(&'static str, f64)>,
    /// The value that the target is about, in each run: the ratio to the floor, or the figure itself.
    pub(super) values: Vec<f64>,
    good: Good,
    /// What must be reached; none where there is only an aim.
    must: Option<f64>,
    aim: f64,
}

impl Row {
    /// The median of the runs.
    pub(super) fn value(&self) -> Option<f64> {
        (!self.values.is_empty()).then(|| median(&self.values))
    }

    /// The lowest and the highest run.
    pub(super) fn spread(&self) -> (f64, f64) {
        let fold = |start, pick: fn(f64, f64) -> f64| self.values.iter().copied().fold(start, pick);
        (fold(f64::INFINITY, f64::min), fold(f64::NEG_INFINITY, f64::max))
    }

    /// `aim`, `must`, `missed` or `not measured`.
    pub(super) fn met(&self) -> &'static str {
        let Some(value) = self.value() else { return "not measured" };
        let reaches = |target: f64| match self.good {
            Good::AtLeast => value >= target,
            Good::AtMost => value <= target,
        };
        match (reaches(self.aim), self.must) {
            (true, _) => "aim",
            (false, Some(must)) if reaches(must) => "must",
            _ => "missed",
        }
    }

    /// A target for people.
    pub(super) fn targets(&self) -> [String; 2] {
        let sign = if self.good == Good::AtLeast { "≥" } else { "≤" };
        let text = |target: f64| format!("{sign} {}", shown(target));
        [self.must.map_or_else(|| "–".to_owned(), text), text(self.aim)]
    }

    /// For the report.
    pub(super) fn to_json(&self) -> Value {
        let digits = |value: f64| rounded(value, 3);
        json!({
            "scenario": self.scenario,
            "what": self.what,
            "server": self.ours.map(digits),
            "floor": self.floor.map(|(name, figure)| json!({ "name": name, "figure": digits(figure) })),
            "values": self.values.iter().copied().map(digits).collect::<Vec<_>>(),
            "median": self.value().map(digits),
            "good": if self.good == Good::AtLeast { "at least" } else { "at most" },
            "must": self.must,
            "aim": self.aim,
            "met": self.met(),
        })
    }
}

/// Run by run the server's figure divided by that of the floor beside it.
pub(super) fn to_floor(
    measured: &Measured,
    scenario: &str,
    what: &str,
    pointer: &str,
    floor: &'static str,
    (good, must, aim): (Good, f64, f64),
) -> Row {
    let (ours, theirs) = (measured.figures("server", pointer), measured.figures(floor, pointer));
    let whole = ours.len() == theirs.len();
    let ratios = ours.iter().zip(&theirs).filter(|(_, floor)| whole && **floor > 0.0);
    Row {
        scenario: scenario.to_owned(),
        what: what.to_owned(),
        ours: measured.figure("server", pointer),
        floor: measured
            .figure(floor, pointer)
            .map(|figure| (if floor == "relay" { "F1" } else { "F2" }, figure)),
        values: ratios.map(|(ours, floor)| ours / floor).collect(),
        good,
        must: Some(must),
        aim,
    }
}

/// A figure that is itself what the target is about.
pub(super) fn absolute(
    scenario: &str,
    what: &str,
    values: Vec<f64>,
    (good, must, aim): (Good, Option<f64>, f64),
) -> Row {
    let ours = (!values.is_empty()).then(|| median(&values));
    Row { scenario: scenario.to_owned(), what: what.to_owned(), ours, floor: None, values, good, must, aim }
}
