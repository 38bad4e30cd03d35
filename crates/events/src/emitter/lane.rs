//! The shell of one ordered emitter: performs what the core decides, and brings back what comes of it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use causerie_protocol::time::Clock;
use causerie_protocol::{ConversationId, Seq, Timestamp};
use causerie_store::Epoch;
use causerie_store::model::Shard;
use causerie_store::port::WriteError;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::asking::{Doing, Done, MARKS, log, question};
use super::core::{Bounds, Core, Next, Topic};
use super::inbox::Inbox;
use super::metrics::{EmitterMetrics, Gauges};
use super::producer::{Producer, Refusal, Report};
use super::source::Source;
use super::{Emitter, Handle};
use crate::config::{KafkaConfig, Limits};
use crate::record::{Encoder, Told};
use crate::topics::{self, TopicError, TopicNames};

/// Questions to the store under way, and as many marks that are cleared.
const ASKS: usize = 16;
/// Cursors that are written at a time.
const CURSORS: usize = 256;
/// Records that are handed over before anything else gets its turn, other tasks of the node too: under a millisecond.
const BURST: usize = 256;
/// How often it looks at what is due.
const TICK: Duration = Duration::from_secs(1);

/// One ordered emitter.
pub(super) struct Lane {
    core: Core,
    config: Arc<KafkaConfig>,
    topics: TopicNames,
    source: Arc<dyn Source>,
    clock: Arc<dyn Clock>,
    inbox: Arc<Inbox>,
    wake: Arc<Notify>,
    metrics: Arc<EmitterMetrics>,
    gauges: Arc<Gauges>,
    failing: Arc<Mutex<Option<String>>>,
    abort: CancellationToken,
    producer: Option<Producer>,
    encoder: Encoder,
    doing: FuturesUnordered<Doing>,
    reports: Vec<Report>,
    /// Writes of cursors under way, and marks that wait to be cleared or are just being.
    writing: usize,
    marks: VecDeque<(ConversationId, Seq)>,
    clearing: usize,
    last_write_failed: bool,
    cursors_due: Duration,
    /// Failures of the producer since a record was last delivered.
    failures: u32,
    probing: bool,
    closing: bool,
}

fn bounds(limits: &Limits) -> Bounds {
    Bounds {
        buffered_bytes: limits.buffered_bytes,
        in_flight: limits.in_flight,
        in_flight_bytes: limits.in_flight_bytes,
        asks: ASKS,
        tracks: limits.conversations,
        page: MARKS,
        latest: limits.latest,
        idle: limits.idle,
    }
}

impl Lane {
    pub(super) fn new(
        number: usize,
        config: &Arc<KafkaConfig>,
        source: &Arc<dyn Source>,
        emitter: &Emitter,
    ) -> (Self, Handle) {
        let wake = Arc::new(Notify::new());
        let limits = &config.limits;
        let inbox = Arc::new(Inbox::new(limits.buffered_bytes / 2, limits.latest, Arc::clone(&wake)));
        let (gauges, failing) = (Arc::new(Gauges::default()), Arc::new(Mutex::default()));
        gauges.unknown.store(true, Relaxed);
        let mine = |shard: &Shard| usize::from(shard.number()) % limits.emitters == number;
        let handle =
            Handle { inbox: Arc::clone(&inbox), gauges: Arc::clone(&gauges), failing: Arc::clone(&failing) };
        let lane = Self {
            core: Core::new(bounds(limits), Shard::all().filter(mine)),
            topics: config.topics(),
            config: Arc::clone(config),
            source: Arc::clone(source),
            clock: Arc::clone(&emitter.clock),
            inbox,
            wake,
            metrics: Arc::clone(&emitter.metrics),
            gauges,
            failing,
            abort: emitter.abort.clone(),
            producer: None,
            encoder: Encoder::default(),
            doing: FuturesUnordered::new(),
            reports: Vec::new(),
            writing: 0,
            marks: VecDeque::new(),
            clearing: 0,
            last_write_failed: false,
            cursors_due: Duration::ZERO,
            failures: 0,
            probing: false,
            closing: false,
        };
        (lane, handle)
    }

