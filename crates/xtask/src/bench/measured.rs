//! What came of one scenario: samples by what was measured, and what went wrong.

use anyhow::Result;
use serde_json::{Map, Value, json};

use super::numbers::median;
use super::sample::Sample;

/// All measurements of a scenario.
#[derive(Debug)]
pub(super) struct Measured {
    /// The scenario.
    pub(super) name: String,
    /// Samples in the order of runs, by `server`, `relay`, `durable`, or by the size that grows.
    series: Vec<(String, Vec<Sample>)>,
    /// What went wrong; the other scenarios go on.
    pub(super) troubles: Vec<String>,
}

impl Measured {
    /// Nothing yet.
    pub(super) fn new(name: &str) -> Self {
        println!("{name}");
        Self { name: name.to_owned(), series: Vec::new(), troubles: Vec::new() }
    }

    /// Notes a measurement, or why there is none.
    pub(super) fn note(&mut self, series: &str, result: Result<Sample>) {
        let sample = match result {
            Ok(sample) => sample,
            Err(error) => return self.fail(&format!("{series}: {error:#}")),
        };
        println!("  {series:<9} {}", sample.line());
        if !sample.is_sound() {
            self.troubles.push(format!("{series}: {}", sample.0["verdict"]));
        }
        match self.series.iter_mut().find(|(name, _)| name == series) {
            Some((_, samples)) => samples.push(sample),
            None => self.series.push((series.to_owned(), vec![sample])),
        }
    }

    /// Notes that something went wrong.
    pub(super) fn fail(&mut self, what: &str) {
        println!("  FAILED    {what}");
        self.troubles.push(what.to_owned());
    }

    /// The names of what was measured.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.series.iter().map(|(name, _)| name.as_str())
    }

    /// A figure in each run.
    pub(super) fn figures(&self, series: &str, pointer: &str) -> Vec<f64> {
        let samples = self.series.iter().find(|(name, _)| name == series).map(|(_, samples)| samples);
        samples.into_iter().flatten().filter_map(|sample| sample.get(pointer)).collect()
    }

    /// The same, the median of the runs.
    pub(super) fn figure(&self, series: &str, pointer: &str) -> Option<f64> {
        let figures = self.figures(series, pointer);
        (!figures.is_empty()).then(|| median(&figures))
    }

    /// The verdicts of all runs in a few words; none if nothing was judged.
    pub(super) fn verdict(&self, series: &str) -> Option<&'static str> {
        let samples = self.series.iter().find(|(name, _)| name == series).map(|(_, samples)| samples)?;
        if samples.iter().any(|sample| !sample.is_sound()) {
            return Some("FAILED");
        }
        samples.iter().any(|sample| sample.0["verdict"] != "not judged").then_some("passed")
    }

    /// For the report.
    pub(super) fn to_json(&self) -> Value {
        let samples = |samples: &[Sample]| samples.iter().map(|sample| sample.0.clone()).collect::<Vec<_>>();
        let series: Map<String, Value> =
            self.series.iter().map(|(name, all)| (name.clone(), samples(all).into())).collect();
        json!({ "samples": series, "troubles": self.troubles })
    }

    /// From a report.
    pub(super) fn from_json(name: &str, value: &Value) -> Self {
        let texts = value["troubles"].as_array().into_iter().flatten();
        let series = value["samples"].as_object().into_iter().flatten();
        let samples = |all: &Value| all.as_array().into_iter().flatten().cloned().map(Sample).collect();
        Self {
            name: name.to_owned(),
            series: series.map(|(name, all)| (name.clone(), samples(all))).collect(),
            troubles: texts.filter_map(|text| Some(text.as_str()?.to_owned())).collect(),
        }
    }
}
