//! Worlds with one thing broken in them: the judge, or the simulation itself, finds each within a few seeds.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use causerie_checker::Kind;
use causerie_simulation::{Options, Report, Sabotage, run};
use causerie_store::Store;

use crate::broken_store::{BrokenStore, Bug};

/// Seeds within which a bug has to be found.
const FEW: u64 = 12;

/// Runs seeds until one of them shows what was planted.
fn find(sabotage: impl Sabotage, shows: impl Fn(&Report) -> bool) {
    let sabotage = Arc::new(sabotage);
    let options = Options { active: Duration::from_secs(20), ..Options::default() };
    let mut seen = String::new();
    for seed in 0..FEW {
        let report = run(seed, &options, Arc::clone(&sabotage) as _);
        if shows(&report) {
            return;
        }
        seen.push_str(&report.problems());
    }
    panic!("{FEW} seeds did not show it, but this:\n{seen}");
}

fn finds(kind: Kind) -> impl Fn(&Report) -> bool {
    move |report| report.verdict.findings.contains_key(&kind)
}

fn says(promise: &'static str) -> impl Fn(&Report) -> bool {
    move |report| report.failures.iter().any(|failure| failure.contains(promise))
}

/// A store with a bug.
struct Stored(Bug);

impl Sabotage for Stored {
    fn store(&self, store: Arc<dyn Store>) -> Arc<dyn Store> {
        Arc::new(BrokenStore::new(store, self.0))
    }
}

#[test]
fn a_store_that_commits_before_the_sync_loses() {
    let lost = |report: &Report| finds(Kind::Lost)(report) || finds(Kind::EventMissing)(report);
    find(Stored(Bug::CommitsEarly), lost);
}

#[test]
fn a_store_that_forgets_keys_doubles() {
    find(Stored(Bug::ForgetsKeys), finds(Kind::Duplicate));
}

#[test]
fn a_store_that_refuses_what_it_may_have_written_is_written_over() {
    find(Stored(Bug::RefusesWhatIsUnknown), says("written over"));
}

#[test]
fn a_store_whose_pages_have_holes_is_reported_and_not_served() {
    find(Stored(Bug::Holes), says("entries are missing"));
}

#[test]
fn a_client_that_is_refused_what_is_its_right_does_not_settle() {
    find(Stored(Bug::NoSharedConversations), says("share a conversation"));
}

#[test]
fn a_store_that_leaves_out_an_event_is_found() {
    find(Stored(Bug::LosesEvents), says("P13"));
}

/// A link that swallows every so many frames of a kind.
struct Swallows {
    begin: &'static str,
    also: &'static str,
    every: u64,
    count: AtomicU64,
}

impl Swallows {
    fn new(begin: &'static str, also: &'static str, every: u64) -> Self {
        Self { begin, also, every, count: AtomicU64::new(0) }
    }
}

impl Sabotage for Swallows {
    fn delivers(&self, frame: &str) -> bool {
        let chosen = frame.starts_with(self.begin) && frame.contains(self.also);
        !chosen || !(self.count.fetch_add(1, Relaxed) + 1).is_multiple_of(self.every)
    }
}

#[test]
fn a_link_that_swallows_a_delivery_leaves_a_gap() {
    find(Swallows::new(r#"{"type":"message""#, "", 40), finds(Kind::Gap));
}

#[test]
fn a_link_that_swallows_an_answer_leaves_a_send_without_an_end() {
    find(Swallows::new(r#"{"type":"sent""#, "", 40), says("P2"));
}

#[test]
fn a_user_whose_absence_is_not_told_is_believed_to_be_there() {
    find(Swallows::new(r#"{"type":"presence""#, r#""online":false"#, 1), says("P12"));
}
