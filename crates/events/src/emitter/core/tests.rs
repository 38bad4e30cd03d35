//! The core against a model of the outbox and of a producer, with every order of reports, errors and crashes.
//!
//! The producer keeps what librdkafka promises with idempotence and `enable.gapless.guarantee`: of one partition it appends
//! a prefix of what it was given; after a failure, nothing more.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use causerie_protocol::frame::down::EntryKind;
use causerie_protocol::{Body, ClientMessageId, ConversationId, DeviceId, MessageId, Seq, Timestamp, UserId};
use causerie_store::Epoch;
use causerie_store::model::{Cursor, Entry, Shard};
use causerie_store::port::outbox::Extent;
use proptest::prelude::*;

use super::{Ask, Bounds, Core, Next, Topic};

const CONVERSATIONS: u8 = 5;

/// A record in the topic, or on its way there.
type Record = (ConversationId, u64, Topic);

#[derive(Clone, Debug)]
enum Step {
    /// Entries are committed, and the emitter is told, is told only up to where, or is told nothing.
    Commit(u8, u8, u8),
    Hand(u8),
    /// The broker appends one record of some partition, and one that a producer which failed has left on its way.
    Append(u8),
    /// The report of one of the appended records arrives.
    Report(u8),
    /// The producer fails.
    Fail,
    Ask,
    /// One of the questions is answered, or cannot be.
    Answer(u8, bool),
    /// What is due is written: well, not at all, or with an answer that is lost.
    Due(u8),
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..CONVERSATIONS, 1..5_u8, 0..6_u8).prop_map(|(id, count, told)| Step::Commit(id, count, told)),
        4 => (1..9_u8).prop_map(Step::Hand),
        12 => any::<u8>().prop_map(Step::Append),
        5 => any::<u8>().prop_map(Step::Report),
        1 => Just(Step::Fail),
        4 => Just(Step::Ask),
        5 => (any::<u8>(), prop::bool::weighted(0.85)).prop_map(|(at, well)| Step::Answer(at, well)),
        2 => (0..4_u8).prop_map(Step::Due),
        1 => Just(Step::Crash),
    ]
}

fn bounds() -> Bounds {
    Bounds {
        buffered_bytes: 1500,
        in_flight: 6,
        in_flight_bytes: 50,
        asks: 2,
        tracks: 4,
        page: 2,
        latest: 3,
        idle: Duration::from_secs(3),
    }
}

fn id(number: u8) -> ConversationId {
    ConversationId::from_bytes([number; 16])
}

fn kind(seq: u64) -> EntryKind {
    if seq.is_multiple_of(3) { EntryKind::Membership } else { EntryKind::Message }
}

fn entry(seq: u64) -> Entry {
    Entry {
        seq: Seq(seq),
        message_id: MessageId(seq << 22),
        kind: kind(seq),
        from: UserId::new("alice").unwrap(),
        device: DeviceId::new("phone").unwrap(),
        client_message_id: ClientMessageId::from_bytes([1; 16]),
        body: Body::text("x"),
    }
}

struct World {
    core: Core,
    now: Duration,
    // The outbox.
    logs: BTreeMap<ConversationId, u64>,
    cursors: BTreeMap<ConversationId, Seq>,
    marks: BTreeSet<ConversationId>,
    // The producer, and the broker.
    given: VecDeque<(usize, Record)>,
    stale: VecDeque<(usize, Record)>,
    reports: Vec<usize>,
    topic: Vec<Record>,
    questions: Vec<Ask>,
}

impl World {
    fn new() -> Self {
        Self {
            core: Core::new(bounds(), Shard::all()),
            now: Duration::ZERO,
            logs: BTreeMap::new(),
            cursors: BTreeMap::new(),
            marks: BTreeSet::new(),
            given: VecDeque::new(),
            stale: VecDeque::new(),
            reports: Vec::new(),
            topic: Vec::new(),
            questions: Vec::new(),
        }
    }

    fn times(&self) -> (Duration, Timestamp) {
        (self.now, Timestamp(u64::try_from(self.now.as_millis()).unwrap()))
    }

