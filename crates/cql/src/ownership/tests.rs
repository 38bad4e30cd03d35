//! On the real database: several instances of one cluster in one process.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use causerie_protocol::{ConversationId, Timestamp};
use causerie_store::model::Shard;
use causerie_store::port::Ownership as _;
use tokio::time::{Instant, interval, timeout};
use uuid::Uuid;

use super::plan::Dead;
use super::rows::{BUCKET, BUCKETS};
use super::*;
use crate::config::{CqlConfig, Level};
use crate::error::OpenError;
use crate::gate::GateShut;
use crate::lab;
use crate::life::Life;
use crate::owned::{NoTimestamp, Owned, Term};
use crate::session::{Cql, Outcome};
use crate::store::CqlStore;
use crate::timestamp::BLOCK;

const LIMIT: Duration = Duration::from_secs(30);
/// How often it is looked: a database does not tell by itself.
const LOOK: Duration = Duration::from_millis(20);

/// Shards of all kinds of buckets.
fn shards() -> Vec<Shard> {
    (0..200u8).map(|byte| Shard::of_conversation(ConversationId::from_bytes([byte; 16]))).collect()
}

fn named(config: &CqlConfig, node: &str) -> CqlConfig {
    CqlConfig { node: node.to_owned(), ..config.clone() }
}

/// Leases that end within a test's patience.
fn short(config: &CqlConfig) -> CqlConfig {
    CqlConfig {
        lease_renewal: Duration::from_millis(300),
        lease_ttl: Duration::from_millis(1500),
        ..config.clone()
    }
}

/// Counts how often the end was told.
fn counting(config: &CqlConfig) -> (CqlConfig, Arc<AtomicUsize>) {
    let told = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&told);
    let on_fatal = Arc::new(move |_: &str| {
        count.fetch_add(1, SeqCst);
    });
    (CqlConfig { on_fatal, ..config.clone() }, told)
}

pub(super) fn terms(store: &CqlStore) -> Vec<Term> {
    shards().into_iter().map(|shard| store.base.owned.term(shard).expect("it owns all")).collect()
}

async fn until(what: &str, mut done: impl AsyncFnMut() -> bool) {
    let (end, mut looks) = (Instant::now() + LIMIT, interval(LOOK));
    while !done().await {
        assert!(Instant::now() < end, "{what}");
        looks.tick().await;
    }
}

#[test]
fn the_first_owner_owns_all_and_writes_within_its_bounds() {
    lab::run_in_cluster(|config, _| async move {
        let store = CqlStore::open(config).await.unwrap();
        assert!(store.gate_open());
        assert_eq!(store.base.gate.pass().await, Ok(()));
        for term in terms(&store) {
            assert_eq!((term.epoch.0, term.crash_epoch.0), (1, 0));
        }
        let shard = shards()[0];
        let (a, b) = (store.base.owned.timestamp(shard).unwrap(), store.base.owned.timestamp(shard).unwrap());
        assert!(store.base.owned.term(shard).unwrap().floor <= a && a < b);
        store.close().await;
    });
}

/// Another start of a node that did not end: the earlier one is fenced, whatever it believes.
#[test]
fn whoever_comes_later_under_the_same_name_fences_the_earlier() {
    lab::run_in_cluster(|config, _| async move {
        let (first_config, told) = counting(&config);
        let first = CqlStore::open(first_config).await.unwrap();
        first.raise_id_ceiling(Timestamp(5000)).await.unwrap();
        let shard = shards()[0];
        let written = first.base.owned.timestamp(shard).unwrap();
        let (grant, before) = (first.grant(), terms(&first));
        let second = CqlStore::open(config.clone()).await.unwrap();
        for (before, after) in before.iter().zip(terms(&second)) {
            assert_eq!(after.epoch.0, before.epoch.0 + 1);
            assert_eq!(after.crash_epoch, after.epoch, "what the earlier wrote has to be looked at");
            assert!(after.floor - 1 > written && after.floor > before.floor + BLOCK);
        }
        assert_eq!((second.grant().node, second.grant().id_floor), (grant.node, Timestamp(5000)));
        // The earlier one may not know yet. It asks the gate, and then it does.
        assert_eq!(first.base.gate.pass().await, Err(GateShut::Fenced));
        assert_eq!((first.epoch(shard), first.gate_open()), (None, false));
        assert_eq!(first.base.owned.timestamp(shard), Err(NoTimestamp::NotOwner));
        assert!(first.raise_id_ceiling(Timestamp(9000)).await.is_err());
        assert_eq!(told.load(SeqCst), 1);
        assert!(first.fatal().is_some());
        first.close().await;
        // Its end changes nothing for the other.
        assert_eq!(second.base.gate.pass().await, Ok(()));
        second.close().await;
    });
}

