//! An event log of a test's own, written as the documentation of the records says, not by the encoder that nodes use.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use causerie_protocol::snowflake::EPOCH_MS;
use causerie_protocol::{ConversationId, Timestamp};
use causerie_services::{Standing, addresses};
use causerie_workers::Partition;
use causerie_workers::counts::Day;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use serde_json::json;

pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// Waits for something that has no event to wait for; fails after [`LIMIT`].
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + LIMIT;
    while !holds() {
        assert!(Instant::now() < deadline, "in vain: {what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// Messages of each conversation and day.
pub(crate) type Truth = BTreeMap<(ConversationId, String), u64>;

/// Topics under a prefix of their own; they are deleted at the end.
pub(crate) struct Log {
    pub(crate) brokers: String,
    pub(crate) prefix: String,
    topics: Vec<String>,
    partitions: i32,
    producer: BaseProducer,
}

pub(crate) fn conversation(number: u8) -> ConversationId {
    ConversationId::from_bytes([number; 16])
}

impl Log {
    /// A log with the topics `messages` and `membership`, or `None` where there is no Kafka.
    pub(crate) fn new(purpose: &str, partitions: i32) -> Option<Self> {
        Some(Self::at(addresses(Standing::Kafka)?.join(","), purpose, partitions))
    }

    /// The same, at these brokers.
    pub(crate) fn at(brokers: String, purpose: &str, partitions: i32) -> Self {
        let prefix = format!("test-workers-{purpose}-{:016x}", rand::random::<u64>());
        let producer = ClientConfig::new()
            .set("bootstrap.servers", &brokers)
            .set("enable.idempotence", "true")
            .set("partitioner", "murmur2_random")
            .set("linger.ms", "1")
            .create()
            .unwrap();
        let topics = ["messages", "membership"].map(|topic| format!("{prefix}.{topic}")).to_vec();
        let log = Self { brokers, prefix, topics, partitions, producer };
        let new = log.topics.iter().map(|topic| NewTopic::new(topic, partitions, TopicReplication::Fixed(1)));
        let new: Vec<NewTopic<'_>> = new.collect();
        let made = block_on(log.admin().create_topics(&new, &AdminOptions::new())).unwrap();
        assert!(made.iter().all(Result::is_ok), "{made:?}");
        log
    }

    pub(crate) fn topic(&self) -> &str {
        &self.topics[0]
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        ClientConfig::new().set("bootstrap.servers", &self.brokers).create().unwrap()
    }

    /// Writes an entry, `day` days after the first day of message ids.
    pub(crate) fn entry(&self, conversation: ConversationId, seq: u64, day: u64, kind: &str) {
        self.entry_to("messages", conversation, seq, day, kind);
    }

    pub(crate) fn entry_to(&self, topic: &str, conversation: ConversationId, seq: u64, day: u64, kind: &str) {
        let time = time(day, seq);
        let value = json!({
            "type": "message", "conversation": conversation, "seq": seq, "kind": kind,
            "message_id": (((time.0 - EPOCH_MS) << 22) | (seq & 0xfff)).to_string(), "from": "alice", "device": "phone",
            "client_message_id": conversation, "time": time,
            "body": { "content_type": "text/plain", "text": format!("{seq}") },
        });
        let id = conversation.to_string();
        let headers = [
            ("ce_specversion", "1.0".to_owned()),
            ("ce_type", format!("causerie.{kind}")),
            ("ce_source", "/causerie".to_owned()),
            ("ce_id", format!("{id}:{seq}")),
            ("ce_subject", id.clone()),
            ("ce_partitionkey", id),
            ("ce_time", time.to_string()),
            ("ce_epoch", "1".to_owned()),
            ("ce_shard", "7".to_owned()),
            ("content-type", "application/json".to_owned()),
        ];
        self.raw(topic, Some(conversation.as_bytes()), &headers, value.to_string().as_bytes());
    }

    /// Writes anything.
    pub(crate) fn raw(&self, topic: &str, key: Option<&[u8]>, headers: &[(&str, String)], value: &[u8]) {
        let topic = format!("{}.{topic}", self.prefix);
        let mut all = OwnedHeaders::new();
        for (key, value) in headers {
            all = all.insert(Header { key, value: Some(value) });
        }
        let mut record = BaseRecord::<[u8], [u8]>::to(&topic).payload(value).headers(all);
        record.key = key;
        loop {
            match self.producer.send(record) {
                Ok(()) => return,
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), again)) => {
                    record = again;
                    self.producer.poll(Duration::from_millis(10));
                }
                Err((error, _)) => panic!("{error}"),
            }
        }
    }

    /// Waits until everything that was written is in the log.
    pub(crate) fn flush(&self) {
        let deadline = Instant::now() + LIMIT;
        while self.producer.in_flight_count() > 0 {
            assert!(Instant::now() < deadline, "the broker does not acknowledge");
            self.producer.poll(Duration::from_millis(5));
        }
    }

    /// One past the last record of each partition of `messages`.
    pub(crate) fn ends(&self) -> BTreeMap<Partition, i64> {
        let consumer: BaseConsumer =
            ClientConfig::new().set("bootstrap.servers", &self.brokers).create().unwrap();
        let end = |number| {
            let (_, end) = consumer.fetch_watermarks(self.topic(), number, LIMIT).unwrap();
            (Partition { topic: self.topic().to_owned(), number }, end)
        };
        (0..self.partitions).map(end).collect()
    }

    /// Deletes the records of partition 0 below an offset, as retention does.
    pub(crate) fn forget_below(&self, offset: i64) {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(self.topic(), 0, Offset::Offset(offset)).unwrap();
        block_on(self.admin().delete_records(&list, &AdminOptions::new())).unwrap();
        let consumer: BaseConsumer =
            ClientConfig::new().set("bootstrap.servers", &self.brokers).create().unwrap();
        assert_eq!(consumer.fetch_watermarks(self.topic(), 0, LIMIT).unwrap().0, offset);
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let topics: Vec<&str> = self.topics.iter().map(String::as_str).collect();
        let deleted = block_on(self.admin().delete_topics(&topics, &AdminOptions::new()));
        if !std::thread::panicking() {
            assert!(deleted.unwrap().iter().all(Result::is_ok));
        }
    }
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