    pub(super) async fn run(mut self, mut closing: watch::Receiver<bool>) {
        let abort = self.abort.clone();
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let wake = Arc::clone(&self.wake);
        self.connect(Duration::ZERO);
        loop {
            tokio::select! {
                () = abort.cancelled() => break,
                // The sender lives as long as the emitter, and its end is an abort.
                _ = closing.wait_for(|closing| *closing), if !self.closing => self.closing = true,
                Some(done) = self.doing.next() => self.done(done),
                () = wake.notified() => {}
                _ = tick.tick() => self.tick(),
            }
            self.receive();
            self.hear();
            let more = self.pump();
            self.ask();
            if self.closing && self.finished() {
                break;
            }
            if more {
                wake.notify_one();
                tokio::task::yield_now().await;
            }
        }
        // Dropping a producer waits for its threads.
        if let Some(producer) = self.producer.take() {
            drop(tokio::task::spawn_blocking(move || drop(producer)).await);
        }
    }

    fn times(&self) -> (Duration, Timestamp) {
        (self.clock.monotonic(), self.clock.wall())
    }

    /// Takes what callers have left.
    fn receive(&mut self) {
        let (times, letters) = (self.times(), self.inbox.take());
        for (conversation, epoch, entries) in letters.batches {
            self.core.committed(times, conversation, (epoch, entries));
        }
        for (conversation, last) in letters.behind {
            self.core.known(times, conversation, last);
        }
        if letters.lost {
            self.core.lost();
        }
        let (mut receipts, mut undelivered) = (letters.receipts, letters.undelivered);
        let dropped = receipts.take_dropped() + undelivered.take_dropped();
        while let Some((of, cursor)) = receipts.pop() {
            self.core.receipt(of, cursor);
        }
        while let Some((_, value)) = undelivered.pop() {
            self.core.undelivered(value);
        }
        self.metrics.dropped.fetch_add(dropped + self.core.take_dropped(), Relaxed);
        letters.acquired.into_iter().for_each(|shard| self.core.acquired(shard));
    }

    /// Takes what the producer has reported.
    fn hear(&mut self) {
        let Some(producer) = &self.producer else { return };
        let mut broken = producer.broken();
        let mut reports = std::mem::take(&mut self.reports);
        producer.take_reports(&mut reports);
        let mut delivered = 0;
        for (ticket, error) in reports.drain(..) {
            match error {
                None => {
                    self.core.delivered(ticket);
                    delivered += 1;
                }
                Some(code) if self.core.flies(ticket) => {
                    broken.get_or_insert_with(|| code.to_string());
                }
                Some(_) => {}
            }
        }
        self.reports = reports;
        if delivered > 0 {
            self.metrics.delivered.fetch_add(delivered, Relaxed);
            self.gauges.reachable.store(true, Relaxed);
            self.failures = 0;
        }
        if let Some(why) = broken {
            self.restart(&why);
        }
    }

    /// Gives the producer up and begins again after what is acknowledged.
    fn restart(&mut self, why: &str) {
        tracing::error!(why, "Kafka's producer has failed; what is not acknowledged is emitted again");
        self.metrics.restarts.fetch_add(1, Relaxed);
        *self.failing.lock() = Some(format!("Kafka refuses events: {why}"));
        self.core.restart();
        if let Some(producer) = self.producer.take() {
            let gone = tokio::task::spawn_blocking(move || drop(producer));
            self.doing.push(Box::pin(async {
                drop(gone.await);
                Done::Gone
            }));
        }
        self.failures += 1;
        self.connect(Duration::from_millis(500) * self.failures.min(20));
    }

