//! A store in memory whose log is emitted, and a reader of topics.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use causerie_events::config::Limits;
use causerie_events::emitter::Source;
use causerie_events::record::{Event, EventBody, decode};
use causerie_events::{Emitter, KafkaConfig};
use causerie_protocol::frame::down::EntryKind;
use causerie_protocol::time::SystemClock;
use causerie_protocol::{Body, ClientMessageId, ConversationId, DeviceId, MessageId, Seq, UserId};
use causerie_services::Standing;
use causerie_store::memory::MemoryStore;
use causerie_store::model::{Entry, Shard};
use causerie_store::port::{Messages, Outbox};
use causerie_store::{Batch, Committed, Epoch, PendingAppend};
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::{Message as _, Offset, TopicPartitionList};

/// Longer than anything here takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// What a test runs on.
pub(crate) fn block_on<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(test)
}

/// A log that is emitted.
pub(crate) struct Lab {
    pub(crate) config: KafkaConfig,
    pub(crate) store: MemoryStore,
    /// How long each log is.
    pub(crate) logs: BTreeMap<ConversationId, u64>,
}

/// A record, with its partition.
pub(crate) type Read = (i32, Event);

impl Lab {
    /// On the Kafka that stays up; `None`: there is none, and the test is skipped.
    pub(crate) fn standing() -> Option<Self> {
        Some(Self::at(&causerie_services::addresses(Standing::Kafka)?.join(",")))
    }

    /// On this Kafka, of one broker.
    pub(crate) fn at(servers: &str) -> Self {
        let mut config = KafkaConfig::new(servers, format!("t-{}", uuid::Uuid::new_v4().simple()));
        (config.partitions, config.replication, config.min_insync) = (3, 1, 1);
        config.limits = Limits {
            idle: Duration::from_millis(500),
            cursor_interval: Duration::from_millis(500),
            ..Limits::default()
        };
        Self { config, store: MemoryStore::new(), logs: BTreeMap::new() }
    }

    pub(crate) fn start(&self) -> Emitter {
        let store: Arc<dyn Source> = Arc::new(self.store.clone());
        Emitter::start(self.config.clone(), &store, Arc::new(SystemClock::default()))
            .expect("a good configuration")
    }

    /// Commits so many entries of a conversation in one batch.
    pub(crate) fn commit(&mut self, number: u128, count: u64) -> Committed {
        self.commit_text(number, count, "hello")
    }

    pub(crate) fn commit_text(&mut self, number: u128, count: u64, text: &str) -> Committed {
        let conversation = conversation(number);
        let length = self.logs.entry(conversation).or_default();
        let entries = (*length + 1..=*length + count).map(|seq| entry(seq, text)).collect();
        *length += count;
        let batch =
            Batch { conversation, epoch: Epoch(1), entries, projections: Vec::new(), check_keys: false };
        let (reply, answer) = sync_channel(1);
        self.store
            .append(PendingAppend::new(batch, move |result| reply.send(result).expect("somebody waits")));
        answer.recv().expect("an answer").expect("it is committed")
    }

    /// Waits until every log is emitted, as far as its cursor says.
    pub(crate) async fn emitted(&self) -> Result<()> {
        for (conversation, length) in &self.logs {
            until(async || Ok(self.store.extent(*conversation).await?.emitted == Seq(*length)))
                .await
                .with_context(|| format!("emitting {conversation}"))?;
        }
        Ok(())
    }

    /// How many conversations are marked.
    pub(crate) async fn marks(&self) -> usize {
        let mut marks = 0;
        for shard in Shard::all() {
            marks += self.store.marked(shard, None, usize::MAX).await.expect("it is readable").len();
        }
        marks
    }

