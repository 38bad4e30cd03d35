//! Decides what a connection does. Pure: clocks come as arguments.

use std::sync::Arc;
use std::time::Duration;

use causerie_cluster::directory::Leave;
use causerie_protocol::frame::down::{Done, Goodbye, Limits, Welcome};
use causerie_protocol::frame::{CloseCode, Down, ErrorCode, ErrorFrame, FrameError, Up, id_of};
use causerie_protocol::{RequestId, Timestamp};

use super::effect::{Effect, Login};
use super::input::{End, Input};
use super::state::{Connection, Open, Phase, Session};
use super::transport::TransportEnd;
use crate::authenticate::{AuthenticateError, Identity};
use crate::bounded::Bound;
use crate::bucket::Bucket;
use crate::metrics::Limit;
use crate::settings::Settings;
use crate::wheel::TICK;

/// What a decision may depend on beside the state.
#[derive(Clone, Copy)]
pub struct Env<'a> {
    /// The monotonic time.
    pub now: Duration,
    /// The wall clock, for the end of tokens.
    pub wall: Timestamp,
    /// The bounds.
    pub settings: &'a Settings,
    /// The node's bound on bytes that wait to be stored.
    pub waiting_bytes: &'a Arc<Bound>,
}

/// What a sign of life counts before the client is known: as much as the largest one of a WebSocket.
const CONTROL_FRAME: usize = 125;
/// How long a client that is told to go may wait for its last answers.
const LAST_ANSWERS: Duration = Duration::from_secs(5);

impl Connection {
    /// Takes in what happened and says what is to be done about it.
    pub fn handle(&mut self, input: Input<'_>, env: &Env<'_>, effects: &mut Vec<Effect>) {
        match input {
            Input::Frame(frame) => self.frame(frame, env, effects),
            Input::Heartbeat => self.heartbeat(env, effects),
            Input::Authenticated { result, login } => self.authenticated(result, login, env, effects),
            Input::Registered(Ok(session)) => self.registered(session, env, effects),
            Input::Registered(Err(end)) => self.end(&end, Leave::Orderly, effects),
            Input::End(end) => self.asked_to_end(end, env, effects),
            Input::Answered(count) => self.unanswered = self.unanswered.saturating_sub(count),
            Input::Blocked(blocked) => {
                self.blocked = if blocked { self.blocked.or(Some(env.now)) } else { None }
            }
            Input::Gone(end) => self.gone(end, effects),
            Input::Tick => self.tick(env, effects),
        }
    }

    /// To be called once after a run of inputs: hands on the cursors, and asks to be woken.
    pub fn settle(&mut self, env: &Env<'_>, effects: &mut Vec<Effect>) {
        self.hand_on_cursors(effects);
        if self.unanswered == 0
            && let Some((end, _)) = self.ending.take()
        {
            self.end(&end, Leave::Orderly, effects);
        }
        let blocked =
            self.blocked.filter(|_| !self.has_ended()).map(|since| since + env.settings.lagging_close);
        for (wake, deadline) in
            self.wakes.iter_mut().zip([own_deadline(&self.phase, self.heard, env), blocked])
        {
            if let (None, Some(at)) = (*wake, deadline) {
                *wake = Some(at);
                effects.push(Effect::TickAt(at));
            }
        }
    }

    /// A client that is told to come back gets its last answers first.
    fn asked_to_end(&mut self, end: End, env: &Env<'_>, effects: &mut Vec<Effect>) {
        if end.code == CloseCode::GoingAway && self.unanswered > 0 && !self.has_ended() {
            let at = env.now + LAST_ANSWERS;
            self.ending = Some((end, at));
            effects.push(Effect::TickAt(at));
        } else {
            self.end(&end, Leave::Orderly, effects);
        }
    }