    fn take(&mut self, step: &Step) {
        match *step {
            Step::Commit(number, count, told) => self.commit(id(number), u64::from(count), told),
            Step::Hand(count) => self.hand(count),
            Step::Append(at) => self.append(usize::from(at)),
            Step::Report(at) if !self.reports.is_empty() => {
                let ticket = self.reports.swap_remove(usize::from(at) % self.reports.len());
                self.core.delivered(ticket);
            }
            Step::Report(_) => {}
            Step::Fail => {
                self.stale = std::mem::take(&mut self.given);
                self.core.restart();
            }
            Step::Ask => self.questions.extend(self.core.ask(false)),
            Step::Answer(at, well) if !self.questions.is_empty() => {
                let ask = self.questions.swap_remove(usize::from(at) % self.questions.len());
                self.answer(ask, well);
            }
            Step::Answer(..) => {}
            Step::Due(how) => self.due(how),
            Step::Crash => {
                self.core = Core::new(bounds(), Shard::all());
                self.stale = std::mem::take(&mut self.given);
                (self.reports, self.questions) = Default::default();
            }
        }
        let (buffered, _, count) = self.core.held();
        // One page for each question that may be under way when the bound is reached.
        assert!(buffered <= 1500 + 2 * 5 * 400 && count <= 6, "{buffered} {count}");
        assert!(self.core.tracks.len() <= 4);
    }

    fn commit(&mut self, id: ConversationId, count: u64, told: u8) {
        self.marks.insert(id);
        let last = self.logs.entry(id).or_default();
        let first = *last + 1;
        *last += count;
        let last = Seq(*last);
        let entries = (first..=last.0).map(entry).collect();
        match told {
            0 => self.core.lost(),
            1 => self.core.known(self.times(), id, last),
            _ => self.core.committed(self.times(), id, (Epoch(1), entries)),
        }
    }

    fn hand(&mut self, count: u8) {
        for _ in 0..count {
            let ticket = self.core.ticket();
            let Some(Next::Entry(id, _, entry, copy)) = self.core.next() else { return };
            self.given.push_back((ticket, (id, entry.seq.0, copy)));
            self.core.handed(10);
        }
    }

    fn append(&mut self, at: usize) {
        let append = |queue: &mut VecDeque<(usize, Record)>| {
            let (_, chosen) = *queue.get(at % queue.len().max(1))?;
            // Each topic of each conversation is a partition of its own here.
            let first = queue.iter().position(|(_, record)| (record.0, record.2) == (chosen.0, chosen.2))?;
            queue.remove(first)
        };
        if let Some((ticket, record)) = append(&mut self.given) {
            self.topic.push(record);
            self.reports.push(ticket);
        }
        if at.is_multiple_of(2)
            && let Some((_, record)) = append(&mut self.stale)
        {
            self.topic.push(record);
        }
    }

    fn answer(&mut self, ask: Ask, well: bool) {
        match ask {
            Ask::Marks(shard, after) => {
                let of = |id: &&ConversationId| Shard::of_conversation(**id) == shard && Some(**id) > after;
                let marked = self.marks.iter().filter(of).take(2).copied().collect();
                self.core.marks(self.times(), (shard, after), well.then_some(marked));
            }
            Ask::Extent(id) => {
                let emitted = self.cursors.get(&id).copied().unwrap_or_default();
                let last = Seq(self.logs.get(&id).copied().unwrap_or_default());
                self.core.extent(self.now, id, well.then_some(Extent { emitted, last }));
            }
            Ask::Entries(id, first, last) => {
                assert!(last.0 <= self.logs[&id], "what is not committed is not asked for");
                // The limit of a read ends it early.
                let last = last.0.min(first.0 + 3);
                let entries = (first.0..=last).map(entry).collect();
                self.core.entries(self.now, (id, first), well.then_some((Epoch(1), entries)));
            }
        }
    }

    fn due(&mut self, how: u8) {
        self.now += Duration::from_secs(1);
        let due = self.core.due(self.now, false);
        if how != 1 {
            for (id, seq) in &due.cursors {
                let in_topic: BTreeSet<_> = self
                    .topic
                    .iter()
                    .filter(|record| record.0 == *id)
                    .map(|record| (record.1, record.2.bit()))
                    .collect();
                for seq in 1..=seq.0 {
                    assert!(in_topic.contains(&(seq, 1)), "a cursor passes what the broker has");
                    assert!(kind(seq) == EntryKind::Message || in_topic.contains(&(seq, 2)));
                }
                let kept = self.cursors.entry(*id).or_default();
                *kept = (*kept).max(*seq);
            }
        }
        if how == 0 || how == 3 {
            self.core.persisted(&due.cursors);
        }
        for (id, emitted) in due.marks {
            let may = self.logs.get(&id) == Some(&emitted.0) && self.cursors.get(&id) == Some(&emitted);
            if how != 1 && may {
                self.marks.remove(&id);
            }
            let gone = !self.marks.contains(&id);
            self.core.cleared(self.now, (id, emitted), gone && how != 1 && how != 2);
        }
    }

