//! Redis is killed, frozen and flushed: the directory and its callers do not notice, and what Redis lost is there again.

use std::time::{Duration, Instant};

use causerie_cluster::Directory;
use causerie_cluster::redis::RedisConfig;

use crate::support::{Cli, Node, Own, until, user};

/// Users who stay connected through it all.
const USERS: u64 = 200;
/// No call of the directory may take longer, whatever Redis does. A time-out of Redis is 2 s.
const CALL: Duration = Duration::from_millis(500);

fn connect_all(node: &Node) {
    (0..USERS).for_each(|at| node.open(&format!("u{at}"), "phone", at));
}

/// Comes and goes meanwhile; nothing of it waits for Redis, and the directory answers the truth.
fn use_directory(node: &Node) {
    let slowest = (0..200_u64)
        .map(|at| {
            let (name, asked) = (format!("v{at}"), Instant::now());
            node.open(&name, "phone", 1_000 + at);
            assert!(node.directory.presence(&user(&name)).0);
            if at % 2 == 0 {
                node.close(&name, 1_000 + at);
                assert!(!node.directory.presence(&user(&name)).0);
            }
            asked.elapsed()
        })
        .max();
    assert!(slowest < Some(CALL), "a call of the directory took {slowest:?}");
}

/// Redis says what the directory does.
async fn all_is_there(cli: &Cli, node: &Node) {
    node.settled().await;
    for at in 0..USERS {
        let name = format!("u{at}");
        until("a user is there again", || cli.devices(&name).get("phone") == Some(&node.value(at))).await;
    }
    for at in [0, 1, 198, 199_u64] {
        let expected = usize::from(at % 2 == 1);
        let name = format!("v{at}");
        until("who came or went is as it is", || cli.devices(&name).len() == expected).await;
    }
}

async fn away(node: &Node) {
    until("the mirror says that Redis is away", || node.mirror.reading().degraded().is_some()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_is_killed_and_comes_back_empty() {
    let Some(mut own) = Own::start("mirror-kill") else { return };
    let node = Node::start(&own.config, 0xd1);
    connect_all(&node);
    node.settled().await;
    own.kill();
    use_directory(&node);
    away(&node).await;
    use_directory(&node);
    let reading = node.mirror.reading();
    assert!(reading.waiting > 0 && reading.lag > Duration::ZERO, "{reading:?}");
    own.start_again();
    all_is_there(&own.cli(), &node).await;
    let reading = node.mirror.reading();
    assert_eq!((reading.degraded(), reading.lag), (None, Duration::ZERO));
    node.mirror.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_is_frozen_and_goes_on() {
    let Some(mut own) = Own::start("mirror-freeze") else { return };
    let node = Node::start(&own.config, 0xd2);
    connect_all(&node);
    node.settled().await;
    own.redis.server().pause().unwrap();
    use_directory(&node);
    away(&node).await;
    assert!(node.mirror.reading().waiting > 0);
    own.redis.server().resume().unwrap();
    all_is_there(&own.cli(), &node).await;
    node.mirror.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_is_flushed_is_told_all_again_and_not_faster_than_allowed() {
    const PER_SECOND: u32 = 100;
    let Some(own) = Own::start("mirror-flush") else { return };
    let config = RedisConfig { announce_per_second: PER_SECOND, ..own.config.clone() };
    let node = Node::start(&config, 0xd3);
    connect_all(&node);
    node.settled().await;
    let cli = own.cli();
    let before = node.mirror.reading();
    assert_eq!(cli.ask(&["FLUSHALL"]), ["OK"]);
    assert_eq!(cli.ask(&["DBSIZE"]).len(), 1);
    until("the loss is seen", || node.mirror.reading().losses > before.losses).await;
    let (seen, told) = (Instant::now(), node.mirror.reading().announced);
    until("all is there again", || cli.ask(&["DBSIZE"]) == [(USERS + 1).to_string()]).await;
    let (took, reading) = (seen.elapsed().as_secs_f64(), node.mirror.reading());
    assert!(took < 20.0, "renewals alone take 30 s; this took {took}");
    let rate = (reading.announced - told) as f64 / took;
    assert!(rate <= f64::from(PER_SECOND) * 1.5, "{rate} a second");
    all_hold(&cli, &node);
    assert_eq!(reading.degraded(), None);
    node.mirror.close().await;
}

fn all_hold(cli: &Cli, node: &Node) {
    for at in 0..USERS {
        assert_eq!(cli.devices(&format!("u{at}")).get("phone"), Some(&node.value(at)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_is_not_there_at_the_start_is_waited_for() {
    let Some(mut own) = Own::start("mirror-late") else { return };
    own.kill();
    let node = Node::start(&own.config, 0xd4);
    connect_all(&node);
    use_directory(&node);
    away(&node).await;
    own.start_again();
    all_is_there(&own.cli(), &node).await;
    // It ends in time without Redis too.
    own.kill();
    let asked = Instant::now();
    node.mirror.close().await;
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
}
