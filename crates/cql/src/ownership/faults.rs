//! Requests whose answers are lost, late or wrong, at every step that counts: a proxy before the real database.

use std::sync::Arc;
use std::time::Duration;

use causerie_cql_proxy::{Action, Failure, Kind, Pick, Proxy, WriteType};
use uuid::Uuid;

use super::plan::Dead;
use super::rows::BUCKET;
use super::tests::{Instance, instance, terms};
use super::*;
use crate::config::CqlConfig;
use crate::gate::GateShut;
use crate::lab;
use crate::store::CqlStore;

/// Every way in which a conditional write ends without a useful answer; after each second one it is applied.
const FAULTS: [Action; 6] = [
    Action::DropRequest,
    Action::DropAnswer,
    Action::CloseBefore,
    Action::CloseAfter,
    Action::Answer(Failure::WriteTimeout(WriteType::Cas)),
    Action::Replace(Failure::WriteTimeout(WriteType::Cas)),
];

/// The same database, behind a proxy.
async fn behind(config: &CqlConfig) -> (Proxy, CqlConfig) {
    let proxy = Proxy::start(&config.hosts[0]).await.unwrap();
    let hosts = vec![proxy.address().to_string()];
    (proxy, CqlConfig { hosts, request_timeout: Duration::from_secs(1), ..config.clone() })
}

#[test]
fn a_claim_without_an_answer_is_settled_whatever_became_of_it() {
    lab::run_in_cluster(|config, _| async move {
        let (proxy, config) = behind(&config).await;
        let Instance { tables, claims, member, .. } = instance(config).await;
        for (bucket, fault) in (0u16..).zip(FAULTS) {
            let broken = proxy.rule(Pick::of(Kind::Batch).text(".shards").once(), fault);
            let claimed = claims.claim(bucket, &Dead::new()).await.unwrap();
            broken.took_effect(1).await.unwrap();
            assert_eq!((claimed.mine.len(), claimed.held.len()), (usize::from(BUCKET), 0), "{fault:?}");
            for (shard, row) in tables.shards(bucket, true).await.unwrap() {
                assert_eq!((row.owner, row.epoch), (member.inc, 1), "{fault:?}, shard {shard}");
                assert_eq!(claimed.mine[&shard], row, "{fault:?}");
            }
        }
        proxy.stop().await;
    });
}

#[test]
fn a_renewal_without_an_answer_neither_ends_the_node_nor_counts_before_it_is_known() {
    lab::run_in_cluster(|config, _| async move {
        let (proxy, config) = behind(&config).await;
        let Instance { tables, member, life, owned, .. } = instance(config).await;
        for (round, fault) in (1i64..).zip(FAULTS) {
            let broken = proxy.rule(Pick::of(Kind::Execute).text("SET lease_seq").once(), fault);
            let wanted = round * 1000;
            let unsure = member.renew(Some(wanted)).await;
            broken.took_effect(1).await.unwrap();
            let durable = tables.node(member.inc).await.unwrap().unwrap().ceiling;
            assert!(member.ceiling().await <= durable, "{fault:?}");
            // What is answered is what is durable, in either case.
            assert!(unsure.is_err() || durable == wanted, "{fault:?}");
            member.renew(Some(wanted)).await.unwrap();
            assert_eq!(tables.node(member.inc).await.unwrap().unwrap().ceiling, wanted, "{fault:?}");
            assert!(life.over().is_none() && owned.believes(), "{fault:?}");
        }
        proxy.stop().await;
    });
}

#[test]
fn a_hand_over_without_an_answer_is_one_all_the_same() {
    lab::run_in_cluster(|config, _| async move {
        let (proxy, behind) = behind(&config).await;
        let store = CqlStore::open(behind).await.unwrap();
        let never = proxy.rule(Pick::of(Kind::Batch).text(".shards").once(), Action::DropRequest);
        let lost = proxy.rule(Pick::of(Kind::Batch).text(".shards").times(2), Action::DropAnswer);
        store.close().await;
        never.took_effect(1).await.unwrap();
        lost.took_effect(2).await.unwrap();
        proxy.stop().await;
        let next = CqlStore::open(config).await.unwrap();
        let terms = terms(&next);
        assert!(terms.iter().all(|term| (term.epoch.0, term.crash_epoch.0) == (3, 0)), "{terms:?}");
        next.close().await;
    });
}

#[test]
fn a_gate_that_cannot_be_read_lets_nobody_pass_and_ends_nobody() {
    lab::run_in_cluster(|config, _| async move {
        let (proxy, behind) = behind(&config).await;
        let store = CqlStore::open(behind).await.unwrap();
        for fault in [Action::Answer(Failure::ReadTimeout), Action::DropAnswer] {
            let broken = proxy.rule(Pick::of(Kind::Execute).text("node_fence"), fault);
            let shut = store.base.gate.pass().await.unwrap_err();
            assert!(matches!(shut, GateShut::Unreadable(_)), "{shut}");
            broken.took_effect(1).await.unwrap();
            broken.remove();
            assert_eq!((store.base.gate.pass().await, store.fatal()), (Ok(()), None));
        }
        store.close().await;
        proxy.stop().await;
    });
}

/// A read that found no fence answers only those who asked before it began.
#[test]
fn a_pass_is_never_given_by_a_read_that_began_before() {
    lab::run_in_cluster(|config, cql| async move {
        let (proxy, behind) = behind(&config).await;
        let behind = CqlConfig { request_timeout: Duration::from_secs(30), ..behind };
        let store = Arc::new(CqlStore::open(behind).await.unwrap());
        let gate = &store.base.gate;
        // Both reads that may be under way have found nothing, and nobody knows yet.
        let held = proxy.rule(Pick::of(Kind::Execute).text("node_fence").times(2), Action::HoldAnswer);
        let second = async {
            held.took_effect(1).await.unwrap();
            gate.pass().await
        };
        let late = async {
            held.took_effect(2).await.unwrap();
            let tables = Tables::prepare(&cql).await.unwrap();
            tables.fence_off(store.inc(), Uuid::new_v4()).await.unwrap();
            let let_go = async {
                // Until the first waits for its turn to read, and the others behind it.
                for _ in 0..20 {
                    tokio::task::yield_now().await;
                }
                held.release()
            };
            tokio::join!(gate.pass(), gate.pass(), gate.pass(), let_go)
        };
        let (_, _, late) = tokio::join!(gate.pass(), second, late);
        assert_eq!([late.0, late.1, late.2], [const { Err(GateShut::Fenced) }; 3]);
        drop(store);
        proxy.stop().await;
    });
}
