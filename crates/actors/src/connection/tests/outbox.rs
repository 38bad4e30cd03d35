//! The outbox against clients that read now and then and sync when they are told to: several conversations, answers
//! within batches, pages that end early, receipts.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use causerie_protocol::frame::down::{Head, Receipt};
use causerie_protocol::{ConversationId, Seq, UserId, wire};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::connection::outbox::{Live, Outbox, OutboxLimits, Outgoing};

const LIMITS: OutboxLimits = OutboxLimits { frames: 6, bytes: 700 };
const CONVERSATIONS: u8 = 2;

#[derive(Clone, Debug)]
enum Step {
    /// A batch of so many entries becomes durable; those in `mine` are answers.
    Commit {
        conversation: u8,
        entries: u64,
        mine: Vec<bool>,
    },
    /// The client syncs: at most so many are read for it, as of now.
    Sync {
        conversation: u8,
        limit: u64,
    },
    /// The oldest page that was read arrives, however much has happened since.
    Arrive,
    /// Somebody says that there is something up to the head.
    Tell {
        conversation: u8,
    },
    Receipt {
        conversation: u8,
    },
    /// The client takes so many bytes.
    Read {
        room: usize,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let which = || 0..CONVERSATIONS;
    prop_oneof![
        6 => (which(), 1u64..5, prop::collection::vec(prop::bool::weighted(0.3), 5))
            .prop_map(|(conversation, entries, mine)| Step::Commit { conversation, entries, mine }),
        3 => (which(), 1u64..9).prop_map(|(conversation, limit)| Step::Sync { conversation, limit }),
        3 => Just(Step::Arrive),
        1 => which().prop_map(|conversation| Step::Tell { conversation }),
        1 => which().prop_map(|conversation| Step::Receipt { conversation }),
        4 => prop_oneof![1usize..400, Just(usize::MAX)].prop_map(|room| Step::Read { room }),
    ]
}

#[derive(Default)]
struct World {
    outbox: Outbox,
    heads: BTreeMap<u8, u64>,
    /// What the client has of each conversation without a gap, and the highest head that it was told.
    have: BTreeMap<u8, u64>,
    told: BTreeMap<u8, u64>,
    answers: BTreeSet<String>,
    answered: Vec<String>,
    counted: usize,
    pages: VecDeque<Outgoing>,
}

fn id(conversation: u8) -> ConversationId {
    ConversationId::from_bytes([conversation; 16])
}

fn frame(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    wire::frame(&mut bytes, |out| out.extend_from_slice(value.to_string().as_bytes()));
    bytes
}

impl World {
    fn step(&mut self, step: &Step) {
        match step {
            Step::Commit { conversation, entries, mine } => self.commit(*conversation, *entries, mine),
            Step::Sync { conversation, limit } => self.sync(*conversation, *limit),
            Step::Arrive => self.arrive(),
            Step::Tell { conversation } => {
                let seq = Seq(self.head(*conversation));
                let _ =
                    self.outbox.push(Outgoing::Head(Head { conversation: id(*conversation), seq }), LIMITS);
            }
            Step::Receipt { conversation } => {
                let (delivered, read) = (Seq(self.head(*conversation)), Seq(0));
                let user = UserId::new("bob").unwrap();
                let receipt = Receipt { conversation: id(*conversation), user, delivered, read };
                let _ = self.outbox.push(Outgoing::Receipt(receipt), LIMITS);
            }
            Step::Read { room } => self.read(*room),
        }
    }

    fn head(&self, conversation: u8) -> u64 {
        self.heads.get(&conversation).copied().unwrap_or_default()
    }

    fn commit(&mut self, conversation: u8, entries: u64, mine: &[bool]) {
        let first = self.head(conversation) + 1;
        let (mut bytes, mut answers) = (Vec::new(), Vec::new());
        for (seq, mine) in (first..first + entries).zip(mine) {
            let start = bytes.len();
            let kind = if *mine { "sent" } else { "message" };
            bytes.extend(frame(&json!({ "type": kind, "c": conversation, "seq": seq })));
            if *mine {
                self.answers.insert(format!("{conversation}:{seq}"));
                answers.push(start..bytes.len());
            }
        }
        let last = Seq(first + entries - 1);
        self.heads.insert(conversation, last.0);
        let (frames, conversation) = (usize::try_from(entries).unwrap(), id(conversation));
        let live = Live { conversation, last, frames, bytes: bytes.into(), answers: answers.into() };
        let _ = self.outbox.push(Outgoing::Live(live), LIMITS);
    }