    fn tick(&mut self, env: &Env<'_>, effects: &mut Vec<Effect>) {
        for wake in &mut self.wakes {
            *wake = wake.filter(|at| *at > env.now);
        }
        if let Some((end, _)) = self.ending.take_if(|(_, at)| env.now >= *at) {
            return self.end(&end, Leave::Orderly, effects);
        }
        if self.blocked.is_some_and(|since| env.now >= since + env.settings.lagging_close) {
            return self.end(&End::LAGGING, Leave::Orderly, effects);
        }
        match &self.phase {
            Phase::Waiting { until, .. } if env.now >= *until => {
                let reason = "no hello in time";
                let end = End { code: CloseCode::Unauthenticated, reason, reconnect_after_ms: None };
                self.end(&end, Leave::Orderly, effects);
            }
            Phase::Open(open) if open.session.identity.expires.is_some_and(|expires| env.wall >= expires) => {
                let end =
                    End { code: CloseCode::TokenExpired, reason: "expired", reconnect_after_ms: Some(0) };
                self.end(&end, Leave::Orderly, effects);
            }
            Phase::Open(_) if env.now >= self.heard + env.settings.presence_ttl => {
                let end =
                    End { code: CloseCode::GoingAway, reason: "silent", reconnect_after_ms: Some(1000) };
                self.end(&end, Leave::Silent, effects);
            }
            _ => {}
        }
    }

    fn heartbeat(&mut self, env: &Env<'_>, effects: &mut Vec<Effect>) {
        self.heard = env.now;
        self.said(CONTROL_FRAME, effects);
    }

    /// Whether a frame that cannot be taken in now may wait; one too many ends the connection.
    pub fn may_wait(&mut self, frame: &str, effects: &mut Vec<Effect>) -> bool {
        // A frame of no bytes takes room too.
        self.said(frame.len() + size_of::<Box<str>>(), effects);
        !self.has_ended()
    }

    /// Counts what a client says until it is known.
    fn said(&mut self, bytes: usize, effects: &mut Vec<Effect>) {
        if let Phase::Waiting { bytes_left, .. } | Phase::Entering { bytes_left } = &mut self.phase {
            match bytes_left.checked_sub(bytes) {
                Some(left) => *bytes_left = left,
                None => self.too_talkative(None, effects),
            }
        }
    }

    fn too_talkative(&mut self, id: Option<RequestId>, effects: &mut Vec<Effect>) {
        effects.push(Effect::LimitHit(Limit::UnauthenticatedBytes));
        let message = "Too much was said before `welcome`.";
        self.violation(id, ErrorCode::TooLarge, message.to_owned(), effects);
    }

    fn frame(&mut self, json: &str, env: &Env<'_>, effects: &mut Vec<Effect>) {
        self.heard = env.now;
        match &mut self.phase {
            Phase::Ended | Phase::Entering { .. } => {}
            Phase::Waiting { bytes_left, token, .. } => {
                if json.len() > *bytes_left {
                    return self.too_talkative(id_of(json), effects);
                }
                *bytes_left -= json.len();
                let (token, left) = (token.take(), *bytes_left);
                match Up::parse(json) {
                    Ok(Up::Hello(hello)) => match hello.token.or(token) {
                        Some(token) => {
                            self.phase = Phase::Entering { bytes_left: left };
                            let login =
                                Login { id: hello.id, token, device: Some(hello.device), agent: hello.agent };
                            effects.push(Effect::Authenticate(login));
                        }
                        None => {
                            let message =
                                "`hello` carries no token, and neither did the handshake.".to_owned();
                            self.refused(hello.id, ErrorCode::Unauthenticated, message, effects);
                        }
                    },
                    Ok(frame) => {
                        let message = "The first frame is `hello`.".to_owned();
                        self.violation(frame.id().cloned(), ErrorCode::Unauthenticated, message, effects);
                    }
                    Err(error) => self.violation(id_of(json), code_of(&error), error.to_string(), effects),
                }
            }
            Phase::Open(_) => match Up::parse(json) {
                Ok(frame) => self.request(frame, env, effects),
                Err(error) => {
                    // A client of another version may say things that we do not know: an answer, not the end.
                    let frame = ErrorFrame::new(id_of(json), code_of(&error), error.to_string());
                    effects.push(Effect::Down(Box::new(Down::Error(frame))));
                }
            },
        }
    }

