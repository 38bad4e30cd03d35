//! A seed is a run.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use causerie_simulation::{Honest, Options, Sabotage, run};

fn short() -> Options {
    Options { active: Duration::from_secs(8), ..Options::default() }
}

#[test]
fn a_seed_gives_the_same_trace_each_time() {
    let mut traces = Vec::new();
    for seed in 0..4 {
        let first = run(seed, &short(), Arc::new(Honest));
        let second = run(seed, &short(), Arc::new(Honest));
        assert_eq!(first.trace, second.trace, "seed {seed}");
        assert!(first.passed(), "seed {seed}\n{}", first.problems());
        assert!(!traces.contains(&first.trace), "seed {seed} does what another one does");
        traces.push(first.trace);
    }
}

/// Swallows a frame that depends on how often it was asked, over all runs: what no seed decides.
#[derive(Default)]
struct Outside(AtomicU64);

impl Sabotage for Outside {
    fn delivers(&self, _: &str) -> bool {
        self.0.fetch_add(1, Relaxed) != 1_500
    }
}

#[test]
fn what_comes_from_outside_of_the_seed_shows_in_the_trace() {
    let outside = Arc::new(Outside::default());
    let first = run(0, &short(), Arc::clone(&outside) as _);
    let second = run(0, &short(), outside);
    assert_ne!(first.trace.0, second.trace.0);
}