    /// All records of a topic.
    pub(crate) fn read(&self, topic: &str) -> Result<Vec<Read>> {
        let consumer: BaseConsumer = self
            .config
            .client()
            .set("group.id", "judge")
            .set("enable.partition.eof", "false")
            .set("check.crcs", "true")
            .create()?;
        let mut assignment = TopicPartitionList::new();
        let mut left = 0;
        for partition in 0..i32::from(self.config.partitions) {
            let (low, high) = consumer.fetch_watermarks(topic, partition, PATIENCE)?;
            left += high - low;
            assignment.add_partition_offset(topic, partition, Offset::Beginning)?;
        }
        consumer.assign(&assignment)?;
        let (start, mut events) = (Instant::now(), Vec::new());
        while left > 0 {
            ensure!(start.elapsed() < PATIENCE, "{left} records are missing");
            let Some(record) = consumer.poll(Duration::from_millis(500)) else { continue };
            let record = record?;
            events.push((record.partition(), decode(&record)?));
            left -= 1;
        }
        Ok(events)
    }

    /// Reads and judges what was emitted: everything, in order, each conversation in one partition. Answers how many
    /// records repeat others.
    pub(crate) fn judge(&self) -> Result<usize> {
        let topics = self.config.topics();
        let events = self.read(&topics.messages)?;
        let mut seen: BTreeMap<ConversationId, (i32, u64)> = BTreeMap::new();
        let mut repeated = 0;
        for (partition, event) in &events {
            let (at, last) = seen.entry(event.conversation).or_insert((*partition, 0));
            ensure!(at == partition, "a conversation in two partitions");
            let seq = event.seq().context("an entry")?.0;
            ensure!(seq <= *last + 1, "{}: {seq} after {last}", event.conversation);
            repeated += usize::from(seq <= *last);
            *last = seq.max(*last);
        }
        let lengths: BTreeMap<_, _> = seen.into_iter().map(|(id, (_, last))| (id, last)).collect();
        ensure!(lengths == self.logs, "not everything was emitted");
        let changes: BTreeSet<_> =
            self.read(&topics.membership)?.into_iter().map(|(_, event)| event.id).collect();
        let expected: BTreeSet<Box<str>> = self
            .logs
            .iter()
            .flat_map(|(id, length)| {
                (1..=*length).filter(|seq| is_change(*seq)).map(move |seq| format!("{id}:{seq}").into())
            })
            .collect();
        ensure!(changes == expected, "not every membership change was emitted");
        Ok(repeated)
    }

    /// Deletes the topics.
    pub(crate) async fn end(self) -> Result<()> {
        let admin: AdminClient<DefaultClientContext> = self.config.client().create()?;
        admin.delete_topics(&self.config.topics().all(), &AdminOptions::new()).await?;
        Ok(())
    }
}

/// How often it is looked: Kafka does not tell by itself.
const LOOK: Duration = Duration::from_millis(20);

/// Waits for something, at most as long as everything may take.
pub(crate) async fn until(mut holds: impl AsyncFnMut() -> Result<bool>) -> Result<()> {
    let (start, mut looks) = (Instant::now(), tokio::time::interval(LOOK));
    while !holds().await? {
        ensure!(start.elapsed() < PATIENCE, "it takes too long");
        looks.tick().await;
    }
    Ok(())
}

pub(crate) fn conversation(number: u128) -> ConversationId {
    ConversationId(uuid::Uuid::from_u128(number))
}

fn is_change(seq: u64) -> bool {
    seq.is_multiple_of(7)
}

fn entry(seq: u64, text: &str) -> Entry {
    Entry {
        seq: Seq(seq),
        message_id: MessageId(seq << 22),
        kind: if is_change(seq) { EntryKind::Membership } else { EntryKind::Message },
        from: UserId::new("alice").expect("a name"),
        device: DeviceId::new("phone").expect("a name"),
        client_message_id: ClientMessageId(uuid::Uuid::from_u128(u128::from(seq))),
        body: Body::text(text),
    }
}

/// Those of a topic that stand for what was too large, by position.
pub(crate) fn oversize(events: &[Read]) -> Vec<(ConversationId, u64)> {
    let stands = |(_, event): &Read| match &event.body {
        EventBody::Entry { message, oversize: Some(_) } => Some((event.conversation, message.seq.0)),
        _ => None,
    };
    events.iter().filter_map(stands).collect()
}
