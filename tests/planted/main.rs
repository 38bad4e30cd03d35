//! The judge is judged on the server itself: each planted bug is found, and the same run of a sound server passes.
//!
//! `causerie-planted` is the server built with the feature `planted-bugs`; a variable of its environment names the one
//! bug that it has. A [`course`] is a load, what is done to the server meanwhile, and how the server is set. For each
//! bug there is a test that runs its course and wants at least the finding that names what is wrong; for each course
//! there is a test that wants the sound server to pass it.
//!
//! Run by `cargo xtask test --only planted-bugs`, which builds that server. Nothing is skipped: what is not there fails.

mod course;
mod program;
mod server;

use std::collections::BTreeSet;

use causerie_checker::Kind;

use course::Course;
use program::{Program, Subject};

/// Tests by the name of a bug: its course, and the findings of which at least one must be made. A message that is lost
/// leaves its place to another, so that a loss shows as two contents of one position unless it was the last.
macro_rules! found {
    ($($test:ident: $bug:literal, $course:ident, [$($kind:ident),+];)+) => {
        $(
            #[test]
            fn $test() {
                must_find($bug, Course::$course, &[$(Kind::$kind),+]);
            }
        )+

        /// Those that clients can find out.
        const FOUND: &[&str] = &[$($bug),+];
    };
}

found! {
    an_early_acknowledgement_is_found: "ack-before-sync", Kills, [Lost, Divergent];
    an_early_delivery_is_found: "publish-before-commit", Kills, [Lost, Divergent];
    forgotten_keys_are_found: "dedupe-in-memory", Kills, [Duplicate];
    a_page_that_skips_is_found: "page-skips", Calm, [Gap];
    a_page_that_repeats_is_found: "page-repeats", Calm, [Gap];
    a_silent_drop_is_found: "drop-on-full-queue", FullQueues, [Gap];
    a_wrong_refusal_is_found: "definite-when-unknown", SlowDisk, [Phantom];
    a_missing_member_check_is_found: "no-member-check", Calm, [Leak];
    a_stale_head_is_found: "stale-sync", Calm, [Stale];
    overtaking_is_found: "reorder-live", FullQueues, [Gap];
    reversed_sends_are_found: "sends-reversed", Calm, [SessionOrder];
    a_forgotten_device_is_found: "one-device-only", Calm, [Undelivered];
    a_head_ahead_of_the_log_is_found: "head-ahead", Calm, [BehindRead];
    a_cursor_that_goes_back_is_found: "cursor-back", Calm, [ReceiptBack];
    a_missing_event_is_found: "event-skipped", Calm, [EventMissing];
}

fn must_find(bug: &'static str, course: Course, kinds: &[Kind]) {
    let verdict = course.run(Subject::Planted(bug));
    println!("{bug}: {}", verdict.summary());
    let found = kinds.iter().any(|kind| verdict.findings.contains_key(kind));
    assert!(found, "{bug} was not found as {kinds:?}:\n{verdict}");
}

/// The bug that only a power cut shows.
const NO_SYNC: &str = "no-sync";

/// `causerie-faults` cuts the power of the disk that the server is on. A machine that does not let it says so here, and
/// in the stage of the faults, in which a sound server passes the same.
#[test]
fn a_missing_sync_is_found() {
    let out = tempfile::tempdir().expect("a folder");
    let mut command = Program::Faults.command();
    command.args(["--only", "power-cut", "--rounds", "2"]).arg("--out").arg(out.path());
    command.arg("--server").arg(Program::Planted.path()).arg("--loadgen").arg(Program::Load.path());
    let output = command.env("CAUSERIE_PLANTED_BUG", NO_SYNC).output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{NO_SYNC}: {said}");
    if !said.contains("power-cut: skipped") {
        assert_eq!(output.status.code(), Some(1), "{said}{}", String::from_utf8_lossy(&output.stderr));
        assert!(said.contains("lost") || said.contains("divergent"), "{said}");
    }
}

fn must_pass(course: Course) {
    let verdict = course.run(Subject::Sound);
    println!("sound server, {course:?}: {}", verdict.summary());
    assert!(verdict.passed, "{verdict}");
}

#[test]
fn a_sound_server_passes_when_it_is_calm() {
    must_pass(Course::Calm);
}

#[test]
fn a_sound_server_passes_with_full_queues() {
    must_pass(Course::FullQueues);
}

#[test]
fn a_sound_server_passes_when_it_is_killed() {
    must_pass(Course::Kills);
}

#[test]
fn a_sound_server_passes_with_a_slow_disk() {
    must_pass(Course::SlowDisk);
}

/// The server of tests says which bugs it can have when it is not told which. The server that people run has never heard
/// of them.
#[test]
fn every_bug_has_its_test_and_the_sound_server_has_none() {
    let (code, said) = Program::Planted.says_without_a_bug();
    assert_eq!(code, Some(64), "{said}");
    let (_, names) = said.split_once(": none, ").expect("it lists its bugs");
    let names: BTreeSet<&str> = names.trim().split(", ").collect();
    assert_eq!(names, FOUND.iter().copied().chain([NO_SYNC]).collect());
    let (planted, sound) = (Program::Planted.bytes(), Program::Sound.bytes());
    let holds = |bytes: &[u8], text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    for text in ["CAUSERIE_PLANTED_BUG", "dedupe-in-memory"] {
        assert!(holds(&planted, text), "{text} is looked for in vain in any program");
        assert!(!holds(&sound, text), "the server has bugs: {text}");
    }
}
