//! A connection's core in a world of its own: it is fed as its shell feeds it, and every effect is checked.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use causerie_cluster::directory::ConnectionId;
use causerie_protocol::frame::{CloseCode, Down};
use causerie_protocol::{DeviceId, RequestId, Timestamp, UserId, wire};
use parking_lot::Mutex;
use proptest::sample::Index;

use crate::authenticate::{AuthenticateError, Identity};
use crate::bounded::Bound;
use crate::bucket::Bucket;
use crate::connection::effect::{Effect, Login};
use crate::connection::handle::Env;
use crate::connection::input::{End, Input};
use crate::connection::mailbox::ConnectionHandle;
use crate::connection::outbox::OutboxLimits;
use crate::connection::state::{Connection, Session};
use crate::connection::transport::TransportEnd;
use crate::conversation::{Origin, Request};
use crate::reply::Reply;
use crate::settings::{Rate, Settings};

const WINDOW: usize = 4;
const START: u64 = 1_800_000_000_000;
/// What waits in the node for a store, in bytes of bodies.
const WAITING: usize = 400;

#[derive(Clone, Copy, Debug)]
pub(super) enum Token {
    Good { expires_in_ms: Option<u64> },
    OfAnother,
    Bad,
    Unavailable,
    TooMany,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Said {
    Hello(Token),
    Refresh(Token),
    Ping,
    Send { bytes: usize },
    Sync,
    Blocks,
    Cursor { seq: u64, read: bool },
    Garbage,
    Unknown,
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    /// The client says all this at once, and then the stream may end.
    Read(Vec<Said>, Option<TransportEnd>),
    /// One of the requests that are under way is answered.
    Answer(Index),
    /// What waits is written.
    Write,
    Blocked(bool),
    Pass {
        ms: u64,
    },
    End(Option<End>),
}

pub(super) struct World {
    core: Connection,
    handle: ConnectionHandle,
    settings: Settings,
    bytes: Arc<Bound>,
    now: Duration,
    tokens: Vec<Token>,
    backlog: VecDeque<String>,
    next_id: i64,
    /// Requests that were taken in and have an answer.
    asked: BTreeSet<i64>,
    answered: BTreeMap<i64, usize>,
    under_way: Vec<Request>,
    others: Vec<Reply>,
    timers: Vec<Duration>,
    entered: bool,
    leaves: usize,
    closed: Option<CloseCode>,
    /// The stream is gone, or was cut off: nobody hears the rest.
    deaf: bool,
}

impl World {
    pub(super) fn new(known: bool, at_once: Option<End>) -> Self {
        let settings = Settings {
            sends_in_flight: WINDOW,
            body_bytes: 30,
            connection_requests: Rate { per_second: 1_000.0, burst: 30.0 },
            ..Settings::default()
        };
        let handle = ConnectionHandle::new(ConnectionId(1), OutboxLimits { frames: 8, bytes: 4096 });
        let core = if known {
            Connection::known(handle.clone(), Duration::ZERO)
        } else {
            Connection::new(handle.clone(), None, &settings, Duration::ZERO)
        };
        let mut world = Self {
            core,
            handle,
            settings,
            bytes: Bound::new(WAITING),
            now: Duration::ZERO,
            tokens: vec![Token::Good { expires_in_ms: None }],
            backlog: VecDeque::new(),
            next_id: 1,
            asked: BTreeSet::new(),
            answered: BTreeMap::new(),
            under_way: Vec::new(),
            others: Vec::new(),
            timers: Vec::new(),
            entered: false,
            leaves: 0,
            closed: None,
            deaf: false,
        };
        let mut effects = Vec::new();
        if known {
            let identity = world.identity(0).unwrap();
            effects.push(Effect::Register { identity, login: login(0) });
        }
        if let Some(end) = at_once {
            world.feed(Input::End(end), &mut effects);
        }
        world.perform(effects);
        world
    }

    pub(super) fn step(&mut self, step: Step) {
        let mut effects = Vec::new();
        match step {
            Step::Read(said, end) => return self.read(said, end),
            Step::Answer(which) => return self.answer(which),
            Step::Write => return self.write(),
            Step::Blocked(blocked) => {
                self.feed(Input::Blocked(blocked), &mut effects);
            }
            Step::Pass { ms } => return self.pass(ms),
            Step::End(end) => {
                if let Some(end) = end {
                    self.write();
                    self.feed(Input::End(end), &mut effects);
                }
            }
        }
        self.perform(effects);
    }