fn time(day: u64, seq: u64) -> Timestamp {
    Timestamp(EPOCH_MS + day * 24 * 60 * 60 * 1000 + seq)
}

/// The name of a day.
pub(crate) fn day(day: u64) -> String {
    Day::of(time(day, 0)).to_string()
}

/// Writes conversations as nodes do: rising positions, membership changes among them, and now and then, as after a crash,
/// the last entries of a conversation once more.
pub(crate) struct Writer {
    conversations: u8,
    last: BTreeMap<u8, u64>,
    pub(crate) truth: Truth,
    pub(crate) repetitions: u64,
}

impl Writer {
    pub(crate) fn new(conversations: u8) -> Self {
        Self { conversations, last: BTreeMap::new(), truth: Truth::new(), repetitions: 0 }
    }

    /// Writes so many new entries.
    pub(crate) fn write(&mut self, log: &Log, entries: usize) {
        for _ in 0..entries {
            let number = rand::random_range(0..self.conversations);
            let last = self.last.entry(number).or_default();
            *last += 1;
            let (seq, last) = (*last, *last);
            if put(log, number, seq) {
                *self.truth.entry((conversation(number), day(seq / 40))).or_default() += 1;
            }
            if rand::random_ratio(1, 10) {
                for seq in last.saturating_sub(rand::random_range(0..8)).max(1)..=last {
                    put(log, number, seq);
                    self.repetitions += 1;
                }
            }
        }
    }
}

/// Writes what a position always holds, so that a repetition is one. Whether it is a message.
fn put(log: &Log, number: u8, seq: u64) -> bool {
    let is_message = seq % 7 != 1;
    log.entry(conversation(number), seq, seq / 40, if is_message { "message" } else { "membership" });
    is_message
}
