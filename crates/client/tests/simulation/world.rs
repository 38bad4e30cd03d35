//! The world around a session: time, an application with little room, a connection, a server.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use causerie_client::session::{At, Effect, Input, LinkId, Options, Session, Ticket};
use causerie_client::{Draft, Event, SendError, Start, Token};
use causerie_protocol::frame::down::{Head, Sent};
use causerie_protocol::{Body, ClientMessageId, ConversationId, DeviceId, Down, Seq, Up};

use crate::server::{Server, WINDOW, conversation, peer, user};

/// Events that the application holds.
const CAPACITY: usize = 5;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    ServerReads(u8),
    ClientReads,
    OtherPosts { conversation: u8, how: u8 },
    Send { target: u8 },
    Drain(u8),
    Wait(u16),
    Cut(u8),
    Read(u8),
}

#[derive(Default)]
struct Wire {
    link: LinkId,
    open: bool,
    welcomed: bool,
    up: VecDeque<Up>,
    down: VecDeque<Down>,
}

pub(crate) struct World {
    session: Session,
    resume: bool,
    now: Duration,
    random: u64,
    server: Server,
    wire: Wire,
    dialing: Option<LinkId>,
    queue: VecDeque<Event>,
    heard: BTreeMap<ConversationId, Vec<Seq>>,
    drafts: BTreeMap<Ticket, Draft>,
    outcomes: BTreeMap<Ticket, Vec<Result<Sent, SendError>>>,
    others: u128,
    ended: bool,
}

impl World {
    pub(crate) fn new(resume: bool, seed: u64) -> Self {
        let mut world = Self {
            session: Session::new(Options {
                device: DeviceId::new("phone").unwrap(),
                agent: "simulation".to_owned(),
                start: Start::Beginning,
                positions: Vec::new(),
                resume,
                acknowledge: true,
                renewable: true,
            }),
            resume,
            now: Duration::ZERO,
            random: seed,
            server: Server::default(),
            wire: Wire::default(),
            dialing: None,
            queue: VecDeque::new(),
            heard: BTreeMap::new(),
            drafts: BTreeMap::new(),
            outcomes: BTreeMap::new(),
            others: 1 << 64,
            ended: false,
        };
        world.feed(Input::Room(CAPACITY));
        world.feed(Input::Open);
        // The first connection works; without that there is no session to speak of.
        world.connect(true);
        world.step(Step::ServerReads(0));
        world.step(Step::ClientReads);
        world
    }