    /// From now on everything goes well.
    fn settle(&mut self) {
        for _ in 0..20_000 {
            let working = self.marks.iter().next().is_some();
            for step in [
                Step::Ask,
                Step::Answer(0, true),
                Step::Hand(9),
                Step::Append(1),
                Step::Append(3),
                Step::Append(5),
            ] {
                self.take(&step);
            }
            while !self.reports.is_empty() {
                self.take(&Step::Report(0));
            }
            // Time passes when nothing else happens.
            if self.questions.is_empty() && self.given.is_empty() {
                self.take(&Step::Due(0));
            }
            if !working && self.core.tracks.is_empty() && self.core.scan.done() {
                return;
            }
        }
        panic!("it never ends: {:?}, {:?}", self.marks, self.core.due(self.now, false));
    }

    fn check(&self) {
        for (id, last) in &self.logs {
            let mut seen = 0;
            for (_, seq, _) in
                self.topic.iter().filter(|record| record.0 == *id && record.2 == Topic::Messages)
            {
                assert!(*seq <= seen + 1, "{seq} comes before {}", seen + 1);
                seen = seen.max(*seq);
            }
            assert_eq!(seen, *last, "everything is emitted");
            let of = |record: &&Record| record.0 == *id && record.2 == Topic::Membership;
            let changes: BTreeSet<u64> = self.topic.iter().filter(of).map(|record| record.1).collect();
            let expected: BTreeSet<u64> =
                (1..=*last).filter(|seq| kind(*seq) == EntryKind::Membership).collect();
            assert_eq!(changes, expected);
        }
        assert_eq!(self.core.held(), (0, 0, 0));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]
    #[test]
    fn everything_committed_is_emitted_in_order_whatever_happens(steps in prop::collection::vec(step(), 0..300)) {
        let mut world = World::new();
        steps.iter().for_each(|step| world.take(step));
        world.settle();
        world.check();
    }
}

#[test]
fn receipts_get_their_turn_and_come_again_after_a_failure() {
    let mut core = Core::new(Bounds { in_flight: 1000, ..bounds() }, std::iter::empty());
    let bob = UserId::new("bob").unwrap();
    let cursor = |read| Cursor { delivered: Seq(9), read: Seq(read) };
    core.receipt((id(1), bob.clone()), cursor(2));
    core.receipt((id(1), bob.clone()), cursor(1));
    let ticket = core.ticket();
    assert!(matches!(core.next(), Some(Next::Receipt(_, latest)) if latest == cursor(2)));
    core.handed(10);
    assert!(core.next().is_none());
    core.receipt((id(1), bob), cursor(3));
    core.restart();
    assert!(!core.flies(ticket));
    assert!(matches!(core.next(), Some(Next::Receipt(_, latest)) if latest == cursor(3)));
    core.handed(10);
    core.delivered(ticket);
    assert!(!core.quiet());
    core.delivered(ticket + 1);
    assert!(core.quiet());
}

#[test]
fn the_age_is_that_of_the_oldest_entry_which_is_not_acknowledged() {
    let mut core =
        Core::new(Bounds { in_flight: 1000, buffered_bytes: 100_000, ..bounds() }, std::iter::empty());
    let times = (Duration::ZERO, Timestamp(0));
    core.committed(times, id(1), (Epoch(1), vec![entry(1), entry(2)]));
    let oldest = |core: &mut Core| core.due(Duration::ZERO, false).lag.oldest;
    assert_eq!(oldest(&mut core), Some(entry(1).time()));
    let ticket = core.ticket();
    core.handed(10);
    core.handed(10);
    core.delivered(ticket);
    assert_eq!(oldest(&mut core), Some(entry(2).time()));
    core.delivered(ticket + 1);
    assert_eq!(core.due(Duration::ZERO, false).lag.records, 0);
}
