//! A conversation's core in a world of its own: every step is chosen from outside, every effect is checked.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use causerie_protocol::frame::down::{HistoryAccess, Page, Role};
use causerie_protocol::frame::{Down, Outcome};
use causerie_protocol::snowflake::{NodeNumber, Snowflake};
use causerie_protocol::{Body, ClientMessageId, ConversationId, DeviceId, Seq, Timestamp, Title, UserId};
use causerie_store::Epoch;
use causerie_store::model::Cursor;
use causerie_store::port::{ReadError, WriteError};
use parking_lot::Mutex;
use uuid::Uuid;

use super::store::{Fate, Key, SmallStore};
use crate::bounded::Bound;
use crate::conversation::effect::{Answer, Delivery, Effect, Read};
use crate::conversation::handle::Env;
use crate::conversation::input::{Change, Create, Input, Origin, Request, SendRequest};
use crate::conversation::state::Conversation;
use crate::reply::Reply;
use crate::rules::DefaultRules;
use crate::settings::Settings;

/// What may happen.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Send {
        user: usize,
        key: u8,
        text: u8,
        attempt: u32,
    },
    Create {
        user: usize,
    },
    Add {
        by: usize,
        user: usize,
    },
    Remove {
        by: usize,
        user: usize,
    },
    Give {
        by: usize,
        user: usize,
        owner: bool,
    },
    Leave {
        user: usize,
    },
    Cursor {
        user: usize,
        seq: u64,
        read: bool,
    },
    Sync {
        user: usize,
        after: u64,
    },
    StoreAnswers(Fate),
    Found {
        fails: bool,
    },
    CursorsKept {
        fails: bool,
    },
    Pass {
        ms: u64,
    },
    /// It closes, if it may, and is opened again.
    Passivate,
    /// The actor fails; its batch, if one is under way, ends like this before it is opened again.
    Fail(Fate),
}

/// A request that was made, and what became of it.
pub(super) struct Asked {
    pub(super) what: What,
    pub(super) answers: Arc<Mutex<Vec<Down>>>,
}

impl Asked {
    /// Whether anything was changed, when it was answered with an error.
    pub(super) fn outcome(&self) -> Option<Outcome> {
        match &self.answers.lock()[..] {
            [Down::Error(error)] => Some(error.outcome),
            _ => None,
        }
    }
}

#[derive(Clone, Debug)]
pub(super) enum What {
    Send { key: Key, text: String },
    Other,
}

pub(super) struct World {
    pub(super) direct: bool,
    pub(super) core: Conversation,
    pub(super) store: SmallStore,
    pub(super) settings: Settings,
    ids: Mutex<Snowflake>,
    pub(super) now: Duration,
    pub(super) asked: Vec<Asked>,
    pub(super) bytes: Arc<Bound>,
    told: BTreeMap<UserId, Cursor>,
    /// Positions that were told to the members, and how often.
    pub(super) delivered: BTreeMap<Seq, usize>,
    /// The owner has failed at least once: then a committed batch may have been told to nobody.
    pub(super) failed: bool,
}

pub(super) fn user(number: usize) -> UserId {
    UserId::new(["alice", "bob", "carol", "dave"][number]).unwrap()
}

fn id(direct: bool) -> ConversationId {
    if direct { ConversationId::direct(&user(0), &user(1)) } else { ConversationId::group(&user(0), &key(0)) }
}

fn key(number: u8) -> ClientMessageId {
    ClientMessageId(Uuid::from_u128(u128::from(number) + 1))
}

impl World {
    pub(super) fn new(direct: bool) -> Self {
        let settings = Settings {
            recent_keys: 3,
            conversation_queue: 40,
            cursor_interval: Duration::from_millis(100),
            ..Settings::default()
        };
        let mut ids = Snowflake::new(NodeNumber::new(1).unwrap(), Timestamp(0));
        ids.raise_ceiling(Timestamp(u64::MAX >> 22));
        let core = Conversation::new(id(direct), None, &[], None, Vec::new(), &settings, Duration::ZERO);
        Self {
            direct,
            core,
            store: SmallStore::default(),
            settings,
            ids: Mutex::new(ids),
            now: Duration::ZERO,
            asked: Vec::new(),
            bytes: Bound::new(1 << 20),
            told: BTreeMap::new(),
            delivered: BTreeMap::new(),
            failed: false,
        }
    }

