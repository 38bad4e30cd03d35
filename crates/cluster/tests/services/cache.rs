//! The cache answers what the store would, also where a write and a slow reader meet.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use causerie_cluster::redis::{CachedStore, RedisCache, RedisConfig};
use causerie_protocol::frame::down::{ConversationKind, HistoryAccess};
use causerie_protocol::{ConversationId, SystemClock, Title, UserId};
use causerie_store::memory::MemoryStore;
use causerie_store::model::{ConversationRow, Profile};
use causerie_store::port::{Answer, ReadError, Users};
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use crate::support::{Cli, LOOK, standing, until, user};

pub(crate) fn named(name: &str) -> Profile {
    Profile { display_name: Some(name.into()), picture: None }
}

/// One profile for everybody, counted, and slow where a test wants that.
pub(crate) struct Source {
    value: Mutex<Profile>,
    pub(crate) reads: AtomicUsize,
    /// Readers that have read, and wait to answer.
    pub(crate) waiting: AtomicUsize,
    go: Semaphore,
}

impl Source {
    pub(crate) fn new(name: &str) -> Arc<Self> {
        Arc::new(Self {
            value: Mutex::new(named(name)),
            reads: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            go: Semaphore::new(1_000),
        })
    }

    pub(crate) fn set(&self, name: &str) {
        *self.value.lock() = named(name);
    }

    fn hold(&self) {
        self.go.forget_permits(usize::MAX);
    }

    fn release(&self) {
        self.go.add_permits(1_000);
    }

    pub(crate) fn load(self: &Arc<Self>, users: &[UserId]) -> Answer<Result<Vec<Profile>, ReadError>> {
        let (source, count) = (Arc::clone(self), users.len());
        Box::pin(async move {
            source.reads.fetch_add(1, SeqCst);
            let read = source.value.lock().clone();
            source.waiting.fetch_add(1, SeqCst);
            source.go.acquire().await.unwrap().forget();
            source.waiting.fetch_sub(1, SeqCst);
            source.go.add_permits(1);
            Ok(vec![read; count])
        })
    }
}

pub(crate) async fn ask(cache: &RedisCache, source: &Arc<Source>, name: &str) -> Profile {
    cache.get_many(&[user(name)], |users| source.load(&users)).await.unwrap().remove(0)
}

pub(crate) async fn write(cache: &RedisCache, source: &Arc<Source>, name: &str, value: &str) {
    cache.change::<Profile, _>(&user(name), async { source.set(value) }).await;
}

/// A cache that has reached its Redis.
pub(crate) async fn connected(config: &RedisConfig) -> RedisCache {
    let cache = RedisCache::start(config, Arc::new(SystemClock::default())).unwrap();
    let probe = Source::new("probe");
    let mut looks = tokio::time::interval(LOOK);
    for at in 0.. {
        ask(&cache, &probe, "probe").await;
        if cache.reading().hits > 0 {
            break;
        }
        assert!(at < 1_000, "the cache does not reach Redis: {cache:?}");
        looks.tick().await;
    }
    cache
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_read_once_is_answered_by_redis_until_it_is_written() {
    let Some(config) = standing("hit") else { return };
    let (cli, cache) = (Cli::new(&config), connected(&config).await);
    let other_node = connected(&config).await;
    let source = Source::new("Alice");
    for _ in 0..3 {
        assert_eq!(ask(&cache, &source, "alice").await, named("Alice"));
        assert_eq!(ask(&other_node, &source, "alice").await, named("Alice"));
    }
    assert_eq!(source.reads.load(SeqCst), 1);
    assert!(cli.hash("cache:profile:alice")["value"].contains("Alice"));
    assert!((590..=600).contains(&cli.seconds_left("cache:profile:alice")));
    write(&cache, &source, "alice", "Alicia").await;
    assert_eq!(ask(&other_node, &source, "alice").await, named("Alicia"));
    assert_eq!(ask(&cache, &source, "alice").await, named("Alicia"));
    assert_eq!(source.reads.load(SeqCst), 2);
    cache.close().await;
    other_node.close().await;
    cli.clean();
}

/// The classic: read the old value, be slow, let somebody write and invalidate, put the old value back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_puts_back_nothing_old() {
    let Some(config) = standing("race") else { return };
    let (slow_node, writer) = (connected(&config).await, connected(&config).await);
    let source = Source::new("old");
    source.hold();
    let slow = {
        let (cache, source) = (slow_node.clone(), Arc::clone(&source));
        tokio_util::task::TaskTracker::new().spawn(async move { ask(&cache, &source, "alice").await })
    };
    until("the slow reader has read", || source.waiting.load(SeqCst) == 1).await;
    write(&writer, &source, "alice", "new").await;
    // Who asks on the slow reader's node now waits for it, and is not answered what that one has read.
    let after = {
        let (cache, source) = (slow_node.clone(), Arc::clone(&source));
        tokio_util::task::TaskTracker::new().spawn(async move { ask(&cache, &source, "alice").await })
    };
    until("another reader waits", || slow_node.reading().waited == 1).await;
    source.release();
    assert_eq!(slow.await.unwrap(), named("old"), "it began before the write");
    assert_eq!(after.await.unwrap(), named("new"));
    for node in [&slow_node, &writer] {
        assert_eq!(ask(node, &source, "alice").await, named("new"));
    }
    assert_eq!(slow_node.reading().late_fills, 1, "the slow reader did try");
    slow_node.close().await;
    writer.close().await;
    Cli::new(&config).clean();
}