    /// Prepares the topics and a producer, after a pause.
    fn connect(&mut self, pause: Duration) {
        let config = Arc::clone(&self.config);
        let (wake, gauges) = (Arc::clone(&self.wake), Arc::clone(&self.gauges));
        self.doing.push(Box::pin(async move {
            tokio::time::sleep(pause).await;
            let producer = topics::prepare(&config).await.and_then(|topics| {
                topics.notes.iter().for_each(|note| tracing::warn!(note, "a topic of Kafka"));
                for topic in &topics.created {
                    tracing::info!(topic, "created a topic");
                }
                Producer::new(&config, topics.record_bytes.min(MOST_RECORD), wake, gauges)
                    .map_err(|error| TopicError::Unreachable(error.to_string()))
            });
            Done::Producer(producer)
        }));
    }

    fn connected(&mut self, producer: Result<Producer, TopicError>) {
        match producer {
            Ok(producer) => {
                self.gauges.reachable.store(true, Relaxed);
                *self.failing.lock() = None;
                self.producer = Some(producer);
            }
            Err(error) => {
                let why = error.to_string();
                let known = self.failing.lock().replace(why.clone());
                if known.as_ref() != Some(&why) {
                    tracing::error!(why, "no events are emitted; they wait in the log");
                }
                self.failures += 1;
                let unreachable = matches!(error, TopicError::Unreachable(_));
                self.connect(if unreachable { Duration::from_millis(500) } else { Duration::from_secs(10) });
            }
        }
    }

    /// While nothing is in flight, no report would tell that Kafka is back.
    fn probe(&mut self) {
        if self.probing || self.producer.is_none() || self.gauges.reachable.load(Relaxed) {
            return;
        }
        self.probing = true;
        let config = Arc::clone(&self.config);
        self.doing.push(Box::pin(async move { Done::Probed(topics::prepare(&config).await.is_ok()) }));
    }

    /// Hands records over, in order, as many as there may be. Answers whether there are more.
    fn pump(&mut self) -> bool {
        let Some(producer) = &self.producer else { return false };
        for _ in 0..BURST {
            let ticket = self.core.ticket();
            let Some(next) = self.core.next() else { return false };
            let (conversation, topic, epoch, told) = address(&self.topics, &next);
            let epoch =
                epoch.or_else(|| self.source.epoch(Shard::of_conversation(conversation))).unwrap_or_default();
            let mut encoded = self.encoder.encode(conversation, epoch, &told);
            if encoded.size > producer.record_bytes
                && let Told::Entry(entry) = told
            {
                let (size, most) = (encoded.size, producer.record_bytes);
                tracing::error!(%conversation, seq = entry.seq.0, size, most, "an entry is too large for its topic and is emitted without its body");
                self.metrics.oversize.fetch_add(1, Relaxed);
                encoded = self.encoder.stand_in(conversation, epoch, (entry, size));
            }
            let size = encoded.size;
            match producer.send(topic, conversation.as_bytes(), (encoded.value, encoded.headers), ticket) {
                Ok(()) => self.core.handed(size),
                // A report or the next tick wakes it.
                Err(Refusal::Full) => return false,
                Err(Refusal::TooLarge) => {
                    self.restart("a record is too large for the producer");
                    return false;
                }
                Err(Refusal::Broken(why)) => {
                    self.restart(&why);
                    return false;
                }
            }
        }
        true
    }

    /// Asks the store what the core wants to know.
    fn ask(&mut self) {
        while let Some(ask) = self.core.ask(self.closing) {
            self.doing.push(question(&*self.source, ask));
        }
        while self.clearing < ASKS
            && let Some((conversation, emitted)) = self.marks.pop_front()
        {
            self.clearing += 1;
            let answer = self.source.clear_mark(conversation, emitted);
            self.doing.push(Box::pin(async move {
                // What is unknown is tried again later; a mark that is needed is there.
                Done::Cleared(conversation, emitted, answer.await.unwrap_or(false))
            }));
        }
    }