    /// As the shell does it: what was read before comes first, and what may not be taken in yet waits.
    fn read(&mut self, said: Vec<Said>, end: Option<TransportEnd>) {
        if self.core.has_ended() {
            return;
        }
        let frames: Vec<_> = said.into_iter().map(|said| self.frame(said)).collect();
        self.backlog.extend(frames);
        let mut effects = Vec::new();
        let mut taken = 0;
        while self.core.wants_more(&self.settings)
            && let Some(frame) = self.backlog.pop_front()
        {
            taken += 1;
            self.note_asked(&frame);
            self.feed(Input::Frame(&frame), &mut effects);
        }
        if let Some(end) = end {
            self.deaf = true;
            self.feed(Input::Gone(end), &mut effects);
        }
        let again = taken > 0;
        self.perform(effects);
        if again && !self.backlog.is_empty() {
            self.read(Vec::new(), None);
        }
    }

    fn frame(&mut self, said: Said) -> String {
        let id = self.next_id;
        self.next_id += 1;
        let conversation = "00000000-0000-8000-8000-000000000001";
        match said {
            Said::Hello(token) => {
                self.tokens.push(token);
                let number = self.tokens.len() - 1;
                format!(r#"{{"type":"hello","id":{id},"token":"{number}","device":"phone"}}"#)
            }
            Said::Refresh(token) => {
                self.tokens.push(token);
                format!(r#"{{"type":"refresh","id":{id},"token":"{}"}}"#, self.tokens.len() - 1)
            }
            Said::Ping => format!(r#"{{"type":"ping","id":{id}}}"#),
            Said::Send { bytes } => format!(
                r#"{{"type":"send","id":{id},"conversation":"{conversation}","client_message_id":"{conversation}","body":{{"content_type":"text/plain","text":"{}"}}}}"#,
                "x".repeat(bytes)
            ),
            Said::Sync => format!(r#"{{"type":"sync","id":{id},"conversation":"{conversation}","after":0}}"#),
            Said::Blocks => format!(r#"{{"type":"blocks","id":{id}}}"#),
            Said::Cursor { seq, read } => {
                let kind = if read { "read" } else { "delivered" };
                format!(r#"{{"type":"{kind}","conversation":"{conversation}","seq":{seq}}}"#)
            }
            Said::Garbage => format!(r#"{{"type":"sync","id":{id}}}"#),
            Said::Unknown => format!(r#"{{"type":"dance","id":{id}}}"#),
        }
    }

    fn note_asked(&mut self, frame: &str) {
        if let Some(RequestId::Number(id)) = causerie_protocol::frame::id_of(frame) {
            self.asked.insert(id);
        }
    }

    fn feed(&mut self, input: Input<'_>, effects: &mut Vec<Effect>) {
        let wall = self.wall();
        let env = Env { now: self.now, wall, settings: &self.settings, waiting_bytes: &self.bytes };
        self.core.handle(input, &env, effects);
    }

    fn settle(&mut self, effects: &mut Vec<Effect>) {
        let wall = self.wall();
        let env = Env { now: self.now, wall, settings: &self.settings, waiting_bytes: &self.bytes };
        self.core.settle(&env, effects);
    }

    fn wall(&self) -> Timestamp {
        Timestamp(START).plus(self.now)
    }

    fn perform(&mut self, mut effects: Vec<Effect>) {
        self.settle(&mut effects);
        while !effects.is_empty() {
            for effect in std::mem::take(&mut effects) {
                self.perform_one(effect, &mut effects);
            }
        }
        let waiting = self.under_way.iter().filter(|request| !matches!(request, Request::Cursor(..))).count();
        assert!(waiting + self.others.len() <= WINDOW, "more under way than the window allows");
        assert!(self.timers.len() <= 6, "timers pile up: {:?}", self.timers);
    }

    fn perform_one(&mut self, effect: Effect, effects: &mut Vec<Effect>) {
        if !matches!(effect, Effect::TickAt(_) | Effect::Leave(_) | Effect::Ask(_, Request::Cursor(..))) {
            assert!(self.closed.is_none(), "{effect:?} after the close frame");
        }
        match effect {
            Effect::Authenticate(login) => {
                let number = login.token.parse().unwrap();
                let result = self.identity(number);
                self.feed(Input::Authenticated { result, login }, effects);
                self.settle(effects);
            }
            Effect::Register { identity, login } => {
                let number: usize = login.token.parse().unwrap();
                let registered = match self.tokens[number] {
                    Token::TooMany => {
                        Err(End { code: CloseCode::TooMany, reason: "too many", reconnect_after_ms: None })
                    }
                    _ => Ok(self.session(identity, login)),
                };
                self.entered |= registered.is_ok();
                self.feed(Input::Registered(registered), effects);
                self.settle(effects);
            }
            Effect::Down(frame) => self.hear(&frame),
            Effect::Ask(_, request) => self.under_way.push(request),
            Effect::Query(_, reply) => self.others.push(reply),
            Effect::TickAt(at) => self.timers.push(at),
            Effect::Close(code, _) => self.closed = Some(code),
            Effect::Leave(_) => self.leaves += 1,
            Effect::Unwatch(_) | Effect::LimitHit(_) => {}
        }
    }

    fn identity(&self, number: usize) -> Result<Identity, AuthenticateError> {
        let identity = |user: &str, expires| Identity {
            user: UserId::new(user).unwrap(),
            expires,
            issued: None,
            token_id: None,
        };
        match self.tokens[number] {
            Token::Good { expires_in_ms } => {
                Ok(identity("alice", expires_in_ms.map(|ms| Timestamp(self.wall().0 + ms))))
            }
            Token::TooMany => Ok(identity("alice", None)),
            Token::OfAnother => Ok(identity("bob", None)),
            Token::Bad => Err(AuthenticateError::Refused("bad".to_owned())),
            Token::Unavailable => Err(AuthenticateError::Unavailable("away".to_owned())),
        }
    }

    fn session(&self, identity: Identity, login: Login) -> Session {
        let connection = Some(self.handle.clone());
        let origin = Origin { user: identity.user.clone(), device: login.device.unwrap(), connection };
        let user_sends = Arc::new(Mutex::new(Bucket::new(self.settings.user_sends, self.now)));
        Session { origin: Arc::new(origin), identity, user_sends, hello: login.id }
    }

    fn hear(&mut self, frame: &Down) {
        if let Some(RequestId::Number(id)) = frame.id() {
            assert!(self.asked.contains(id), "an answer to {id}, which nobody asked");
            *self.answered.entry(*id).or_default() += 1;
        }
    }

    fn answer(&mut self, which: Index) {
        let count = self.under_way.len() + self.others.len();
        if count == 0 {
            return;
        }
        let at = which.index(count);
        // Dropping a request answers it: nobody waits for ever.
        if at < self.under_way.len() {
            drop(self.under_way.remove(at));
        } else {
            drop(self.others.remove(at - self.under_way.len()));
        }
    }

    fn write(&mut self) {
        if self.core.has_ended() {
            return;
        }
        let mut out = Vec::new();
        let drained = self.handle.drain(&mut out, usize::MAX);
        let frames: Vec<_> = wire::payloads(&out).map(|json| Down::parse(json).unwrap()).collect();
        frames.iter().for_each(|frame| self.hear(frame));
        let mut effects = Vec::new();
        self.feed(Input::Answered(drained.answers), &mut effects);
        self.perform(effects);
        // What has gone out may have made room.
        self.read(Vec::new(), None);
    }

    fn pass(&mut self, ms: u64) {
        let until = self.now + Duration::from_millis(ms);
        let mut turns = 0;
        while let Some(next) = self.timers.iter().min().copied().filter(|at| *at < until) {
            turns += 1;
            assert!(turns < 1_000, "it wakes itself again and again");
            self.timers.retain(|at| *at != next);
            assert!(next + Duration::from_millis(1) >= self.now, "a timer in the past");
            // The wheel is late by a little, never early.
            self.now = self.now.max(next + Duration::from_millis(1));
            self.tick();
        }
        self.now = self.now.max(until);
        self.check_deadlines();
    }

    fn tick(&mut self) {
        let mut effects = Vec::new();
        self.feed(Input::Tick, &mut effects);
        self.perform(effects);
    }

    /// Nothing lives longer than it may, without anybody asking.
    fn check_deadlines(&self) {
        let slack = Duration::from_millis(10);
        if let Some(expires) = self.core.identity().and_then(|identity| identity.expires) {
            assert!(expires.plus(slack) >= self.wall(), "the token expired, the connection did not");
        }
        if !self.core.has_ended() {
            assert!(self.core.heard + self.settings.presence_ttl + slack >= self.now, "silent for too long");
        }
    }

    pub(super) fn finish(&mut self) {
        for _ in 0..self.next_id {
            self.under_way.clear();
            self.others.clear();
            self.write();
        }
        assert_eq!(self.bytes.held(), 0, "permits that never return");
        assert!(self.leaves <= 1);
        let ended = self.core.has_ended();
        if ended && self.entered {
            assert_eq!(self.leaves, 1, "it ended and was not taken out of the directory");
        }
        assert!(self.answered.values().all(|times| *times == 1), "answered twice: {:?}", self.answered);
        assert!(ended || self.backlog.is_empty());
        if !ended {
            assert_eq!(self.answered.len(), self.asked.len(), "asked {:?}", self.asked);
            assert_eq!(self.core.unanswered, 0);
        }
        // An end in which it is told to come back lets it have its answers first.
        if self.closed == Some(CloseCode::GoingAway) && !self.deaf && self.core.ending.is_none() {
            assert!(self.answered.len() <= self.asked.len());
        }
    }
}

fn login(number: usize) -> Login {
    let device = Some(DeviceId::new("phone").unwrap());
    Login { id: None, token: number.to_string().into(), device, agent: None }
}