/// The same while the write is under way, whose node then dies.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_fills_while_a_write_is_under_way() {
    let Some(config) = standing("under-way") else { return };
    let (cli, cache) = (Cli::new(&config), connected(&config).await);
    let other_node = connected(&config).await;
    let source = Source::new("old");
    assert_eq!(ask(&cache, &source, "alice").await, named("old"));
    let (key, gone) = (user("alice"), AtomicUsize::new(0));
    {
        // Its store never answers, and it is given up.
        let write = cache.change::<Profile, _>(&key, async {
            gone.store(1, SeqCst);
            std::future::pending::<()>().await;
        });
        let mut write = std::pin::pin!(write);
        let begun = async {
            while gone.load(SeqCst) == 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            () = &mut write => unreachable!(),
            () = begun => {}
        }
        assert_eq!(ask(&other_node, &source, "alice").await, named("old"));
        assert!(!cli.hash("cache:profile:alice").contains_key("value"));
        source.set("new");
        assert_eq!(ask(&other_node, &source, "alice").await, named("new"));
        assert!((1..=60).contains(&cli.seconds_left("cache:profile:alice")));
    }
    assert!(cache.reading().degraded().is_some() || cache.reading().overdue == 0);
    until("what it left is removed", || cache.reading().overdue == 0).await;
    assert_eq!(ask(&cache, &source, "alice").await, named("new"));
    cache.close().await;
    other_node.close().await;
    cli.clean();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_who_miss_together_ask_the_store_once() {
    let Some(config) = standing("stampede") else { return };
    let (cache, source) = (connected(&config).await, Source::new("Alice"));
    source.hold();
    let tracker = tokio_util::task::TaskTracker::new();
    let readers: Vec<_> = (0..200)
        .map(|_| {
            let (cache, source) = (cache.clone(), Arc::clone(&source));
            tracker.spawn(async move { ask(&cache, &source, "alice").await })
        })
        .collect();
    until("all but one wait", || cache.reading().waited == 199).await;
    source.release();
    for reader in readers {
        assert_eq!(reader.await.unwrap(), named("Alice"));
    }
    assert_eq!(source.reads.load(SeqCst), 1);
    cache.close().await;
    Cli::new(&config).clean();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn profiles_of_a_store_are_cached_and_exact() {
    let Some(config) = standing("store") else { return };
    let inner = Arc::new(MemoryStore::new());
    let cache = connected(&config).await;
    let store = CachedStore::new(inner.clone(), cache.clone());
    let everybody = vec![user("alice"), user("bob"), user("alice")];
    store.put_profile(user("bob"), named("Bob")).await.unwrap();
    let expected = [Profile::default(), named("Bob"), Profile::default()];
    assert_eq!(store.profiles(everybody.clone()).await.unwrap(), expected);
    // Behind the cache's back: shows that it does answer.
    inner.put_profile(user("bob"), named("unseen")).await.unwrap();
    assert_eq!(store.profiles(everybody.clone()).await.unwrap(), expected);
    store.put_profile(user("alice"), named("Alice")).await.unwrap();
    store.erase_user(user("bob")).await.unwrap();
    let expected = [named("Alice"), Profile::default(), named("Alice")];
    assert_eq!(store.profiles(everybody).await.unwrap(), expected);
    cache.close().await;
    Cli::new(&config).clean();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_conversation_is_is_cached_too() {
    let Some(config) = standing("row") else { return };
    let cache = connected(&config).await;
    let id = ConversationId::from_bytes([7; 16]);
    let row = ConversationRow {
        kind: ConversationKind::Group,
        created_by: user("alice"),
        with: None,
        created: 5,
        title: Some(Title::new("Tea").unwrap()),
        history: HistoryAccess::Full,
        member_count: 3,
    };
    let kept = Arc::new(Mutex::new(None));
    let load = |_: Vec<ConversationId>| -> Answer<Result<Vec<Option<ConversationRow>>, ReadError>> {
        let kept = Arc::clone(&kept);
        Box::pin(async move { Ok(vec![kept.lock().clone()]) })
    };
    assert_eq!(cache.get_many(&[id], load).await.unwrap(), [None]);
    cache.change::<Option<ConversationRow>, _>(&id, async { *kept.lock() = Some(row.clone()) }).await;
    assert_eq!(cache.get_many(&[id], load).await.unwrap(), [Some(row.clone())]);
    *kept.lock() = None;
    assert_eq!(cache.get_many(&[id], load).await.unwrap(), [Some(row)], "from Redis");
    cache.close().await;
    Cli::new(&config).clean();
}

/// Readers and writers on two nodes at once: nobody reads what is older than what was acknowledged before it began.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_reads_less_than_was_acknowledged_before() {
    let Some(config) = standing("exact") else { return };
    let nodes = [connected(&config).await, connected(&config).await];
    let source = Source::new("0");
    let acknowledged = Arc::new(AtomicUsize::new(0));
    let tracker = tokio_util::task::TaskTracker::new();
    for node in nodes.iter().cycle().take(8) {
        let (node, source, acknowledged) = (node.clone(), Arc::clone(&source), Arc::clone(&acknowledged));
        tracker.spawn(async move {
            for _ in 0..300 {
                let least = acknowledged.load(SeqCst);
                let read = ask(&node, &source, "alice").await.display_name.unwrap();
                assert!(read.parse::<usize>().unwrap() >= least, "{read} after {least}");
            }
        });
    }
    for at in 1..=150 {
        write(&nodes[at % 2], &source, "alice", &at.to_string()).await;
        acknowledged.store(at, SeqCst);
    }
    tracker.close();
    tracker.wait().await;
    assert!(nodes[0].reading().hits > 1, "{nodes:?}");
    for node in nodes {
        assert_eq!(node.reading().overdue, 0);
        node.close().await;
    }
    Cli::new(&config).clean();
}
