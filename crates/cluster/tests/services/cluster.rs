//! Redis Cluster: three masters with a replica each, of which one is killed.

use causerie_cluster::redis::RedisConfig;
use causerie_services::service::START_LIMIT;
use causerie_services::{Ports, RedisCluster, RedisClusterPlan, Scratch, Service as _, Standing};

use crate::cache::{Source, ask, connected, named, write};
use crate::support::{Cli, Node, until};

const USERS: u64 = 60;

/// Somebody outside, who asks any server that runs.
fn outsider(cluster: &RedisCluster, server: usize) -> Cli {
    Cli::new(&RedisConfig::new(vec![cluster.addresses()[server].to_string()])).with(&["-c"])
}

async fn all_is_there(cli: &Cli, node: &Node) {
    for at in 0..USERS {
        let name = format!("u{at}");
        until("a user is there", || cli.devices(&name).get("phone") == Some(&node.value(at))).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_spread_and_a_master_that_dies_is_replaced() {
    if !causerie_services::may_start(Standing::Redis) {
        return;
    }
    let (scratch, mut ports) = (Scratch::new("mirror-cluster").unwrap(), Ports::take().unwrap());
    let mut take = || (0..6).map(|_| ports.another()).collect::<Vec<_>>();
    let plan = RedisClusterPlan::new(take(), take());
    let mut cluster = RedisCluster::start_in(scratch.path(), plan).unwrap();
    cluster.wait_ready(START_LIMIT).unwrap();
    let addresses = cluster.addresses();
    let nodes = addresses[..3].iter().map(ToString::to_string).collect();
    let config = RedisConfig { cluster: true, ..RedisConfig::new(nodes) };

    let node = Node::start(&config, 0x11);
    (0..USERS).for_each(|at| node.open(&format!("u{at}"), "phone", at));
    let cli = outsider(&cluster, 0);
    all_is_there(&cli, &node).await;
    for address in &addresses[..3] {
        let size = Cli::new(&RedisConfig::new(vec![address.to_string()])).ask(&["DBSIZE"]);
        assert!(size[0].parse::<u64>().unwrap() > 5, "{address} has {size:?} keys");
    }
    let (cache, source) = (connected(&config).await, Source::new("old"));
    let failed = cache.reading().failed;
    for at in 0..20 {
        ask(&cache, &source, &format!("u{at}")).await;
        assert_eq!(ask(&cache, &source, &format!("u{at}")).await, named("old"));
    }
    assert_eq!(cache.reading().failed, failed);

    let losses = node.mirror.reading().losses;
    cluster.server(1).kill().unwrap();
    assert!(std::net::TcpStream::connect(addresses[1]).is_err(), "it was killed and still listens");
    // Meanwhile somebody comes, and a profile changes.
    (0..USERS).for_each(|at| node.open(&format!("u{at}"), "phone", 1_000 + at));
    for at in 0..20 {
        let name = format!("u{at}");
        write(&cache, &source, &name, "new").await;
        assert_eq!(ask(&cache, &source, &name).await, named("new"));
    }
    until("the replica has taken over", || {
        cli.ask(&["INFO", "server"]).len() > 1 && {
            let replica = Cli::new(&RedisConfig::new(vec![addresses[4].to_string()]));
            replica.ask(&["ROLE"])[0] == "master"
        }
    })
    .await;
    for at in 0..USERS {
        let name = format!("u{at}");
        let expected = node.value(1_000 + at);
        until("a user is as it is", || cli.devices(&name).get("phone") == Some(&expected)).await;
    }
    node.settled().await;
    assert!(node.mirror.reading().losses > losses);
    until("nothing old is left", || cache.reading().overdue == 0).await;
    for at in 0..20 {
        assert_eq!(ask(&cache, &source, &format!("u{at}")).await, named("new"));
    }
    cache.close().await;
    node.mirror.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cluster_that_stays_up() {
    let Some(nodes) = causerie_services::addresses(Standing::RedisCluster) else { return };
    let prefix = crate::support::prefix("cluster");
    let config = RedisConfig { cluster: true, prefix, ..RedisConfig::new(nodes) };
    let (node, cli) = (Node::start(&config, 0x12), Cli::new(&config).with(&["-c"]));
    (0..USERS).for_each(|at| node.open(&format!("u{at}"), "phone", at));
    all_is_there(&cli, &node).await;
    (0..USERS).for_each(|at| node.close(&format!("u{at}"), at));
    until("all are gone", || (0..USERS).all(|at| cli.hash(&format!("route:u{at}")).is_empty())).await;
    node.mirror.close().await;
    for at in 0..USERS {
        cli.ask(&["DEL", &format!("{}seen:u{at}", config.prefix)]);
    }
}
