//! What becomes of servers whose test is killed.
//!
//! Another process of this program starts a Redis and is killed without a warning.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use causerie_services::{Ports, Redis, RedisPlan, Scratch, Service as _, Standing, may_start};

const ROLE: &str = "CAUSERIE_TEST_TO_BE_KILLED";
const LIMIT: Duration = Duration::from_secs(30);

#[test]
fn a_server_ends_when_its_test_is_killed_and_its_folder_is_swept() {
    if !may_start(Standing::Redis) {
        return;
    }
    let mut test = Command::new(std::env::current_exe().unwrap());
    test.args(["--exact", "left_behind::it_waits_to_be_killed", "--nocapture"]);
    let mut test = test.env(ROLE, "1").stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(test.stdout.take().unwrap()).lines();
    let told = lines.find_map(|line| line.unwrap().split_once("server is ").map(|(_, told)| told.to_owned()));
    let told = told.unwrap();
    let (identity, folder) = told.split_once(" in ").unwrap();
    let identity: causerie_services::Identity = identity.parse().unwrap();
    let folder = PathBuf::from(folder);
    assert!(identity.is_alive() && folder.exists());

    test.kill().unwrap();
    test.wait().unwrap();
    assert!(identity.wait_for_end(LIMIT).unwrap(), "the server has outlived its test");
    let _next = Scratch::new("next").unwrap();
    assert!(!folder.exists(), "the folder of a dead test is left");
}

/// No test but what the one above kills: starts a server, tells which, and waits for the end.
#[test]
fn it_waits_to_be_killed() {
    if std::env::var_os(ROLE).is_none() {
        return;
    }
    let folder = Scratch::new("to-be-killed").unwrap();
    let mut ports = Ports::take().unwrap();
    let mut redis = Redis::start_in(folder.path(), RedisPlan::new(ports.another())).unwrap();
    redis.wait_ready(LIMIT).unwrap();
    let identity = redis.server().running().unwrap();
    println!("server is {identity} in {}", folder.path().display());
    loop {
        std::thread::park();
    }
}
