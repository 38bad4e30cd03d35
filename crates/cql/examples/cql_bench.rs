//! How fast the store appends, against bare unlogged batches of the same size with the same driver.
//!
//! ```text
//! cargo run --release -p causerie-cql --example cql_bench -- 127.0.0.1:9042 [seconds]
//! ```
//!
//! 400 connections in pairs, each with 16 messages of about 300 bytes under way: 200 conversations that take a new batch as
//! soon as the one before is answered, of up to 32 messages. The floor writes the same rows, one message a row and one key
//! a row, at the same concurrency, with nothing before and nothing after. Both keep what they wrote; the keyspaces are
//! dropped at the end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use causerie_cql::{CqlConfig, CqlStore};
use causerie_protocol::frame::down::EntryKind;
use causerie_protocol::{Body, ClientMessageId, ConversationId, DeviceId, MessageId, Seq, UserId};
use causerie_store::model::{Batch, Entry, Epoch};
use causerie_store::port::Messages as _;
use causerie_store::port::messages::AppendError;
use causerie_store::{Committed, PendingAppend};
use futures_util::future::join_all;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::statement::Consistency;
use scylla::statement::batch::{Batch as CqlBatch, BatchType};
use scylla::statement::prepared::PreparedStatement;
use tokio::sync::Semaphore;
use uuid::Uuid;

const CONVERSATIONS: usize = 200;
const TEXT_BYTES: usize = 200;
/// Batches at the database, for both.
const IN_FLIGHT: usize = 64;
/// What two connections with sixteen messages under way bring together.
const MOST: u64 = 32;

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let host = arguments.next().unwrap_or_else(|| "127.0.0.1:9042".to_owned());
    let seconds = arguments.next().map_or(10, |text| text.parse().expect("seconds"));
    let random = &Uuid::new_v4().simple().to_string()[..12];
    let mut config = CqlConfig::new(vec![host.clone()], "bench", "node-1");
    config.keyspace = format!("t_{random}");
    config.control_keyspace = format!("t_{random}_ctl");
    config.replication = BTreeMap::from([("datacenter1".to_owned(), 1)]);
    config.may_lose_acknowledged_messages = true;
    config.appends_in_flight = IN_FLIGHT;
    let session = SessionBuilder::new().known_nodes([host]).build().await.expect("the database answers");
    let store = Arc::new(CqlStore::open(config.clone()).await.expect("the store opens"));
    let session = Arc::new(session);
    for batch in [1, 4, 16, MOST] {
        let time = Duration::from_secs(seconds);
        let floor = floor(&session, &config.keyspace, batch, time).await;
        let before = store.metrics().requests();
        let ours = ours(&store, batch, time).await;
        let requests = (store.metrics().requests() - before) as f64 / ours.messages as f64;
        println!(
            "{batch:>2} a batch: {:>6.0} messages/s (p50 {:?}, p99 {:?}), bare {:>6.0} (p50 {:?}, p99 {:?}): \
             ratio {:.2}; {requests:.3} requests a message",
            ours.rate(),
            ours.quantile(50),
            ours.quantile(99),
            floor.rate(),
            floor.quantile(50),
            floor.quantile(99),
            ours.rate() / floor.rate(),
        );
    }
    Arc::into_inner(store).expect("nobody else has it").close().await;
    for keyspace in [config.keyspace, config.control_keyspace] {
        session.query_unpaged(format!("DROP KEYSPACE {keyspace}"), ()).await.expect("it is dropped");
    }
}

struct Figures {
    messages: u64,
    took: Duration,
    batches: Vec<Duration>,
}

impl Figures {
    fn rate(&self) -> f64 {
        self.messages as f64 / self.took.as_secs_f64()
    }

    fn quantile(&self, percent: usize) -> Duration {
        self.batches[(self.batches.len() - 1) * percent / 100]
    }
}

/// Runs one worker a conversation until time is over.
async fn measure<F>(batch: u64, time: Duration, worker: impl Fn(ConversationId, u64) -> F) -> Figures
where
    F: Future<Output = ()>,
{
    let began = Instant::now();
    let messages = AtomicU64::new(0);
    let workers = (0..CONVERSATIONS).map(|_| async {
        let (id, mut first, mut batches) = (ConversationId(Uuid::new_v4()), 1, Vec::new());
        while began.elapsed() < time {
            let sent = Instant::now();
            worker(id, first).await;
            batches.push(sent.elapsed());
            first += batch;
            messages.fetch_add(batch, Relaxed);
        }
        batches
    });
    let mut batches: Vec<_> = join_all(workers).await.into_iter().flatten().collect();
    batches.sort_unstable();
    Figures { messages: messages.load(Relaxed), took: began.elapsed(), batches }
}

async fn ours(store: &Arc<CqlStore>, batch: u64, time: Duration) -> Figures {
    measure(batch, time, |conversation, first| {
        let store = Arc::clone(store);
        async move {
            let entries = (first..first + batch).map(entry).collect();
            let batch =
                Batch { conversation, epoch: Epoch(1), entries, projections: vec![], check_keys: false };
            commit(&store, batch).await.expect("it is stored");
        }
    })
    .await
}

async fn commit(store: &CqlStore, batch: Batch) -> Result<Committed, (Batch, AppendError)> {
    let (reply, answer) = tokio::sync::oneshot::channel();
    store.append(PendingAppend::new(batch, move |result| drop(reply.send(result))));
    answer.await.expect("every append is answered")
}

fn entry(seq: u64) -> Entry {
    Entry {
        seq: Seq(seq),
        message_id: MessageId((1 << 22) + seq),
        kind: EntryKind::Message,
        from: UserId::new("alice").expect("a user id"),
        device: DeviceId::new("phone").expect("a device id"),
        client_message_id: ClientMessageId(Uuid::new_v4()),
        body: Body::text(&"x".repeat(TEXT_BYTES)),
    }
}

/// The same rows and nothing else.
async fn floor(session: &Arc<Session>, keyspace: &str, batch: u64, time: Duration) -> Figures {
    let insert = format!(
        "INSERT INTO {keyspace}.messages (conv, page, kind, seq, cmid, epoch, body) VALUES (?, ?, ?, ?, ?, ?, ?)"
    );
    let mut insert: PreparedStatement = session.prepare(insert).await.expect("the table is there");
    insert.set_consistency(Consistency::Quorum);
    let places = Arc::new(Semaphore::new(IN_FLIGHT));
    measure(batch, time, |conversation, first| {
        let (session, insert, places) = (Arc::clone(session), insert.clone(), Arc::clone(&places));
        async move {
            let mut statements = CqlBatch::new(BatchType::Unlogged);
            statements.set_consistency(Consistency::Quorum);
            let mut values = Vec::new();
            for seq in first..first + batch {
                let page = i32::try_from(seq / 4096).expect("a short log");
                let position = i64::try_from(seq).expect("a short log");
                for (kind, seq, key, bytes) in
                    [(0_i8, position, Uuid::nil(), TEXT_BYTES + 140), (1, 0, Uuid::new_v4(), 13)]
                {
                    statements.append_statement(insert.clone());
                    values.push((conversation.0, page, kind, seq, key, 1_i64, vec![7_u8; bytes]));
                }
            }
            let _place = places.acquire().await.expect("nobody closes it");
            while let Err(error) = session.batch(&statements, &values[..]).await {
                eprintln!("repeated: {error}");
            }
        }
    })
    .await
}