    /// The server reads as of now, from what the client has by now.
    fn sync(&mut self, conversation: u8, limit: u64) {
        let (after, head) =
            (self.have.get(&conversation).copied().unwrap_or_default(), self.head(conversation));
        let upto = (after + limit).min(head);
        let page = json!({ "type": "page", "c": conversation, "after": after, "seq": upto });
        let reached = (upto == head).then_some(Seq(head));
        self.answers.insert(page.to_string());
        let frame = frame(&page).into();
        self.pages.push_back(Outgoing::Synced { frame, conversation: id(conversation), reached });
    }

    fn arrive(&mut self) {
        if let Some(page) = self.pages.pop_front() {
            let _ = self.outbox.push(page, LIMITS);
        }
    }

    fn read(&mut self, room: usize) {
        let mut out = Vec::new();
        self.counted += self.outbox.drain(&mut out, room).answers;
        let frames: Vec<Value> =
            wire::payloads(&out).map(|json| serde_json::from_str(json).unwrap()).collect();
        for frame in frames {
            self.hear(&frame);
        }
    }

    fn hear(&mut self, frame: &Value) {
        let seq = frame["seq"].as_u64().unwrap_or_default();
        let conversation = u8::try_from(frame["c"].as_u64().unwrap_or_default()).unwrap();
        match frame["type"].as_str().unwrap() {
            "head" => {
                let which = (0..CONVERSATIONS).find(|which| frame["conversation"] == json!(id(*which)));
                self.told.insert(which.unwrap(), seq);
            }
            "page" => {
                self.answered.push(frame.to_string());
                let have = self.have.entry(conversation).or_default();
                if frame["after"].as_u64().unwrap() <= *have {
                    *have = (*have).max(seq);
                }
            }
            // A `sent` alone may come while the messages before it are missing: the head that follows says so.
            "sent" => {
                self.answered.push(format!("{conversation}:{seq}"));
                let have = self.have.entry(conversation).or_default();
                if seq == *have + 1 {
                    *have = seq;
                }
            }
            "message" => {
                let have = self.have.entry(conversation).or_default();
                assert!(seq <= *have + 1, "a gap: {seq} after {have}");
                *have = (*have).max(seq);
            }
            "receipt" => {}
            other => panic!("{other}"),
        }
    }

    fn finish(mut self) {
        self.read(usize::MAX);
        assert!(self.outbox.is_empty() && self.outbox.bytes() == 0);
        for conversation in 0..CONVERSATIONS {
            let (have, head) =
                (self.have.get(&conversation).copied().unwrap_or_default(), self.head(conversation));
            let told = self.told.get(&conversation).copied().unwrap_or_default();
            assert!(
                have == head || told == head,
                "a silent hole: has {have}, was told {told}, the head is {head}"
            );
        }
        self.answered.sort();
        let asked: Vec<_> = self.answers.iter().cloned().collect();
        self.answered.dedup();
        assert_eq!(self.answered, asked, "an answer was dropped");
        for conversation in 0..CONVERSATIONS {
            self.sync(conversation, u64::MAX / 2);
            self.arrive();
            self.read(usize::MAX);
            self.commit(conversation, 1, &[false]);
            self.read(usize::MAX);
            assert_eq!(self.have[&conversation], self.head(conversation), "it does not flow again");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_answer_is_dropped_and_no_hole_is_silent(steps in prop::collection::vec(step(), 1..60)) {
        let mut world = World::default();
        let mut pages = 0;
        for step in &steps {
            world.step(step);
            pages += usize::from(matches!(step, Step::Sync { .. }));
        }
        (0..pages).for_each(|_| world.arrive());
        let sent = world.answers.iter().filter(|answer| !answer.starts_with('{')).count();
        world.read(usize::MAX);
        prop_assert_eq!(world.counted, sent + pages, "each answer makes room for one request");
        world.finish();
    }
}