/// Nobody asked the gate: the lease tells it too.
#[test]
fn who_was_declared_dead_ends_by_its_lease() {
    lab::run_in_cluster(|config, _| async move {
        let (first_config, told) = counting(&short(&config));
        let first = CqlStore::open(first_config).await.unwrap();
        let second = CqlStore::open(short(&config)).await.unwrap();
        until("it does not end", async || first.fatal().is_some()).await;
        assert_eq!(told.load(SeqCst), 1);
        assert!(second.fatal().is_none());
        second.close().await;
    });
}

#[test]
fn who_lives_under_another_name_is_left_alone() {
    lab::run_in_cluster(|config, _| async move {
        let first = CqlStore::open(short(&config)).await.unwrap();
        let refused = CqlStore::open(named(&short(&config), "other")).await.unwrap_err();
        assert!(matches!(&refused, OpenError::Owned { node } if node == "node-1"), "{refused}");
        assert!(refused.may_wait());
        assert_eq!(first.base.gate.pass().await, Ok(()));
        assert!(first.gate_open() && first.epoch(shards()[0]).is_some());
        first.close().await;
    });
}

#[test]
fn who_is_silent_under_another_name_is_succeeded_after_its_lease() {
    lab::run_in_cluster(|config, _| async move {
        let first = CqlStore::open(short(&config)).await.unwrap();
        let before = terms(&first);
        drop(first);
        let began = Instant::now();
        let second = CqlStore::open(named(&short(&config), "other")).await.unwrap();
        assert!(began.elapsed() >= short(&config).lease_ttl, "it was not given its time");
        for (before, after) in before.iter().zip(terms(&second)) {
            assert_eq!((after.epoch.0, after.crash_epoch), (before.epoch.0 + 1, after.epoch));
        }
        second.close().await;
    });
}

#[test]
fn handing_over_is_no_crash() {
    lab::run_in_cluster(|config, _| async move {
        let first = CqlStore::open(config.clone()).await.unwrap();
        let (before, grant) = (terms(&first), first.grant());
        let written = first.base.owned.timestamp(shards()[0]).unwrap();
        let doubtful = shards()[1];
        first.base.owned.doubt(doubtful);
        first.close().await;
        let second = CqlStore::open(config.clone()).await.unwrap();
        for (shard, (before, after)) in shards().into_iter().zip(before.iter().zip(terms(&second))) {
            assert!(after.floor - 1 > written);
            if shard == doubtful {
                assert_eq!((after.epoch.0, after.crash_epoch), (before.epoch.0 + 1, after.epoch));
            } else {
                assert_eq!((after.epoch.0, after.crash_epoch), (before.epoch.0 + 2, before.crash_epoch));
            }
        }
        assert_eq!(second.grant().node, grant.node);
        second.close().await;
    });
}

#[test]
fn of_two_that_open_at_once_one_owns_all() {
    lab::run_in_cluster(|config, _| async move {
        let (a, b) = tokio::join!(
            CqlStore::open(named(&short(&config), "a")),
            CqlStore::open(named(&short(&config), "b")),
        );
        let (owner, refused) = match (a, b) {
            (Ok(owner), Err(refused)) | (Err(refused), Ok(owner)) => (owner, refused),
            other => panic!("{other:?}"),
        };
        assert!(matches!(refused, OpenError::Owned { .. }), "{refused}");
        assert_eq!(terms(&owner).len(), shards().len());
        owner.close().await;
    });
}

/// One instance that has joined, without the rest of a store.
pub(super) struct Instance {
    pub(super) tables: Arc<Tables>,
    pub(super) owned: Arc<Owned>,
    pub(super) life: Arc<Life>,
    pub(super) member: Arc<Member>,
    pub(super) claims: Claims,
}

pub(super) async fn instance(config: CqlConfig) -> Instance {
    let cql = Cql::connect(Arc::new(config)).await.unwrap();
    let life = Arc::new(Life::new(Arc::new(|_| ())));
    let owned = Arc::new(Owned::new(Arc::clone(&life)));
    let tables = Arc::new(Tables::prepare(&cql).await.unwrap());
    let (member, _) = Member::join(&tables, &owned, &life).await.unwrap();
    let claims = Claims::new(&tables, member.inc);
    Instance { tables, owned, life, member: Arc::new(member), claims }
}