    fn authenticated(
        &mut self,
        result: Result<Identity, AuthenticateError>,
        login: Login,
        env: &Env<'_>,
        effects: &mut Vec<Effect>,
    ) {
        match result {
            Ok(identity) if identity.expires.is_some_and(|expires| env.wall >= expires) => {
                self.not_authenticated(&AuthenticateError::Expired, login.id, effects);
            }
            Ok(identity) => match &mut self.phase {
                Phase::Entering { .. } => effects.push(Effect::Register { identity, login }),
                Phase::Open(open) if open.session.identity.user == identity.user => {
                    open.session.identity = identity;
                    self.wake_earlier(env);
                    let done = Done { id: login.id, seq: None };
                    effects.push(Effect::Down(Box::new(Down::Ok(done))));
                }
                Phase::Open(_) => {
                    let message = "The token is of another user; open another connection for it.";
                    let frame = ErrorFrame::new(login.id, ErrorCode::Unauthenticated, message);
                    effects.push(Effect::Down(Box::new(Down::Error(frame))));
                }
                Phase::Waiting { .. } | Phase::Ended => {}
            },
            Err(_) if self.has_ended() => {}
            Err(error) => self.not_authenticated(&error, login.id, effects),
        }
    }

    /// A deadline before the wake-up that is asked for needs one of its own; at a later one the old wake-up looks again.
    fn wake_earlier(&mut self, env: &Env<'_>) {
        if let (Some(asked), Some(at)) = (self.wakes[0], own_deadline(&self.phase, self.heard, env))
            && at + TICK < asked
        {
            self.wakes[0] = None;
        }
    }

    fn not_authenticated(
        &mut self,
        error: &AuthenticateError,
        id: Option<RequestId>,
        effects: &mut Vec<Effect>,
    ) {
        let code = match error {
            AuthenticateError::Refused(_) => ErrorCode::Unauthenticated,
            AuthenticateError::Expired => ErrorCode::TokenExpired,
            AuthenticateError::Unavailable(_) => ErrorCode::Unavailable,
        };
        if matches!(self.phase, Phase::Open(_)) {
            // A `refresh` that failed leaves the session as it is, until its own token ends.
            let frame = ErrorFrame::new(id, code, format!("{error}."));
            return effects.push(Effect::Down(Box::new(Down::Error(frame))));
        }
        self.refused(id, code, format!("{error}."), effects);
    }

    fn registered(&mut self, mut session: Session, env: &Env<'_>, effects: &mut Vec<Effect>) {
        // One that was told to end meanwhile stays ended; its `Leave` is on the way.
        if !matches!(self.phase, Phase::Entering { .. }) {
            return;
        }
        let settings = env.settings;
        let welcome = Welcome {
            id: session.hello.take(),
            user: session.origin.user.clone(),
            device: session.origin.device.clone(),
            node: settings.node_name.clone(),
            session: format!("{}-{}", settings.node_name, self.handle.id().0),
            time: env.wall,
            heartbeat_ms: u64::try_from(settings.heartbeat.as_millis()).unwrap_or(u64::MAX),
            expires: session.identity.expires,
            limits: Limits {
                body_bytes: settings.body_bytes,
                sends_in_flight: settings.sends_in_flight,
                watch_users: settings.watch_users,
            },
        };
        self.phase = Phase::Open(Box::new(Open {
            session,
            sends: Bucket::new(settings.connection_sends, env.now),
            requests: Bucket::new(settings.connection_requests, env.now),
            cursors: std::collections::BTreeMap::new(),
        }));
        self.wakes[0] = None;
        effects.push(Effect::Down(Box::new(Down::Welcome(Box::new(welcome)))));
    }

