//! Against the real Redis, where it is installed.

use super::*;
use crate::home::Home;
use crate::ports::Ports;
use crate::process::Started;
use crate::scratch::Scratch;
use crate::service::START_LIMIT;
use crate::standing::Standing;

/// Whether there is a Redis; says so if not.
fn is_there() -> bool {
    let is_there = crate::process::is_installed("redis-server");
    if !is_there {
        eprintln!("skipped: redis-server is not installed");
    }
    is_there
}

fn ask(address: SocketAddr, words: &[&str]) -> String {
    Resp::connect(address, None, ANSWER_LIMIT).unwrap().command(words).unwrap()
}

#[test]
fn it_is_killed_frozen_and_started_again() {
    if !is_there() {
        return;
    }
    let scratch = Scratch::new("redis-single").unwrap();
    let mut ports = Ports::take().unwrap();
    let mut redis = Redis::start_in(scratch.path(), RedisPlan::new(ports.another())).unwrap();
    redis.wait_ready(START_LIMIT).unwrap();
    assert_eq!(redis.start().unwrap(), Started::Already);
    ask(redis.address(), &["SET", "a", "1"]);

    redis.server().pause().unwrap();
    let late = Resp::connect(redis.address(), None, Duration::from_millis(100)).unwrap().command(&["PING"]);
    assert!(late.is_err(), "a frozen server does not answer");
    redis.server().resume().unwrap();
    assert_eq!(ask(redis.address(), &["GET", "a"]), "1");

    redis.server().kill().unwrap();
    assert!(redis.check().is_err());
    assert!(
        matches!(redis.wait_ready(START_LIMIT), Err(ServiceError::Ended { .. })),
        "no waiting for the dead"
    );
    assert_eq!(redis.start().unwrap(), Started::Now);
    redis.wait_ready(START_LIMIT).unwrap();
    assert_eq!(ask(redis.address(), &["EXISTS", "a"]), "0", "nothing is kept");
}

/// At a port of its own: the fixed one may be in use by what stays up.
#[test]
fn what_stays_up_is_found_and_taken_down_by_whoever_knows_the_home() {
    if !is_there() {
        return;
    }
    let scratch = Scratch::new("redis-standing").unwrap();
    let home = Home::at(scratch.path().to_owned());
    let mut ports = Ports::take().unwrap();
    assert!(!Standing::Redis.is_up(&home) && Standing::Redis.known_processes(&home).is_empty());
    let plan = RedisPlan::new(ports.another());
    let mut redis = Redis::new(plan.clone(), &home.place("redis")).unwrap();
    assert_eq!(redis.start().unwrap(), Started::Now);
    redis.wait_ready(START_LIMIT).unwrap();
    let identity = redis.server().running().unwrap();
    drop(redis);
    assert!(Standing::Redis.is_up(&home), "it stays up");
    let mut again = Redis::new(plan, &home.place("redis")).unwrap();
    assert_eq!(again.start().unwrap(), Started::Already);
    again.wait_ready(START_LIMIT).unwrap();

    // Killed by somebody else: that is no orderly down, until it is taken down.
    identity.signal(rustix::process::Signal::KILL).unwrap();
    assert!(identity.wait_for_end(START_LIMIT).unwrap());
    assert!(Standing::Redis.known_processes(&home)[0].has_died());
    assert_eq!(again.start().unwrap(), Started::Now);
    again.wait_ready(START_LIMIT).unwrap();

    Standing::Redis.take_down(&home).unwrap();
    assert!(!Standing::Redis.is_up(&home) && again.check().is_err());
    assert!(!Standing::Redis.known_processes(&home)[0].has_died());
    Standing::Redis.take_down(&home).unwrap();
}

#[test]
fn a_port_that_somebody_else_has_is_left_to_them() {
    if !is_there() {
        return;
    }
    let scratch = Scratch::new("redis-port").unwrap();
    let port = Ports::take().unwrap().another();
    let _taken = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
    let error = Redis::start_in(scratch.path(), RedisPlan::new(port)).unwrap_err();
    assert!(matches!(error, ServiceError::PortTaken { .. }), "{error}");
}

#[test]
fn a_password_is_asked_for_and_given() {
    if !is_there() {
        return;
    }
    let scratch = Scratch::new("redis-password").unwrap();
    let mut ports = Ports::take().unwrap();
    let plan = RedisPlan { password: Some("open sesame".into()), ..RedisPlan::new(ports.another()) };
    let mut redis = Redis::start_in(scratch.path(), plan).unwrap();
    redis.wait_ready(START_LIMIT).unwrap();
    let refused = Resp::connect(redis.address(), None, ANSWER_LIMIT).unwrap().command(&["PING"]);
    assert!(refused.unwrap_err().to_string().starts_with("NOAUTH"));
}

#[test]
fn a_cluster_comes_together_and_a_replica_takes_over() {
    if !is_there() {
        return;
    }
    let scratch = Scratch::new("redis-cluster").unwrap();
    let mut block = Ports::take().unwrap();
    let mut six = || (0..6).map(|_| block.another()).collect();
    let mut cluster = RedisCluster::start_in(scratch.path(), RedisClusterPlan::new(six(), six())).unwrap();
    cluster.wait_ready(START_LIMIT).unwrap();
    for replica in &cluster.addresses()[3..] {
        assert!(ask(*replica, &["INFO", "replication"]).contains("role:slave"));
    }

    cluster.server(0).kill().unwrap();
    let heir = cluster.addresses()[3];
    let is_master =
        || ask(heir, &["INFO", "replication"]).contains("role:master").then_some(()).ok_or("no heir");
    crate::wait::until(START_LIMIT, is_master).unwrap();
    cluster.start().unwrap();
    cluster.wait_ready(START_LIMIT).unwrap();
}