    fn done(&mut self, done: Done) {
        let (now, wall) = self.times();
        match done {
            Done::Marks(shard, after, marked) => {
                self.failed(marked.is_none());
                self.core.marks((now, wall), (shard, after), marked);
            }
            Done::Extent(conversation, extent) => {
                self.failed(extent.is_none());
                self.core.extent(now, conversation, extent);
            }
            Done::Entries(conversation, first, entries) => {
                self.failed(entries.is_none());
                let count = entries.as_ref().map_or(0, |(_, entries)| entries.len() as u64);
                self.metrics.read_back.fetch_add(count, Relaxed);
                self.core.entries(now, (conversation, first), entries);
            }
            Done::NotOurs(conversation) => self.core.forget(conversation),
            Done::Persisted(cursors, written) => {
                self.writing -= 1;
                self.failed(!written);
                self.last_write_failed = !written;
                if written {
                    self.metrics.cursors.fetch_add(cursors.len() as u64, Relaxed);
                    self.core.persisted(&cursors);
                }
            }
            Done::Cleared(conversation, emitted, cleared) => {
                self.clearing -= 1;
                if self.closing && !cleared {
                    // It is not tried twice at the end.
                    return;
                }
                self.metrics.marks_cleared.fetch_add(u64::from(cleared), Relaxed);
                self.core.cleared(now, (conversation, emitted), cleared);
            }
            Done::Producer(producer) => self.connected(producer),
            Done::Probed(there) => {
                self.probing = false;
                self.gauges.reachable.fetch_or(there, Relaxed);
            }
            Done::Gone => {}
        }
    }

    fn failed(&self, failed: bool) {
        self.metrics.store_errors.fetch_add(u64::from(failed), Relaxed);
    }

    /// Writes what is due, and measures.
    fn tick(&mut self) {
        let (now, _) = self.times();
        let due = self.core.due(now, self.closing);
        let lag = due.lag;
        self.gauges.lag.store(lag.records, Relaxed);
        self.gauges.oldest.store(lag.oldest.map_or(0, |time| time.0), Relaxed);
        self.gauges.conversations.store(lag.conversations as u64, Relaxed);
        self.gauges.unknown.store(lag.unknown, Relaxed);
        let (buffered, bytes, _) = self.core.held();
        self.gauges.buffered.store(buffered as u64, Relaxed);
        self.gauges.in_flight_bytes.store(bytes as u64, Relaxed);
        self.marks.extend(due.marks);
        self.probe();
        if self.writing == 0 && (self.closing || now >= self.cursors_due) {
            self.cursors_due = now + self.config.limits.cursor_interval;
            for cursors in due.cursors.chunks(CURSORS) {
                let (cursors, answer) = (cursors.to_vec(), self.source.put_emit_cursors(cursors.to_vec()));
                self.writing += 1;
                self.doing.push(Box::pin(async move {
                    let written = answer.await.map_err(|error: WriteError| log(error)).is_ok();
                    Done::Persisted(cursors, written)
                }));
            }
        }
    }

    /// Whether everything that is at hand was emitted, its cursors are written and its marks cleared, or cannot be.
    fn finished(&mut self) -> bool {
        let first_try = self.producer.is_none() && self.failures == 0;
        let kafka = first_try || self.producer.is_some() && self.gauges.reachable.load(Relaxed);
        let nothing_more = self.core.quiet() || !kafka;
        if !nothing_more || self.writing > 0 || self.clearing > 0 || !self.marks.is_empty() {
            return false;
        }
        if self.last_write_failed {
            return true;
        }
        self.tick();
        self.ask();
        self.writing == 0 && self.clearing == 0
    }
}

/// Whose a record is, where it goes, and as what.
fn address<'a>(
    topics: &'a TopicNames,
    next: &Next<'a>,
) -> (ConversationId, &'a str, Option<Epoch>, Told<'a>) {
    match *next {
        Next::Entry(id, epoch, entry, Topic::Messages) => {
            (id, &topics.messages, Some(epoch), Told::Entry(entry))
        }
        Next::Entry(id, epoch, entry, Topic::Membership) => {
            (id, &topics.membership, Some(epoch), Told::Entry(entry))
        }
        Next::Receipt((id, user), cursor) => (*id, &topics.receipts, None, Told::Receipt(user, cursor)),
        Next::Undelivered(value) => (value.conversation, &topics.undelivered, None, Told::Undelivered(value)),
    }
}

/// The largest record that a producer is set up for, whatever the topics take.
const MOST_RECORD: usize = 64 << 20;
