//! The scenarios that run alike against the server and a floor, in turn, each time in a new process.

use anyhow::Result;

use super::measured::Measured;
use super::options::Options;
use super::place::Place;
use super::sample::Sample;
use super::target::{Kind, Target};

/// One of them.
pub(super) struct Plan {
    name: String,
    arguments: Vec<String>,
    against: &'static [Kind],
    runs: usize,
}

const BOTH: &[Kind] = &[Kind::Server, Kind::Relay, Kind::Durable];
const RELAY: &[Kind] = &[Kind::Server, Kind::Relay];
const DURABLE: &[Kind] = &[Kind::Server, Kind::Durable];
const ALONE: &[Kind] = &[Kind::Server];

/// Loopback addresses to connect from where connections are many or short: one has only 28,000 ports.
const SOURCES: &str = "8";

/// All that are wanted, in order.
pub(super) fn plans(options: &Options) -> Vec<Plan> {
    let mut plans = Vec::new();
    let mut plan = |name: String, against, seconds: f64, arguments: &[&str]| {
        let mut all: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        all.extend([
            "--seconds".into(),
            seconds.to_string(),
            "--warmup".into(),
            options.warmup().to_string(),
        ]);
        plans.push(Plan { name, arguments: all, against, runs: options.runs });
    };
    for window in ["1", "16"] {
        let arguments = ["pairs", "--connections", "400", "--window", window, "--judge-every", "20"];
        plan(format!("pairs-{window}"), BOTH, options.seconds(6.0, 2.0), &arguments);
    }
    for rate in ["5000", "20000"] {
        let arguments = ["open", "--connections", "400", "--rate", rate, "--judge-every", "20"];
        plan(format!("open-{rate}"), DURABLE, options.seconds(60.0, 5.0), &arguments);
    }
    for (members, window) in [("100", "1"), ("100", "16"), ("1000", "1"), ("1000", "16")] {
        // A slow round is judged too: eight members record it.
        let arguments = ["group", "--members", members, "--window", window, "--acknowledged", "10"];
        plan(format!("group-{members}-{window}"), RELAY, options.seconds(5.0, 2.0), &arguments);
    }
    let arguments = ["connect", "--at-once", "64", "--connections", "1000", "--sources", SOURCES];
    plan("connect".into(), RELAY, options.seconds(6.0, 2.0), &arguments);
    // Longer than the client's heartbeat of 20 s, so that each has sent one.
    let arguments = ["idle", "--connections", "10000", "--sources", SOURCES];
    plan("idle".into(), ALONE, options.seconds(25.0, 3.0), &arguments);
    plans.retain(|plan| options.wants(&plan.name));
    plans.iter_mut().filter(|plan| plan.name == "idle").for_each(|plan| plan.runs = 1);
    plans
}

impl Plan {
    /// Measures. A run that fails is noted, and the next one goes on.
    pub(super) fn measure(&self, place: &Place) -> Measured {
        let mut measured = Measured::new(&self.name);
        for _ in 0..self.runs {
            for kind in self.against {
                measured.note(kind.name(), self.once(*kind, place));
            }
        }
        measured
    }

    fn once(&self, kind: Kind, place: &Place) -> Result<Sample> {
        let target = Target::start(kind, place)?;
        let sample = Sample::take(&target, place, &self.arguments)?;
        target.stop()?;
        Ok(sample)
    }
}
