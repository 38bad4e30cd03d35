//! What the proxy sees and counts.

use anyhow::Result;
use causerie_cql_proxy::{Action, Counts, Kind, Pick};

use crate::world::with_world;

#[tokio::test]
async fn requests_are_counted_by_kind() -> Result<()> {
    with_world(async |world| {
        let before = world.proxy.counts();
        assert_eq!((before.prepare > 0, before.driver > 0), (true, true), "{before:?}");
        for id in 0..3 {
            world.write(id).await?;
        }
        world.write_batch([4, 5]).await?;
        world.session.query_unpaged(format!("SELECT value FROM {}.rows", world.keyspace), ()).await?;
        let since = world.proxy.counts().since(before);
        assert_eq!(
            Counts { driver: 0, ..since },
            Counts { query: 1, prepare: 0, execute: 3, batch: 1, driver: 0 }
        );
        assert_eq!(since.total(), 5);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_batch_is_met_by_what_was_prepared_for_it() -> Result<()> {
    with_world(async |world| {
        let other = world.proxy.rule(Pick::of(Kind::Batch).text("insert into other.rows"), Action::Count);
        let batches = world
            .proxy
            .rule(Pick::of(Kind::Batch).text(&format!("INSERT INTO {}.rows", world.keyspace)), Action::Count);
        let carrying = world.proxy.rule(Pick::any().carrying(&77_i32.to_be_bytes()), Action::Count);
        let lost = world.proxy.rule(Pick::of(Kind::Batch).skip(1).once(), Action::DropRequest);
        world.write_batch([1, 2]).await?;
        assert!(world.write_batch([77, 4]).await.is_err());
        lost.took_effect(1).await?;
        assert!(world.has(1).await? && world.has(2).await?);
        assert!(!world.has(77).await? && !world.has(4).await?);
        assert_eq!([other.effects(), batches.effects(), carrying.effects()], [0, 2, 1]);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn every_third_is_met_until_the_rule_is_removed() -> Result<()> {
    with_world(async |world| {
        let rule = world.proxy.rule(
            Pick::of(Kind::Execute).text("insert").every(3),
            Action::Answer(causerie_cql_proxy::Failure::Overloaded),
        );
        let mut refused = Vec::new();
        for id in 1..=7 {
            if world.write(id).await.is_err() {
                refused.push(id);
            }
        }
        assert_eq!(refused, [3, 6]);
        rule.remove();
        for id in 8..=12 {
            world.write(id).await?;
        }
        assert_eq!(rule.effects(), 2);
        Ok(())
    })
    .await
}

/// The driver asks where other nodes are, and learns of none but the proxy.
#[tokio::test]
async fn the_driver_knows_the_proxy_as_the_only_node() -> Result<()> {
    with_world(async |world| {
        let asked = world.proxy.rule(Pick::any().text("system.peers"), Action::Count);
        world.session.refresh_metadata().await?;
        asked.took_effect(1).await?;
        let state = world.session.get_cluster_state();
        let nodes: Vec<String> = state.get_nodes_info().iter().map(|node| node.address.to_string()).collect();
        assert_eq!(nodes, [world.proxy.address().to_string()]);
        Ok(())
    })
    .await
}