    pub(super) fn step(&mut self, step: Step) {
        match step {
            Step::Send { user, key, text, attempt } => self.send(user, key, text, attempt),
            Step::Create { user } => self.create(user),
            Step::Add { by, user: whom } => self.change(by, Change::Add(vec![user(whom)])),
            Step::Remove { by, user: whom } => self.change(by, Change::Remove(vec![user(whom)])),
            Step::Give { by, user: whom, owner } => {
                self.change(by, Change::Role(user(whom), if owner { Role::Owner } else { Role::Admin }));
            }
            Step::Leave { user } => self.change(user, Change::Leave),
            Step::Cursor { user, seq, read } => {
                let (delivered, read) = (Seq(seq), if read { Seq(seq) } else { Seq::ZERO });
                self.input(Input::Request(Request::Cursor(origin(user), delivered, read)));
            }
            Step::Sync { user: who, after } => {
                let reply = self.reply(What::Other);
                self.input(Input::Request(Request::Sync(user(who), Seq(after), 10, reply)));
            }
            Step::StoreAnswers(fate) => {
                if let Some(result) = self.store.end(fate) {
                    self.input(Input::Appended(result));
                }
            }
            Step::Found { fails } => {
                if let Some((_, found)) = self.store.asked.take() {
                    let unavailable = Err(ReadError::Unavailable("away".to_owned()));
                    self.input(Input::Found(if fails { unavailable } else { Ok(found) }));
                }
            }
            Step::CursorsKept { fails } => self.cursors_kept(fails),
            Step::Pass { ms } => {
                self.now += Duration::from_millis(ms);
                self.input(Input::Tick);
            }
            Step::Passivate => {
                if self.core.is_idle() {
                    self.reopen();
                }
            }
            Step::Fail(fate) => {
                self.failed = true;
                self.store.end(fate);
                self.store.forget_owner();
                self.reopen();
            }
        }
    }

    fn send(&mut self, from: usize, number: u8, text: u8, attempt: u32) {
        let (client_message_id, text) = (key(number), format!("text {text}"));
        let reply = self.reply(What::Send { key: (user(from), client_message_id), text: text.clone() });
        let to = (self.direct && from < 2).then(|| user(1 - from));
        let request = SendRequest {
            reply,
            from: origin(from),
            to,
            client_message_id,
            attempt,
            body: Body::text(&text),
            since: self.now,
            bytes: self.bytes.take(1).unwrap(),
        };
        self.input(Input::Request(Request::Send(request)));
    }

    fn create(&mut self, by: usize) {
        let reply = self.reply(What::Other);
        let create = if self.direct {
            Create::Direct(user(1 - by.min(1)))
        } else {
            Create::Group {
                title: Title::new("Team").unwrap(),
                members: vec![user(1), user(2)],
                history: HistoryAccess::SinceJoin,
                client_id: key(0),
            }
        };
        let by = if self.direct { by.min(1) } else { 0 };
        self.input(Input::Request(Request::Create(origin(by), create, reply)));
    }

    fn change(&mut self, by: usize, change: Change) {
        let reply = self.reply(What::Other);
        self.input(Input::Request(Request::Change(origin(by), change, reply)));
    }

    fn cursors_kept(&mut self, fails: bool) {
        if self.store.cursors_under_way.is_none() {
            return;
        }
        let result = if fails {
            self.store.cursors_under_way = None;
            Err(WriteError::Refused("full".to_owned()))
        } else {
            self.store.keep_cursors();
            Ok(())
        };
        self.input(Input::CursorsStored(result));
    }

