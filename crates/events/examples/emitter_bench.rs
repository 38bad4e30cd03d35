//! How fast the emitter is, beside a bare producer with the same properties and the same records.
//!
//! ```text
//! cargo run --release -p causerie-events --example emitter_bench -- localhost:9092 [RECORDS] [BYTES]
//! ```
//!
//! Three rates, in records a second, each the median of three runs in turn: *bare* (records made before, one loop of
//! `send`, until all are acknowledged), *live* (batches of 16 that were committed, handed to the emitter, until all are
//! acknowledged) and *backlog* (the same in the log, marked and told to nobody, until the emitter has found, read and
//! emitted them). It fails if live is below half of bare.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use causerie_events::emitter::Source;
use causerie_events::{Emitter, KafkaConfig, topics};
use causerie_protocol::frame::down::EntryKind;
use causerie_protocol::time::SystemClock;
use causerie_protocol::{Body, ClientMessageId, ConversationId, DeviceId, MessageId, Seq, UserId};
use causerie_store::memory::MemoryStore;
use causerie_store::model::Entry;
use causerie_store::port::Messages;
use causerie_store::{Batch, Committed, Epoch, PendingAppend};
use rdkafka::ClientContext;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer as _, ProducerContext, ThreadedProducer};
use rdkafka::types::RDKafkaErrorCode;

const CONVERSATIONS: u64 = 400;
const BATCH: u64 = 16;
/// Records of the emitter that are not acknowledged. The bare producer takes all that it is given.
const WINDOW: u64 = 40_000;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let servers = arguments.next().context("usage: emitter_bench SERVERS [RECORDS] [BYTES]")?;
    let records: u64 = arguments.next().map_or(Ok(300_000), |text| text.parse())?;
    let bytes: usize = arguments.next().map_or(Ok(200), |text| text.parse())?;
    let records = records / (CONVERSATIONS * BATCH) * CONVERSATIONS * BATCH;
    tokio::runtime::Runtime::new()?.block_on(run(&servers, records, bytes))
}

async fn run(servers: &str, records: u64, bytes: usize) -> Result<()> {
    let mut config = KafkaConfig::new(servers, format!("bench-{}", uuid::Uuid::new_v4().simple()));
    (config.replication, config.min_insync) = (1, 1);
    // So that nothing that was handed over live is read back.
    config.limits.buffered_bytes = 256 << 20;
    topics::prepare(&config).await?;
    let (mut bare, mut live, mut backlog) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..3 {
        bare.push(bare_rate(&config, records, bytes)?);
        let (store, committed) = commit(records, bytes)?;
        live.push(live_rate(&config, &MemoryStore::new(), committed).await?);
        backlog.push(backlog_rate(&config, &store, records).await?);
    }
    let admin: AdminClient<DefaultClientContext> = config.client().create()?;
    admin.delete_topics(&config.topics().all(), &AdminOptions::new()).await?;
    let [bare, live, backlog] = [bare, live, backlog].map(|mut rates| {
        rates.sort_by(f64::total_cmp);
        rates[1]
    });
    println!("{records} records of {bytes} bytes of text");
    println!("bare    {bare:>9.0}/s");
    println!("live    {live:>9.0}/s  {:.2} of bare (must 0.5)", live / bare);
    println!("backlog {backlog:>9.0}/s  {:.2} of bare", backlog / bare);
    ensure!(live >= bare * 0.5, "the emitter is too slow");
    Ok(())
}

/// Counts what is acknowledged.
struct Counting(Arc<AtomicU64>);

impl ClientContext for Counting {}

impl ProducerContext for Counting {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        self.0.fetch_add(u64::from(result.is_ok()), Relaxed);
    }
}