/// Without the first bucket deciding: every bucket is raced for, and each of the two begins first every other time.
#[test]
fn however_two_race_for_shards_each_has_one_owner() {
    lab::run_in_cluster(|config, _| async move {
        let (a, b) = (instance(named(&config, "a")).await, instance(named(&config, "b")).await);
        let dead = Dead::new();
        let mut owners = [0, 0];
        for bucket in 0..BUCKETS {
            let (one, other) = if bucket % 2 == 0 { (&a, &b) } else { (&b, &a) };
            let raced = tokio::join!(one.claims.claim(bucket, &dead), other.claims.claim(bucket, &dead));
            let (of_one, of_other) = (raced.0.unwrap(), raced.1.unwrap());
            assert_eq!(of_one.mine.len() + of_other.mine.len(), usize::from(BUCKET));
            for (shard, row) in a.tables.shards(bucket, true).await.unwrap() {
                let owner = if of_one.mine.contains_key(&shard) { one } else { other };
                assert_eq!((row.owner, row.epoch), (owner.member.inc, 1), "shard {shard}");
                owners[usize::from(row.owner == b.member.inc)] += 1;
            }
        }
        assert_eq!(owners.iter().sum::<u16>(), BUCKET * BUCKETS);
        assert!(owners.iter().all(|shards| *shards > 0), "there was no race: {owners:?}");
    });
}

/// The one that took over was killed before it had fenced anybody.
#[test]
fn whoever_was_not_fenced_is_fenced_by_the_next() {
    lab::run_in_cluster(|config, cql| async move {
        let first = CqlStore::open(named(&config, "first")).await.unwrap();
        let second = instance(named(&config, "second")).await;
        let row = second.tables.node(first.inc()).await.unwrap().unwrap();
        assert_eq!(second.tables.die(first.inc(), row.lease).await, Outcome::Applied);
        let ceiling = second.tables.node(first.inc()).await.unwrap().unwrap().ceiling;
        let dead = Dead::from([(first.inc(), ceiling)]);
        let claimed = second.claims.claim_all(&dead).await.unwrap();
        assert!(
            claimed.mine.values().all(|row| row.unfenced.contains(&dead.keys().copied().next().unwrap()))
        );
        let between = second.member.inc;
        drop(second);
        let third = CqlStore::open(named(&short(&config), "second")).await.unwrap();
        let asked = cql.prepare_read("SELECT inc FROM $control.node_fence").await.unwrap();
        let fenced = cql.rows::<(Uuid,)>(&asked, ()).await.unwrap();
        assert!(fenced.contains(&(first.inc(),)) && fenced.contains(&(between,)), "{fenced:?}");
        assert_eq!(first.base.gate.pass().await, Err(GateShut::Fenced));
        let tables = Tables::prepare(&cql).await.unwrap();
        for row in tables.shards(3, true).await.unwrap().values() {
            assert_eq!((row.unfenced.len(), row.epoch), (0, 3), "the names are taken out again");
        }
        third.close().await;
    });
}

#[test]
fn a_fence_shuts_the_gate_for_everybody_who_waits() {
    lab::run_in_cluster(|config, cql| async move {
        let (config, told) = counting(&config);
        let store = CqlStore::open(config).await.unwrap();
        let tables = Tables::prepare(&cql).await.unwrap();
        tables.fence_off(store.inc(), Uuid::new_v4()).await.unwrap();
        let passes = (0..500).map(|_| store.base.gate.pass());
        for pass in futures_util::future::join_all(passes).await {
            assert_eq!(pass, Err(GateShut::Fenced));
        }
        assert_eq!((told.load(SeqCst), store.gate_open()), (1, false));
        assert_eq!(store.base.owned.timestamp(shards()[0]), Err(NoTimestamp::NotOwner));
    });
}

#[test]
fn many_passes_share_few_reads() {
    lab::run_in_cluster(|config, _| async move {
        let store = CqlStore::open(config).await.unwrap();
        let before = store.metrics().gate_reads.count();
        let passes = (0..2000).map(|_| store.base.gate.pass());
        assert!(futures_util::future::join_all(passes).await.iter().all(Result::is_ok));
        let reads = store.metrics().gate_reads.count() - before;
        assert!((1..=20).contains(&reads), "{reads} reads for 2,000 passes that were asked for at once");
        store.close().await;
    });
}

