//! The keys are as documented.

use crate::support::{Cli, Node, standing, until};

fn pairs(all: &[(&str, String)]) -> std::collections::BTreeMap<String, String> {
    all.iter().map(|(device, value)| ((*device).to_owned(), value.clone())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outsiders_read_who_is_connected_where() {
    let Some(config) = standing("keys") else { return };
    let (cli, node) = (Cli::new(&config), Node::start(&config, 0xa1));
    node.open("alice", "phone", 1);
    node.open("alice", "laptop", 2);
    node.settled().await;
    let both = pairs(&[("phone", node.value(1)), ("laptop", node.value(2))]);
    until("both devices are there", || cli.hash("route:alice") == both).await;
    assert_eq!(cli.devices("alice"), both);
    assert_eq!(cli.get(&node.node_key()), "10.0.0.1:161");
    assert!((1..=10).contains(&cli.seconds_left(&node.node_key())));
    assert!((60..=90).contains(&cli.seconds_left("route:alice")));

    node.open("alice", "phone", 3);
    node.close("alice", 1);
    node.close("alice", 2);
    until("the newer connection is all there is", || {
        cli.hash("route:alice") == pairs(&[("phone", node.value(3))])
    })
    .await;
    assert_eq!(cli.get("seen:alice"), "");

    node.close("alice", 3);
    until("nobody is there", || cli.hash("route:alice").is_empty()).await;
    until("when she was last seen is", || cli.get("seen:alice") == "77").await;

    node.open("bob", "phone", 4);
    until("bob is there", || !cli.devices("bob").is_empty()).await;
    node.mirror.close().await;
    assert_eq!(cli.get(&node.node_key()), "", "a node that ends takes itself out");
    assert!(cli.devices("bob").is_empty());
    cli.clean();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_removes_only_what_it_said_itself() {
    let Some(config) = standing("two-nodes") else { return };
    let cli = Cli::new(&config);
    let (first, second) = (Node::start(&config, 0xb1), Node::start(&config, 0xb2));
    first.open("alice", "phone", 1);
    first.open("alice", "laptop", 2);
    until("they are there", || cli.devices("alice").len() == 2).await;
    // The phone moves; the first node hears that its connection has ended only afterwards.
    second.open("alice", "phone", 1);
    until("it has moved", || cli.devices("alice").get("phone") == Some(&second.value(1))).await;
    first.close("alice", 1);
    first.close("alice", 2);
    until("the laptop is gone", || !cli.hash("route:alice").contains_key("laptop")).await;
    // At once: what was removed too much would be there again after a renewal.
    assert_eq!(cli.devices("alice"), pairs(&[("phone", second.value(1))]));
    // A node that is gone without a word: its fields are there, and count for nothing.
    assert!(second.mirror.reading().degraded().is_none());
    assert_eq!(cli.ask(&["DEL", &format!("{}{}", config.prefix, second.node_key())]), ["1"]);
    assert!(cli.devices("alice").is_empty() && !cli.hash("route:alice").is_empty());
    first.mirror.close().await;
    second.mirror.close().await;
    cli.clean();
}

/// One server of a cluster that lost its data shows only there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_route_that_is_lost_alone_is_missed_by_a_renewal_and_all_are_announced() {
    let Some(config) = standing("lost-route") else { return };
    let (cli, node) = (Cli::new(&config), Node::start(&config, 0xc1));
    for name in ["alice", "bob", "carol"] {
        node.open(name, "phone", 1);
    }
    node.settled().await;
    let losses = node.mirror.reading().losses;
    for name in ["alice", "bob", "carol"] {
        assert_eq!(cli.ask(&["DEL", &format!("{}route:{name}", config.prefix)]), ["1"]);
    }
    until("they are there again", || {
        ["alice", "bob", "carol"].iter().all(|name| cli.devices(name).len() == 1)
    })
    .await;
    assert!(node.mirror.reading().losses > losses);
    node.mirror.close().await;
    cli.clean();
}