    fn reopen(&mut self) {
        let (state, tail) = self.store.load(self.settings.recent_keys);
        let highest = self.store.log.iter().map(|entry| entry.client_message_id).max();
        let (id, settings) = (id(self.direct), &self.settings);
        self.core = Conversation::new(id, state, &tail, highest, Vec::new(), settings, self.now);
    }

    fn reply(&mut self, what: What) -> Reply {
        let answers = Arc::new(Mutex::new(Vec::new()));
        self.asked.push(Asked { what, answers: answers.clone() });
        Reply::call(move |frame| answers.lock().push(frame))
    }

    fn input(&mut self, input: Input) {
        let env = Env {
            now: self.now,
            wall: Timestamp(1_800_000_000_000),
            ids: &self.ids,
            rules: &DefaultRules,
            settings: &self.settings,
            epoch: Some(Epoch(1)),
        };
        let mut effects = Vec::new();
        self.core.handle(input, &env, &mut effects);
        self.core.settle(&env, &mut effects);
        for effect in effects {
            self.perform(effect);
        }
        assert!(
            self.bytes.held() >= self.store.messages_under_way(),
            "what waits for the store counts as waiting"
        );
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Append(batch) => self.store.append(batch),
            Effect::Find(keys) => self.store.ask(keys),
            Effect::Deliver(delivery) => self.deliver(delivery),
            Effect::Answer(reply, frame) => reply.send(|_| *frame),
            Effect::Read(read) => self.read(read),
            Effect::StoreCursors(updates) => {
                assert!(self.store.cursors_under_way.replace(updates).is_none(), "two at a time");
            }
            Effect::Receipt(receipt, users) => {
                let kept = self.store.cursors[&receipt.user];
                let told = self.told.entry(receipt.user.clone()).or_default();
                assert!(receipt.delivered <= kept.delivered && receipt.read <= kept.read, "told before kept");
                assert!(receipt.delivered >= told.delivered && receipt.read >= told.read, "it went back");
                *told = Cursor { delivered: receipt.delivered, read: receipt.read };
                assert!(users.iter().all(|user| self.core.members().any(|member| member == user)));
            }
            Effect::Notice(..) | Effect::TickAt(_) | Effect::LimitHit(_) | Effect::Erase(..) => {}
        }
    }

    fn deliver(&mut self, delivery: Delivery) {
        let Delivery { committed, replies, also } = delivery;
        let entries = &committed.batch().entries;
        for entry in entries {
            assert_eq!(
                self.store.log[usize::try_from(entry.seq.0).unwrap() - 1],
                *entry,
                "told but not durable"
            );
            let readers: std::collections::BTreeSet<_> = self.core.members().chain(&also).cloned().collect();
            assert_eq!(readers, self.store.readers[&entry.seq], "who is told of {}", entry.seq);
            *self.delivered.entry(entry.seq).or_default() += 1;
        }
        let mut entries = entries.iter();
        for answer in replies {
            let entry = entries.next();
            match answer {
                Answer::Sent(reply) => {
                    let entry = entry.unwrap();
                    reply
                        .send(|id| Down::Sent(crate::conversation::deliver::sent(self.core.id(), entry, id)));
                }
                Answer::Done(reply) => {
                    let seq = entry.map(|entry| entry.seq);
                    reply.send(|id| Down::Ok(causerie_protocol::frame::down::Done { id, seq }));
                }
                Answer::Frame(reply, frame) => reply.send(|_| *frame),
                Answer::Nobody => {}
            }
        }
    }

    fn read(&self, read: Read) {
        let Read { reply, first, last, head, .. } = read;
        assert_eq!(head, self.store.head().min(head), "a head that is not durable");
        let range = self.store.log.iter().filter(|entry| entry.seq >= first && entry.seq <= last);
        let items = range.map(|entry| crate::describe::message(self.core.id(), entry)).collect();
        let conversation = self.core.id();
        reply.send(|id| Down::Page(Page::Messages { id, conversation, items, head, more: false }));
    }
}

fn origin(number: usize) -> Arc<Origin> {
    Arc::new(Origin { user: user(number), device: DeviceId::new("phone").unwrap(), connection: None })
}
