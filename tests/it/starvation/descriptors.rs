//! No file may be opened any more.

use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, prlimit};
use serde_json::Value;

use super::light::Light;
use super::usage::{files, processor};
use crate::support::frames::{direct, send, seqs};
use crate::support::raw::Raw;
use crate::support::server::{Folder, Server};
use crate::support::socket::Socket;

#[tokio::test]
async fn clients_cannot_take_the_files_that_the_store_needs() {
    let settings = ["timeouts.hello_s=60", "store.memtable_bytes=1048576"];
    let server = Server::start_under(&["prlimit", "--nofile=256:256"], Folder::new(), &settings).await;
    server.says("so few files may be open", 1).await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let mut bob = Socket::sign_in(&server, "bob", "phone").await;
    let conversation = alice.create(direct("bob")).await;
    let mut taken = Vec::new();
    let mut refused = 0;
    for number in 0..400 {
        match Light::open(server.addresses().public, number).await {
            Ok(light) => taken.push(light),
            Err(_) => refused += 1,
        }
    }
    assert!((100..192).contains(&taken.len()) && refused > 200, "{} were let in, {refused} not", taken.len());
    assert!(server.metric("causerie_door_refusals_total{limit=\"max_connections\"}").await > 200.0);
    assert_eq!(
        server.metric("causerie_accept_failures_total").await,
        0.0,
        "it never came to the limit itself"
    );

    // Enough for several tables: each is a file, and a compaction needs some more.
    let words = "x".repeat(16_000);
    let frames = || (0..200).map(|_| send(&conversation, &words)).collect();
    for round in 1..=3 {
        let answers = alice.pipeline(frames(), 8).await;
        let expected: Vec<u64> = (200 * (round - 1) + 1..=200 * round).collect();
        assert_eq!(seqs(&answers), expected, "every message is stored");
        bob.message(&conversation, 200 * round).await;
    }
    assert!(files(server.id()) <= 256);
    drop(taken);
    assert_eq!(bob.sync_all(&conversation, 0, 200).await.len(), 600);
    Socket::sign_in(&server, "carol", "phone").await;
    assert_eq!(server.times_said("panicked"), 0);
}

/// The system has no file left for the whole process, for whatever reason: those who are there do not notice.
#[tokio::test]
async fn when_nothing_can_be_accepted_nobody_spins_and_everybody_stays() {
    let server = Server::start().await;
    let mut alice = Socket::sign_in(&server, "alice", "phone").await;
    let mut bob = Socket::sign_in(&server, "bob", "phone").await;
    let conversation = alice.create(direct("bob")).await;
    let id = server.id();
    let before = limit_files(&server, Rlimit { current: Some(files(id) as u64), ..limit(&server) });
    // They connect, since the kernel does that, and nobody takes them.
    let mut waiting = Vec::new();
    for _ in 0..50 {
        waiting.push(Raw::connect(server.addresses().public).await);
    }
    server.says("a connection could not be accepted", 1).await;
    let (began, used) = (Instant::now(), processor(id));
    server.says("a connection could not be accepted", 11).await;
    let (lasted, used) = (began.elapsed(), processor(id) - used);
    assert!(
        lasted >= Duration::from_millis(900),
        "ten attempts in {lasted:?}: it does not wait between them"
    );
    assert!(used < lasted / 2, "{used:?} of processor time in {lasted:?}: it spins");
    let answers =
        alice.pipeline((0..100).map(|_| send(&conversation, "Hello")).collect::<Vec<Value>>(), 10).await;
    assert_eq!(seqs(&answers), (1..=100).collect::<Vec<u64>>());
    bob.message(&conversation, 100).await;

    limit_files(&server, before);
    for mut raw in waiting {
        raw.write(b"GET /v1/info HTTP/1.0\r\n\r\n").await;
        assert_eq!(raw.status().await, 200, "who waited is served");
    }
    server.metric_reaches("causerie_accept_failures_total", 11.0).await;
}

fn limit(server: &Server) -> Rlimit {
    // Asked by setting what a process may have at most and has already.
    let own = rustix::process::getrlimit(Resource::Nofile);
    let previous = limit_files(server, Rlimit { current: own.maximum, maximum: own.maximum });
    limit_files(server, previous);
    previous
}

fn limit_files(server: &Server, limit: Rlimit) -> Rlimit {
    prlimit(Some(server.id()), Resource::Nofile, limit).expect("the limit of a child may be lowered")
}
