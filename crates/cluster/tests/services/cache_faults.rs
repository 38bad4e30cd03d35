//! Redis is frozen, killed and flushed under the cache: readers are answered by the store, and nothing old comes back.

use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use causerie_cluster::redis::RedisConfig;

use crate::cache::{Source, ask, connected, named, write};
use crate::support::{LOOK, Own, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_is_frozen_costs_little_and_shows_nothing_old_when_it_goes_on() {
    let Some(mut own) = Own::start("cache-freeze") else { return };
    let (cache, source) = (connected(&own.config).await, Source::new("old"));
    assert_eq!(ask(&cache, &source, "alice").await, named("old"));
    assert!(own.cli().hash("cache:profile:alice")["value"].contains("old"));
    own.redis.server().pause().unwrap();
    let asked = Instant::now();
    for at in 0..200 {
        assert_eq!(ask(&cache, &source, &format!("u{at}")).await, named("old"));
    }
    // 200 looks of 100 ms each would be 20 s.
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    assert!(cache.reading().left_alone && cache.reading().degraded().is_some());
    write(&cache, &source, "alice", "new").await;
    assert!(cache.reading().overdue > 0, "it could not be removed");
    assert_eq!(ask(&cache, &source, "alice").await, named("new"));
    own.redis.server().resume().unwrap();
    // From the first moment on, although Redis has the old value.
    until("what is old is removed", || cache.reading().overdue == 0).await;
    assert_eq!(ask(&cache, &source, "alice").await, named("new"));
    until("the old value is gone", || {
        own.cli().hash("cache:profile:alice").get("value").is_none_or(|value| value.contains("new"))
    })
    .await;
    let hits = cache.reading().hits;
    let mut looks = tokio::time::interval(LOOK);
    for _ in 0..1_000 {
        assert_eq!(ask(&cache, &source, "alice").await, named("new"));
        if cache.reading().hits > hits {
            break;
        }
        looks.tick().await;
    }
    assert!(cache.reading().hits > hits, "it is used again: {cache:?}");
    assert_eq!(cache.reading().degraded(), None);
    cache.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_is_killed_is_used_again_when_it_is_back() {
    let Some(mut own) = Own::start("cache-kill") else { return };
    let (cache, source) = (connected(&own.config).await, Source::new("old"));
    own.kill();
    for at in 0..20 {
        assert_eq!(ask(&cache, &source, &format!("u{at}")).await, named("old"));
    }
    write(&cache, &source, "u1", "new").await;
    assert_eq!(ask(&cache, &source, "u1").await, named("new"));
    own.start_again();
    until("Redis knows the key again", || {
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(ask(&cache, &source, "u1"));
        });
        own.cli().hash("cache:profile:u1").contains_key("value")
    })
    .await;
    assert!(own.cli().hash("cache:profile:u1")["value"].contains("new"));
    cache.close().await;
}

/// A version that is lost with all of Redis never comes again: who saw it fills nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flush_between_a_write_and_a_slow_reader_lets_nothing_old_back() {
    let Some(own) = Own::start("cache-flush") else { return };
    let config = RedisConfig { cache_timeout: Duration::from_secs(2), ..own.config.clone() };
    let (cache, source) = (connected(&config).await, Source::new("old"));
    let alice = [crate::support::user("alice")];
    for at in 0..50 {
        let (old, new) = (format!("old{at}"), format!("new{at}"));
        source.set(&old);
        let slow = async {
            let loaded = cache.get_many(&alice, |users| {
                let (source, cache, own, new) = (source.clone(), cache.clone(), own.cli(), new.clone());
                Box::pin(async move {
                    let read = source.load(&users).await;
                    write(&cache, &source, "alice", &new).await;
                    assert_eq!(own.ask(&["FLUSHALL"]), ["OK"]);
                    read
                })
            });
            loaded.await.unwrap()
        };
        assert_eq!(slow.await, [named(&old)]);
        assert_eq!(ask(&cache, &source, "alice").await, named(&new));
        own.cli().ask(&["FLUSHALL"]);
    }
    assert_eq!((cache.reading().late_fills, source.reads.load(SeqCst)), (50, 100));
    cache.close().await;
}