    fn feed(&mut self, input: Input) {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let at = At { now: self.now, random: self.random >> 20 };
        for effect in self.session.handle(at, input) {
            let late_send = matches!(effect, Effect::Settle(_, Err(SendError::NotSent(_))));
            assert!(!self.ended || late_send, "nothing follows the end, but {effect:?}");
            self.perform(effect);
        }
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::FetchToken { link } => {
                self.feed(Input::Token { link, token: Ok(Token { value: "t".into(), expires: None }) });
            }
            Effect::Dial { link } => {
                self.wire = Wire::default();
                self.dialing = Some(link);
            }
            Effect::Write(frame) => {
                assert!(self.wire.open, "written without a connection: {frame:?}");
                self.wire.up.push_back(*frame);
                let is_send = |frame: &&Up| matches!(frame, Up::Send(_));
                assert!(self.wire.up.iter().filter(is_send).count() <= WINDOW, "too many in flight");
            }
            Effect::Hangup => self.wire = Wire::default(),
            Effect::Emit(event) => {
                assert!(self.queue.len() < CAPACITY, "no room for {event:?}");
                self.queue.push_back(event);
            }
            Effect::Settle(ticket, outcome) => self.outcomes.entry(ticket).or_default().push(outcome),
            Effect::Answer(..) => panic!("nothing was asked"),
            Effect::End(_) => self.ended = true,
        }
    }

    fn connect(&mut self, works: bool) {
        let Some(link) = self.dialing.take() else { return };
        if works {
            self.wire = Wire { link, open: true, ..Wire::default() };
            self.feed(Input::Opened { link });
        } else {
            self.feed(Input::Lost { link, code: None, reason: "refused".to_owned() });
        }
    }

    pub(crate) fn step(&mut self, step: Step) {
        match step {
            Step::ServerReads(luck) => {
                self.connect(luck % 4 != 0);
                if let Some(frame) = self.wire.up.pop_front() {
                    let answer = self.server.answer(frame, luck);
                    self.wire.welcomed |= matches!(answer, Some(Down::Welcome(_)));
                    self.wire.down.extend(answer);
                }
            }
            Step::ClientReads => {
                if let Some(frame) = self.wire.down.pop_front() {
                    self.feed(Input::Frame { link: self.wire.link, frame });
                }
            }
            Step::OtherPosts { conversation: number, how } => self.other_posts(number, how),
            Step::Send { target } => {
                let ticket = self.drafts.len() as u64;
                let body = Body::text(&format!("message {ticket}"));
                // The fourth target is a user that nobody has written with yet.
                let mut draft = if target % 2 == 0 {
                    Draft::new(conversation(target), body)
                } else {
                    Draft::new(peer(target), body)
                };
                draft.client_message_id = ClientMessageId::from_bytes(u128::from(ticket + 1).to_be_bytes());
                self.drafts.insert(ticket, draft.clone());
                self.feed(Input::Send { ticket, draft: Box::new(draft) });
            }
            Step::Drain(count) => self.drain(usize::from(count)),
            Step::Wait(ms) => {
                self.now += Duration::from_millis(ms.into());
                self.feed(Input::Tick);
            }
            Step::Cut(how) => {
                let stale = Input::Frame {
                    link: self.wire.link,
                    frame: Down::Pong(causerie_protocol::frame::down::Pong { id: None }),
                };
                let link = self.wire.link;
                if std::mem::take(&mut self.wire).open {
                    let code = [None, Some(4000), Some(4008), Some(1006)][usize::from(how % 4)];
                    self.feed(Input::Lost { link, code, reason: "cut".to_owned() });
                }
                self.feed(stale);
            }
            Step::Read(number) => {
                let conversation = conversation(number);
                if let Some(seq) = self.heard.get(&conversation).and_then(|heard| heard.last()) {
                    self.feed(Input::Read(conversation, *seq));
                }
            }
        }
    }

    /// Somebody writes; the live frame comes, or comes twice, or too early, or as a `head`.
    fn other_posts(&mut self, number: u8, how: u8) {
        self.others += 1;
        let id = ClientMessageId::from_bytes(self.others.to_be_bytes());
        let message = self.server.append(conversation(number), peer(number), id, Body::text("hi"));
        if !self.wire.welcomed {
            return;
        }
        let head = Down::Head(Head { conversation: message.conversation, seq: message.seq });
        let message = Down::Message(Box::new(message));
        let early = self.wire.down.len().saturating_sub(usize::from(how >> 4));
        match how % 8 {
            0 => self.wire.down.push_back(head),
            1 => self.wire.down.extend([message.clone(), message]),
            // The welcome stays first.
            2 if early > 0 => self.wire.down.insert(early, message),
            3 if early > 0 => self.wire.down.insert(early, head),
            _ => self.wire.down.push_back(message),
        }
    }

    fn drain(&mut self, count: usize) {
        for event in self.queue.drain(..count.min(self.queue.len())) {
            if let Event::Message(message) = event {
                self.heard.entry(message.conversation).or_default().push(message.seq);
            }
        }
        self.feed(Input::Room(CAPACITY - self.queue.len()));
    }

    /// Everything works from now on, until nothing moves any more.
    pub(crate) fn heal(&mut self) {
        for _ in 0..10_000 {
            self.connect(true);
            self.step(Step::ServerReads(255));
            self.step(Step::ClientReads);
            self.drain(CAPACITY);
            if self.wire.up.is_empty()
                && self.wire.down.is_empty()
                && self.queue.is_empty()
                && self.dialing.is_none()
            {
                if let Some(at) = self.session.deadline() {
                    let far = at > self.now + Duration::from_secs(10) && self.wire.open;
                    if far && self.outcomes.len() == self.drafts.len() {
                        return;
                    }
                    self.now = self.now.max(at);
                }
                self.feed(Input::Tick);
            }
        }
        panic!("the session does not come to rest");
    }

    pub(crate) fn close(&mut self) {
        self.drain(CAPACITY);
        if !self.ended {
            self.feed(Input::Close);
        }
        self.drain(CAPACITY);
        assert!(self.ended && !self.resume);
    }

    pub(crate) fn check_every_message_once_in_order(&self) {
        for (conversation, log) in &self.server.logs {
            let expected: Vec<_> = log.iter().map(|message| message.seq).collect();
            assert_eq!(self.heard.get(conversation), Some(&expected), "conversation {conversation}");
        }
    }

    pub(crate) fn check_messages_are_in_order(&self) {
        for heard in self.heard.values() {
            let expected: Vec<_> = (1..=heard.len() as u64).map(Seq).collect();
            assert_eq!(heard, &expected);
        }
    }

    pub(crate) fn check_every_send_has_one_true_outcome(&self) {
        for (ticket, draft) in &self.drafts {
            let place = self.server.keys.get(&draft.client_message_id);
            match self.outcomes.get(ticket).map(Vec::as_slice) {
                Some([Ok(sent)]) => {
                    assert_eq!(place, Some(&(sent.conversation, sent.seq)));
                    let index = usize::try_from(sent.seq.0).unwrap() - 1;
                    assert_eq!(self.server.logs[&sent.conversation][index].body, draft.body);
                }
                Some([Err(SendError::Unknown { draft: again, .. })]) => {
                    assert_eq!(again.client_message_id, draft.client_message_id);
                    assert!(again.attempt > 0);
                }
                Some([Err(SendError::NotSent(_) | SendError::Refused(_))]) => assert_eq!(place, None),
                other => panic!("send {ticket} ended as {other:?}"),
            }
        }
        if !self.server.refused && self.resume {
            self.check_order_of_sends();
        }
    }

    /// Where nothing was refused, what was sent first stands first.
    fn check_order_of_sends(&self) {
        let mut last = BTreeMap::new();
        for outcome in self.outcomes.values().flatten().flatten() {
            let before = last.insert(outcome.conversation, outcome.seq);
            assert!(before.is_none_or(|before| before < outcome.seq));
        }
    }

    pub(crate) fn check_nothing_is_left_unknown(&self) {
        for outcome in self.outcomes.values().flatten() {
            assert!(matches!(outcome, Ok(_) | Err(SendError::Refused(_))), "{outcome:?}");
        }
    }

    /// The server was told of nothing that the application was not given, and after all is healed of everything.
    pub(crate) fn check_positions(&self) {
        for (conversation, delivered) in self.server.delivered.iter().chain(&self.server.read) {
            assert!(self.heard[conversation].last() >= Some(delivered));
        }
        if !self.resume {
            return;
        }
        for (conversation, log) in &self.server.logs {
            let last_of_others = log.iter().rev().find(|message| message.from != user("alice"));
            let told = self.server.delivered.get(conversation).max(self.server.read.get(conversation));
            assert!(last_of_others.map(|message| &message.seq) <= told, "{conversation}: {told:?}");
        }
    }
}