#[test]
fn the_ceiling_rises_before_it_is_reached() {
    lab::run_in_cluster(|config, cql| async move {
        let store = CqlStore::open(CqlConfig {
            lease_renewal: Duration::from_mins(1),
            lease_ttl: Duration::from_mins(3),
            ..config
        })
        .await
        .unwrap();
        let tables = Tables::prepare(&cql).await.unwrap();
        let durable = async || tables.node(store.inc()).await.unwrap().unwrap().ceiling;
        let (before, shard) = (durable().await, shards()[0]);
        for _ in 0..BLOCK / 2 + 10 {
            let given = store.base.owned.timestamp(shard).unwrap();
            assert!(given < before);
        }
        until("the ceiling stays", async || durable().await >= before + BLOCK).await;
        let mut given = 0;
        until("no timestamps come", async || {
            while let Ok(next) = store.base.owned.timestamp(shard) {
                given = next;
                if given > before {
                    return true;
                }
            }
            false
        })
        .await;
        assert!(given < durable().await);
        store.close().await;
    });
}

/// As after an answer that was lost: it is applied, and the one who asked does not know.
#[test]
fn an_unknown_renewal_is_settled_by_what_is_there() {
    lab::run_in_cluster(|config, _| async move {
        let one = instance(config).await;
        let row = one.tables.node(one.member.inc).await.unwrap().unwrap();
        assert_eq!(one.tables.renew(one.member.inc, row.lease, 700).await, Outcome::Applied);
        // It takes what is there for its own, and goes on from there.
        let first = one.member.renew(Some(500)).await;
        let then = one.member.renew(Some(500)).await;
        assert!(first.is_err() && then.is_ok(), "{first:?} {then:?}");
        assert_eq!(one.member.ceiling().await, 700);
        assert!(one.life.over().is_none() && one.owned.believes());
    });
}

#[test]
fn an_unknown_claim_is_settled_by_what_is_there() {
    lab::run_in_cluster(|config, _| async move {
        let (one, again) = (instance(config.clone()).await, instance(config).await);
        let claims = Claims::new(&again.tables, one.member.inc);
        claims.claim(5, &Dead::new()).await.unwrap();
        let claimed = one.claims.claim(5, &Dead::new()).await.unwrap();
        assert_eq!((claimed.mine.len(), claimed.held.len()), (usize::from(BUCKET), 0));
        assert!(claimed.mine.values().all(|row| row.epoch == 1));
    });
}

#[test]
fn nodes_that_would_read_other_majorities_are_refused() {
    lab::run_in_cluster(|config, _| async move {
        let first = CqlStore::open(config.clone()).await.unwrap();
        let local = CqlConfig {
            level: Level::LocalQuorum,
            datacenter: Some("datacenter1".to_owned()),
            ..named(&config, "other")
        };
        let refused = CqlStore::open(local.clone()).await.unwrap_err();
        assert!(matches!(refused, OpenError::Disagreement { .. }), "{refused}");
        first.close().await;
        // With nobody else there it may be changed.
        CqlStore::open(local).await.unwrap().close().await;
    });
}

#[test]
fn numbers_are_never_shared_and_ceilings_never_fall() {
    lab::run_in_cluster(|config, _| async move {
        let (a, b) = (instance(named(&config, "a")).await, instance(named(&config, "b")).await);
        let number = Number::claim(&a.tables, &a.life, a.member.inc).await.unwrap();
        let other = Number::claim(&b.tables, &b.life, b.member.inc).await.unwrap();
        assert_ne!(number.grant().node, other.grant().node);
        number.raise(Timestamp(500)).await.unwrap();
        number.raise(Timestamp(400)).await.unwrap();
        a.member.leave().await;
        let again = instance(named(&config, "a")).await;
        let after = Number::claim(&again.tables, &again.life, again.member.inc).await.unwrap();
        assert_eq!(after.grant().node, number.grant().node);
        assert_eq!(after.grant().id_floor, Timestamp(500));
        assert!(number.raise(Timestamp(600)).await.is_err(), "it has lost its number");
        assert!(a.life.over().is_some());
    });
}

#[test]
fn a_database_that_is_not_there_is_told_soon() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let config = CqlConfig::new(vec!["127.0.0.1:1".to_owned()], "c", "n");
        let refused = timeout(LIMIT, CqlStore::open(config)).await.unwrap().unwrap_err();
        assert!(matches!(refused, OpenError::Unavailable(_)) && refused.may_wait(), "{refused}");
    });
}

#[test]
fn a_dropped_store_leaves_nothing_running() {
    lab::run_in_cluster(|config, _| async move {
        drop(CqlStore::open(short(&config)).await.unwrap());
        // Another node counts as dead only when its lease stands still.
        let other = named(&short(&config), "another");
        until("the lease of the dropped store stands still", async || {
            match CqlStore::open(other.clone()).await {
                Ok(_) => true,
                Err(error) => {
                    assert!(error.may_wait(), "{error}");
                    false
                }
            }
        })
        .await;
    });
}