fn bare_rate(config: &KafkaConfig, records: u64, bytes: usize) -> Result<f64> {
    let acknowledged = Arc::new(AtomicU64::new(0));
    let mut client = config.client();
    for (key, value) in [
        ("enable.idempotence", "true"),
        ("acks", "all"),
        ("compression.type", "lz4"),
        ("message.timeout.ms", "0"),
        ("partitioner", "murmur2_random"),
        ("queue.buffering.max.messages", "1000000"),
        ("queue.buffering.max.kbytes", "2000000"),
    ] {
        client.set(key, value);
    }
    let producer: ThreadedProducer<Counting> =
        client.create_with_context(Counting(Arc::clone(&acknowledged)))?;
    let topic = config.topics().messages;
    let id = conversation(1).to_string();
    let headers = [
        ("ce_specversion", "1.0"),
        ("ce_source", "/causerie"),
        ("ce_subject", &id),
        ("ce_partitionkey", &id),
        ("ce_epoch", "1"),
        ("ce_shard", "1234"),
        ("content-type", "application/json"),
        ("ce_id", &format!("{id}:123")),
        ("ce_type", "causerie.message"),
        ("ce_time", "2026-01-01T00:00:00.000Z"),
    ];
    let headers = headers
        .into_iter()
        .fold(OwnedHeaders::new(), |all, (key, value)| all.insert(Header { key, value: Some(value) }));
    // As long as an entry's frame, and different each time.
    let frame = format!("{:<1$}", "{", bytes + 350);
    let values: Vec<String> = (0..64).map(|number| format!("{number:04}{frame}")).collect();
    // Connecting is not measured, as it is not of the emitter.
    let first: BaseRecord<'_, [u8; 16], String> = BaseRecord::to(&topic).payload(&values[0]);
    producer.send(first).map_err(|(error, _)| error)?;
    producer.flush(Duration::from_secs(60))?;
    let start = Instant::now();
    for (number, value) in (0..records).zip(values.iter().cycle()) {
        let key = conversation(number % CONVERSATIONS);
        let record = BaseRecord::to(&topic).key(key.as_bytes()).payload(value).headers(headers.clone());
        let mut refused = producer.send(record).err();
        while let Some((error, record)) = refused {
            ensure!(error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull), "{error}");
            // Waits for reports.
            producer.poll(Duration::from_millis(1));
            refused = producer.send(record).err();
        }
    }
    producer.flush(Duration::from_secs(60))?;
    ensure!(acknowledged.load(Relaxed) == records + 1, "not everything was acknowledged");
    Ok(rate(records, start))
}

fn start(config: &KafkaConfig, store: &MemoryStore) -> Result<Emitter> {
    let store: Arc<dyn Source> = Arc::new(store.clone());
    Ok(Emitter::start(config.clone(), &store, Arc::new(SystemClock::default()))?)
}

async fn live_rate(config: &KafkaConfig, store: &MemoryStore, committed: Vec<Committed>) -> Result<f64> {
    let emitter = start(config, store)?;
    while emitter.lag().incomplete {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let (delivered, start, mut told) = (Arc::clone(emitter.metrics()), Instant::now(), 0);
    for batch in &committed {
        while told - delivered.delivered.load(Relaxed) > WINDOW {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        emitter.committed(batch);
        told += BATCH;
    }
    while delivered.delivered.load(Relaxed) < told {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let rate = rate(told, start);
    emitter.close(Duration::from_secs(30)).await;
    Ok(rate)
}

async fn backlog_rate(config: &KafkaConfig, store: &MemoryStore, records: u64) -> Result<f64> {
    let emitter = start(config, store)?;
    let start = Instant::now();
    while emitter.metrics().delivered.load(Relaxed) < records {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let rate = rate(records, start);
    emitter.close(Duration::from_secs(30)).await;
    Ok(rate)
}

/// A store with a log of so many entries, and what it has committed.
fn commit(records: u64, bytes: usize) -> Result<(MemoryStore, Vec<Committed>)> {
    let store = MemoryStore::new();
    let mut all = Vec::new();
    let text = "x".repeat(bytes);
    for round in 0..records / (CONVERSATIONS * BATCH) {
        for number in 0..CONVERSATIONS {
            let entries = (round * BATCH + 1..=(round + 1) * BATCH).map(|seq| entry(seq, &text)).collect();
            let conversation = conversation(number);
            let batch =
                Batch { conversation, epoch: Epoch(1), entries, projections: Vec::new(), check_keys: false };
            let (reply, answer) = std::sync::mpsc::sync_channel(1);
            store.append(PendingAppend::new(batch, move |result| drop(reply.send(result))));
            all.push(answer.recv()?.map_err(|(_, error)| error)?);
        }
    }
    Ok((store, all))
}

fn entry(seq: u64, text: &str) -> Entry {
    Entry {
        seq: Seq(seq),
        message_id: MessageId(seq << 22),
        kind: EntryKind::Message,
        from: UserId::new("alice").expect("a name"),
        device: DeviceId::new("phone").expect("a name"),
        client_message_id: ClientMessageId(uuid::Uuid::from_u128(u128::from(seq))),
        body: Body::text(text),
    }
}

fn conversation(number: u64) -> ConversationId {
    ConversationId(uuid::Uuid::from_u64_pair(number, 7))
}

#[expect(clippy::cast_precision_loss, reason = "a rate is shown with three digits")]
fn rate(records: u64, start: Instant) -> f64 {
    records as f64 / start.elapsed().as_secs_f64()
}