    /// Nothing more arrives.
    fn gone(&mut self, end: TransportEnd, effects: &mut Vec<Effect>) {
        // Nothing may follow the close frame.
        if self.has_ended() {
            return;
        }
        match end {
            TransportEnd::Closed | TransportEnd::Broken(_) => {
                self.leave(Leave::Orderly, effects);
                self.phase = Phase::Ended;
            }
            TransportEnd::TooLarge { .. } => {
                let known = matches!(self.phase, Phase::Open(_));
                let limit = if known { Limit::FrameBytes } else { Limit::UnauthenticatedBytes };
                effects.push(Effect::LimitHit(limit));
                self.violation(None, ErrorCode::TooLarge, format!("{end}."), effects);
            }
            TransportEnd::Violation(why) => self.violation(None, ErrorCode::InvalidFrame, why, effects),
        }
    }

    /// Tells the client that this is the end.
    fn end(&mut self, end: &End, leave: Leave, effects: &mut Vec<Effect>) {
        if self.has_ended() {
            return;
        }
        let goodbye = Goodbye { reason: end.reason.to_owned(), reconnect_after_ms: end.reconnect_after_ms };
        effects.push(Effect::Down(Box::new(Down::Goodbye(goodbye))));
        effects.push(Effect::Close(end.code, end.reason));
        self.leave(leave, effects);
        self.phase = Phase::Ended;
    }

    fn leave(&mut self, leave: Leave, effects: &mut Vec<Effect>) {
        self.hand_on_cursors(effects);
        if !self.has_ended() {
            effects.push(Effect::Leave(leave));
        }
    }

    fn violation(
        &mut self,
        id: Option<RequestId>,
        code: ErrorCode,
        message: String,
        effects: &mut Vec<Effect>,
    ) {
        effects.push(Effect::Down(Box::new(Down::Error(ErrorFrame::new(id, code, message)))));
        effects.push(Effect::Close(CloseCode::ProtocolViolation, "protocol violation"));
        self.leave(Leave::Orderly, effects);
        self.phase = Phase::Ended;
    }

    /// The token is not accepted: tells why and closes.
    fn refused(
        &mut self,
        id: Option<RequestId>,
        code: ErrorCode,
        message: String,
        effects: &mut Vec<Effect>,
    ) {
        let (close, reason) = match code {
            ErrorCode::TokenExpired => (CloseCode::TokenExpired, "token expired"),
            ErrorCode::Unavailable => (CloseCode::TooMany, "sign-in unavailable"),
            _ => (CloseCode::Unauthenticated, "unauthenticated"),
        };
        effects.push(Effect::Down(Box::new(Down::Error(ErrorFrame::new(id, code, message)))));
        effects.push(Effect::Close(close, reason));
        self.leave(Leave::Orderly, effects);
        self.phase = Phase::Ended;
    }
}

/// When time alone would change something.
fn own_deadline(phase: &Phase, heard: Duration, env: &Env<'_>) -> Option<Duration> {
    match phase {
        Phase::Waiting { until, .. } => Some(*until),
        Phase::Open(open) => {
            let silent = heard + env.settings.presence_ttl;
            let left = |expires: Timestamp| Duration::from_millis(expires.0.saturating_sub(env.wall.0));
            let expires = open.session.identity.expires.map(|expires| env.now + left(expires));
            Some(expires.map_or(silent, |expires| expires.min(silent)))
        }
        Phase::Entering { .. } | Phase::Ended => None,
    }
}

fn code_of(error: &FrameError) -> ErrorCode {
    match error {
        FrameError::UnknownType(_) => ErrorCode::UnknownType,
        FrameError::Invalid { .. } | FrameError::NotAnObject => ErrorCode::InvalidFrame,
    }
}
