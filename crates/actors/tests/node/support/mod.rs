//! A node, its clock, and clients that read what they are waiting for.

mod burst;
mod client;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use causerie_actors::{Chat, ChatBuilder, Identity, LocalUser, Settings, channel};
use causerie_protocol::{Body, ClientMessageId, Clock, DeviceId, Timestamp, UserId};
use causerie_store::memory::MemoryStore;
use tokio::task::JoinHandle;
use uuid::Uuid;

pub(crate) use burst::Burst;
pub(crate) use client::{Client, send};

/// A clock that a test moves: the time that has passed, and by how much the wall clock was set forward.
#[derive(Debug, Default)]
pub(crate) struct ManualClock(AtomicU64, AtomicU64);

const START: u64 = 1_800_000_000_000;

impl ManualClock {
    pub(crate) fn advance(&self, by: Duration) {
        self.0.fetch_add(u64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }

    pub(crate) fn set_forward(&self, by: Duration) {
        self.1.fetch_add(u64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn wall(&self) -> Timestamp {
        Timestamp(START + self.0.load(Ordering::SeqCst) + self.1.load(Ordering::SeqCst))
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::SeqCst))
    }
}

pub(crate) struct Node {
    pub(crate) chat: Chat,
    pub(crate) store: MemoryStore,
    pub(crate) clock: Arc<ManualClock>,
}

impl Node {
    pub(crate) async fn start() -> Self {
        Self::with(Settings::default()).await
    }

    pub(crate) async fn with(settings: Settings) -> Self {
        Self::build(|builder| builder.settings(settings)).await
    }

    pub(crate) async fn build(change: impl FnOnce(ChatBuilder) -> ChatBuilder) -> Self {
        let (store, clock) = (MemoryStore::new(), Arc::new(ManualClock::default()));
        let builder = Chat::builder().store(Arc::new(store.clone())).clock(clock.clone());
        let chat = change(builder).start().await.unwrap();
        // The one write that a node makes of itself, until the clock moves: so that what a test holds is the test's.
        store.hold();
        until(|| store.held() == 1).await;
        store.release();
        Self { chat, store, clock }
    }

    /// A client that is welcome.
    pub(crate) async fn client(&self, name: &str, device_name: &str) -> Client {
        let (transport, client) = channel();
        self.chat.attach(Identity::of(user(name)), device(device_name), transport);
        let client = Client::new(client);
        client.expect("welcome").await;
        client
    }

    /// A user without a connection.
    pub(crate) fn user(&self, name: &str) -> LocalUser {
        self.chat.user(user(name), device("local"))
    }

    /// Moves the clock on, a step at each turn of the wheel, until `what` is done.
    pub(crate) async fn meanwhile<T>(&self, step: Duration, what: impl Future<Output = T>) -> T {
        let on = async {
            let mut turns = tokio::time::interval(causerie_actors::wheel::TICK);
            loop {
                turns.tick().await;
                self.clock.advance(step);
            }
        };
        tokio::select! {
            value = what => value,
            () = on => unreachable!("the loop has no end"),
        }
    }
}

/// Lets everybody else go on until something is so.
pub(crate) async fn until(so: impl Fn() -> bool) {
    let wait = async {
        while !so() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.expect("it never came to be");
}

/// Begins something that the test waits for later.
#[expect(clippy::disallowed_methods, reason = "the test joins it")]
pub(crate) fn start<T: Send + 'static>(what: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
    tokio::spawn(what)
}

pub(crate) fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

pub(crate) fn device(name: &str) -> DeviceId {
    DeviceId::new(name).unwrap()
}

pub(crate) fn key(number: u64) -> ClientMessageId {
    ClientMessageId(Uuid::from_u128(u128::from(number) + 1))
}

pub(crate) fn text(text: &str) -> Body {
    Body::text(text)
}
