use std::time::Duration;

use super::*;
use crate::scratch::Scratch;

const LIMIT: Duration = Duration::from_secs(20);

fn shell(folder: &Path, lifetime: Lifetime, script: &str) -> Process {
    let command = ["sh", "-c", script].map(OsString::from).to_vec();
    let recipe = Recipe { command, data: folder.join("data"), ..Recipe::default() };
    Process::new("shell", folder.join("run"), lifetime, recipe)
}

/// Ends in order after a signal, with what it has started, and never by itself.
const PATIENT: &str = "trap 'kill $!; exit 0' TERM; tail -f /dev/null & echo up; wait";
const STUCK: &str = "exec tail -f /dev/null";

#[test]
fn it_is_found_again_and_taken_down_by_another_that_knows_its_folder() {
    let scratch = Scratch::new("process-found").unwrap();
    let mut first = shell(scratch.path(), Lifetime::Detached, STUCK);
    assert!(first.running().is_none());
    assert_eq!(first.start().unwrap(), Started::Now);
    let identity = first.running().unwrap();

    let mut second = shell(scratch.path(), Lifetime::Detached, STUCK);
    assert_eq!(second.running(), Some(identity.clone()));
    assert_eq!(second.start().unwrap(), Started::Already);
    assert!(second.is_current());
    let other = shell(scratch.path(), Lifetime::Detached, "exec cat");
    assert!(other.running().is_some() && !other.is_current(), "it runs another command");

    second.discard().unwrap();
    assert!(!identity.is_alive());
    assert!(!second.data().exists());
    assert!(matches!(second.kill(), Err(ServiceError::NotRunning { .. })));
}

#[test]
fn a_process_file_that_has_outlived_its_process_is_no_process() {
    let scratch = Scratch::new("process-stale").unwrap();
    let mut process = shell(scratch.path(), Lifetime::Tied, STUCK);
    process.start().unwrap();
    let file = fs::read_to_string(process.file()).unwrap();
    process.kill().unwrap();

    // Our own id, as if it had been given to us since, with the start time of the one that had it before.
    let words: Vec<&str> = file.split_whitespace().collect();
    fs::write(process.file(), format!("{} {} {}\nx\n", std::process::id(), words[1], words[2])).unwrap();
    assert!(process.running().is_none());
    assert!(matches!(process.kill(), Err(ServiceError::NotRunning { .. })), "we would be dead");
    assert_eq!(process.start().unwrap(), Started::Now);
}

#[test]
fn frozen_means_that_it_stands_still_and_killed_that_it_is_gone() {
    let scratch = Scratch::new("process-frozen").unwrap();
    let mut process = shell(scratch.path(), Lifetime::Tied, STUCK);
    process.start().unwrap();
    let identity = process.running().unwrap();
    process.pause().unwrap();
    assert!(identity.is_stopped());
    assert_eq!(process.running(), Some(identity.clone()), "frozen is not gone");
    process.resume().unwrap();
    assert!(!identity.is_stopped());
    process.pause().unwrap();
    process.kill().unwrap();
    assert!(!identity.is_alive());
}

#[test]
fn stopping_is_asked_for_and_waited_for() {
    let scratch = Scratch::new("process-stop").unwrap();
    let mut process = shell(scratch.path(), Lifetime::Tied, PATIENT);
    process.start().unwrap();
    wait::until(LIMIT, || process.log_tail().contains("up").then_some(()).ok_or("silent")).unwrap();
    process.stop(LIMIT).unwrap();
    assert!(process.running().is_none());

    let deaf = Scratch::new("process-deaf").unwrap();
    let mut deaf = shell(deaf.path(), Lifetime::Tied, "trap '' TERM; exec tail -f /dev/null");
    deaf.start().unwrap();
    // Until the trap is set it would end.
    let identity = deaf.running().unwrap();
    let is_tail = || fs::read_to_string(format!("/proc/{}/comm", identity.id())).unwrap().trim() == "tail";
    wait::until(LIMIT, || is_tail().then_some(()).ok_or("still the shell")).unwrap();
    assert!(matches!(deaf.stop(Duration::from_millis(1)), Err(ServiceError::NoEffect { .. })));
    deaf.kill().unwrap();
}

#[test]
fn a_dropped_one_is_gone_when_it_is_tied() {
    let scratch = Scratch::new("process-tied").unwrap();
    let mut process = shell(scratch.path(), Lifetime::Tied, STUCK);
    process.start().unwrap();
    let identity = process.running().unwrap();
    drop(process);
    assert!(!identity.is_alive());
}

#[test]
fn one_that_ends_says_why_and_its_log_begins_with_its_data() {
    let scratch = Scratch::new("process-ends").unwrap();
    let mut process = shell(scratch.path(), Lifetime::Tied, "echo no such luck; exit 3");
    for expected in ["no such luck", "no such luck\nno such luck"] {
        process.start().unwrap();
        let identity = Identity::of(process.child.as_ref().unwrap().0.id()).unwrap();
        assert!(identity.wait_for_end(LIMIT).unwrap());
        let error = process.expect_running().unwrap_err();
        assert!(process.has_died());
        assert!(matches!(&error, ServiceError::Ended { tail, .. } if tail == expected), "{error}");
    }
    process.discard().unwrap();
    assert!(!process.has_died(), "what is left of it is cleaned away");
    process.start().unwrap();
    process.reap();
    assert_eq!(process.log_tail(), "no such luck");
}

#[test]
fn data_is_formatted_once_and_what_half_succeeds_leaves_nothing() {
    let scratch = Scratch::new("process-format").unwrap();
    let mut process = shell(scratch.path(), Lifetime::Tied, STUCK);
    let marks = scratch.path().join("marks");
    let mark = |status: u8| {
        ["sh", "-c", &format!("echo x >> {}; exit {status}", marks.display())].map(OsString::from)
    };
    process.recipe.format = Some(mark(1).to_vec());
    assert!(process.start().is_err());
    assert!(!process.data().exists());
    process.recipe.format = Some(mark(0).to_vec());
    process.start().unwrap();
    process.kill().unwrap();
    process.start().unwrap();
    assert_eq!(fs::read_to_string(marks).unwrap(), "x\nx\n");
}
