//! A Redis that asks who one is, and one that speaks TLS.

use causerie_cluster::redis::{RedisConfig, RedisCredentials, RedisError, RedisMirror, RedisTls};
use causerie_services::service::START_LIMIT;
use causerie_services::{Ports, Redis, RedisPlan, Scratch, Service as _, Standing};

use crate::cache::{Source, ask, connected, named, write};
use crate::support::{Cli, Node, Own, until};

/// What docs/redis.md tells operators to grant.
const GRANT: [&str; 16] = [
    "on",
    "resetkeys",
    "~chat:*",
    "-@all",
    "+hello",
    "+auth",
    "+ping",
    "+quit",
    "+info",
    "+eval",
    "+evalsha",
    "+set",
    "+get",
    "+del",
    "+@hash",
    "+expire",
];

fn as_user(password: &str) -> Option<RedisCredentials> {
    Some(RedisCredentials { user: Some("causerie".to_owned()), password: password.to_owned() })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_with_just_the_rights_that_are_documented() {
    let Some(own) = Own::start("acl") else { return };
    let cli = own.cli();
    let mut words = vec!["ACL", "SETUSER", "causerie", ">secret"];
    words.extend(GRANT);
    assert_eq!(cli.ask(&words), ["OK"]);
    let config =
        RedisConfig { prefix: "chat:".to_owned(), credentials: as_user("secret"), ..own.config.clone() };
    let outsider = Cli::new(&config);
    // The rights are limited: this user may not read what is behind another prefix, nor anything else.
    let limited = outsider.clone().with(&["--user", "causerie", "--pass", "secret", "--no-auth-warning"]);
    assert!(limited.ask(&["GET", "other"])[0].starts_with("NOPERM"));
    assert!(limited.ask(&["FLUSHALL"])[0].starts_with("NOPERM"));
    // Nobody else gets in.
    assert_eq!(cli.ask(&["ACL", "SETUSER", "default", "resetkeys", "~chat:*"]), ["OK"]);

    let node = Node::start(&config, 0xe1);
    node.open("alice", "phone", 1);
    until("she is there", || outsider.devices("alice").get("phone") == Some(&node.value(1))).await;
    node.close("alice", 1);
    until("she is gone", || outsider.get("seen:alice") == "77").await;
    let (cache, source) = (connected(&config).await, Source::new("old"));
    // Before the first connection there were failures.
    let failed = (cache.reading().failed, node.mirror.reading().failed);
    assert_eq!(ask(&cache, &source, "alice").await, named("old"));
    write(&cache, &source, "alice", "new").await;
    assert_eq!(ask(&cache, &source, "alice").await, named("new"));
    assert_eq!((cache.reading().failed, node.mirror.reading().failed), failed);
    cache.close().await;
    node.mirror.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_is_named_and_a_mended_one_is_found() {
    let Some(own) = Own::start("password") else { return };
    let config = RedisConfig { credentials: as_user("secret"), ..own.config.clone() };
    let node = Node::start(&config, 0xe2);
    node.open("alice", "phone", 1);
    until("it is away", || node.mirror.reading().failed > 0).await;
    assert!(node.mirror.reading().degraded().is_some());
    let cli = own.cli();
    assert_eq!(cli.ask(&["ACL", "SETUSER", "causerie", "on", ">secret", "~*", "+@all"]), ["OK"]);
    until("she is there", || cli.devices("alice").len() == 1).await;
    node.mirror.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_with_certificates_on_both_sides_and_none_that_is_not_trusted() {
    if !causerie_services::may_start(Standing::Redis) {
        return;
    }
    let (scratch, mut ports) = (Scratch::new("redis-tls").unwrap(), Ports::take().unwrap());
    let path = |name: &str| scratch.path().join(name);
    let make = |name: &str| {
        let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
        std::fs::write(path(&format!("{name}.key")), made.signing_key.serialize_pem()).unwrap();
        std::fs::write(path(&format!("{name}.pem")), made.cert.pem()).unwrap();
    };
    ["server", "client", "stranger"].into_iter().for_each(make);
    let (plain, secure) = (ports.another(), ports.another());
    let text = |name: &str| path(name).display().to_string();
    let mut plan = RedisPlan::new(plain);
    plan.settings = ["--tls-port", &secure.to_string(), "--tls-cert-file", &text("server.pem")]
        .into_iter()
        .chain(["--tls-key-file", &text("server.key"), "--tls-ca-cert-file", &text("client.pem")])
        .map(str::to_owned)
        .collect();
    let mut redis = Redis::start_in(scratch.path(), plan).unwrap();
    redis.wait_ready(START_LIMIT).unwrap();

    let identity = Some((path("client.pem"), path("client.key")));
    let with = |ca: &str, identity| RedisConfig {
        tls: Some(RedisTls { ca: path(ca), identity }),
        ..RedisConfig::new(vec![format!("127.0.0.1:{secure}")])
    };
    let outsider = Cli::new(&RedisConfig::new(vec![format!("127.0.0.1:{plain}")]));
    let node = Node::start(&with("server.pem", identity.clone()), 0xf1);
    node.open("alice", "phone", 1);
    until("she is there", || outsider.devices("alice").get("phone") == Some(&node.value(1))).await;
    // A server that is not trusted, a client that is not, and a client that shows nothing.
    let stranger = Some((path("stranger.pem"), path("stranger.key")));
    for config in [with("stranger.pem", identity), with("server.pem", stranger), with("server.pem", None)] {
        let refused = Node::start(&config, 0xf2);
        refused.open("mallory", "phone", 1);
        until("it is refused", || refused.mirror.reading().failed > 1).await;
        assert!(!refused.mirror.reading().up && outsider.hash("route:mallory").is_empty());
        refused.mirror.close().await;
    }
    node.mirror.close().await;
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused_at_once() {
    let identity = causerie_cluster::redis::MirrorIdentity {
        node: causerie_protocol::snowflake::NodeNumber::new(1).unwrap(),
        incarnation: causerie_cluster::link::Incarnation(1),
        address: String::new(),
    };
    let refused = |config: &RedisConfig| {
        let clock = std::sync::Arc::new(causerie_protocol::SystemClock::default());
        RedisMirror::start(config, &identity, clock).map(drop).unwrap_err()
    };
    let nodes = |nodes: &[&str]| RedisConfig::new(nodes.iter().map(|&node| node.to_owned()).collect());
    assert_eq!(refused(&nodes(&["nowhere"])), RedisError::Address("nowhere".to_owned()));
    assert_eq!(refused(&nodes(&[])), RedisError::Addresses(0));
    assert_eq!(refused(&nodes(&["a:1", "b:2"])), RedisError::Addresses(2));
    let tls = Some(RedisTls { ca: "/nowhere/ca.pem".into(), identity: None });
    assert!(matches!(refused(&RedisConfig { tls, ..nodes(&["a:1"]) }), RedisError::Tls { .. }));
}
