//! The life of a connection: token, dial, hello, heartbeat, refresh, loss, and when to dial again.

use std::time::Duration;

use causerie_protocol::frame::down::{Goodbye, Welcome};
use causerie_protocol::frame::up::{Bare, Hello};
use causerie_protocol::frame::{CloseCode, ErrorCode, ErrorFrame};
use causerie_protocol::{Up, frame::up};

use super::effect::{Effect, Ended, Event};
use super::input::At;
use super::options::Start;
use super::requests::Asked;
use super::state::{Listing, Open, ParkKey, Phase, Refresh, Session};
use crate::draft::SendError;
use crate::request::RequestError;
use crate::token::{Token, TokenError};

/// How long a token, a socket or a `welcome` may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// The first wait before dialling again; doubled with each failure.
const BACKOFF_MIN: Duration = Duration::from_millis(250);
/// The longest.
const BACKOFF_MAX: Duration = Duration::from_secs(30);
/// A connection that lasted so long was a good one: the waits begin anew.
const LASTED: Duration = Duration::from_secs(5);
/// How long to wait before asking for a token again.
const REFRESH_AGAIN: Duration = Duration::from_secs(5);

impl Open {
    /// When something must be said, or the server is taken for dead.
    pub(super) fn deadline(&self) -> Duration {
        let dead = self.last_heard + self.heartbeat * 3 / 2;
        if self.pinging { dead } else { dead.min(self.ping_at()) }
    }

    fn ping_at(&self) -> Duration {
        self.last_written.min(self.last_heard) + self.heartbeat * 2 / 3
    }
}

impl Session {
    pub(super) fn open(&mut self, at: At) {
        if matches!(self.phase, Phase::New | Phase::Waiting { .. }) {
            self.link += 1;
            self.phase = Phase::Token { until: at.now + PATIENCE };
            self.out.push(Effect::FetchToken { link: self.link });
        }
    }

    pub(super) fn on_token(&mut self, at: At, token: Result<Token, TokenError>) {
        match (&mut self.phase, token) {
            (Phase::Token { .. }, Ok(token)) => {
                self.phase = Phase::Dialing { until: at.now + PATIENCE, token };
                self.out.push(Effect::Dial { link: self.link });
            }
            (Phase::Token { .. }, Err(error)) if self.user.is_none() => self.end(match error {
                TokenError::Unreachable(reason) => Ended::Unreachable(reason),
                TokenError::Refused(reason) => Ended::NoToken(reason),
            }),
            (Phase::Token { .. }, Err(error)) => self.lose(at, &error.to_string(), None),
            (Phase::Up(open), Ok(token)) => {
                let refresh = &mut open.refresh;
                if let Some(expires) = token.expires {
                    let since_welcome = at.now.saturating_sub(open.since);
                    let ends = Duration::from_millis(expires.0.saturating_sub(refresh.welcome_ms));
                    refresh.lifetime = ends.saturating_sub(since_welcome);
                }
                self.ask(Asked::Refresh, at.now, |id| {
                    Up::Refresh(up::Refresh { id: Some(id), token: token.value })
                });
            }
            (Phase::Up(_), Err(_)) => self.on_refresh_failed(at.now),
            _ => {}
        }
    }

    pub(super) fn on_opened(&mut self, at: At) {
        if let Phase::Dialing { token, .. } = &self.phase {
            let token = token.clone();
            let hello = Hello {
                id: None,
                token: Some(token.value.clone()),
                device: self.options.device.clone(),
                agent: Some(self.options.agent.as_str().into()),
            };
            self.phase = Phase::Hello { until: at.now + PATIENCE, token, refused: None };
            self.ask(Asked::Hello, at.now, |id| Up::Hello(Hello { id: Some(id), ..hello }));
        }
    }

    pub(super) fn on_welcome(&mut self, at: At, welcome: Box<Welcome>) {
        let Phase::Hello { token, .. } = &self.phase else { return };
        let expires = welcome.expires.or(token.expires);
        let lifetime =
            expires.map_or(Duration::MAX, |end| Duration::from_millis(end.0.saturating_sub(welcome.time.0)));
        let refresh_at =
            (self.options.renewable && lifetime < Duration::MAX).then(|| at.now + lifetime * 3 / 4);
        self.phase = Phase::Up(Open {
            since: at.now,
            heartbeat: Duration::from_millis(welcome.heartbeat_ms.max(1000)),
            last_written: at.now,
            last_heard: at.now,
            pinging: false,
            window: welcome.limits.sends_in_flight.max(1),
            refresh: Refresh { at: refresh_at, lifetime, welcome_ms: welcome.time.0 },
            goodbye: None,
            listing: if self.options.start == Start::Nothing { Listing::Done } else { Listing::Next(None) },
            follow_after: at.now,
            syncs: 0,
        });
        self.user = Some(welcome.user.clone());
        self.emit(ParkKey::Link, Event::Connected(welcome));
    }

    /// The server says why, and closes; what follows is decided then.
    pub(super) fn on_hello_refused(&mut self, error: ErrorFrame) {
        if let Phase::Hello { refused, .. } = &mut self.phase {
            *refused = Some(error);
        }
    }

    pub(super) fn on_pong(&mut self) {
        if let Phase::Up(open) = &mut self.phase {
            open.pinging = false;
        }
    }

    pub(super) fn on_refreshed(&mut self, now: Duration) {
        if let Phase::Up(open) = &mut self.phase {
            open.refresh.at =
                (open.refresh.lifetime < Duration::MAX).then(|| now + open.refresh.lifetime * 3 / 4);
        }
    }

    pub(super) fn on_refresh_failed(&mut self, now: Duration) {
        if let Phase::Up(open) = &mut self.phase {
            open.refresh.at = Some(now + REFRESH_AGAIN);
        }
    }

    pub(super) fn on_tick(&mut self, at: At) {
        match &mut self.phase {
            Phase::New | Phase::Ended => {}
            Phase::Waiting { until } => {
                if *until <= at.now {
                    self.open(at);
                }
            }
            Phase::Token { until } | Phase::Dialing { until, .. } | Phase::Hello { until, .. } => {
                if *until <= at.now {
                    self.hang_up(at, "no answer in time");
                }
            }
            Phase::Up(open) => {
                let link = self.link;
                if open.last_heard + open.heartbeat * 3 / 2 <= at.now {
                    self.hang_up(at, "the server is silent");
                    return;
                }
                if open.refresh.at.is_some_and(|refresh| refresh <= at.now) {
                    open.refresh.at = None;
                    self.out.push(Effect::FetchToken { link });
                }
                if !open.pinging && open.ping_at() <= at.now {
                    open.pinging = true;
                    self.ask(Asked::Ping, at.now, |id| Up::Ping(Bare { id: Some(id) }));
                }
            }
        }
    }

    /// Leaves a connection of its own accord.
    pub(super) fn hang_up(&mut self, at: At, reason: &str) {
        self.out.push(Effect::Hangup);
        self.on_lost(at, None, reason);
    }

    pub(super) fn on_lost(&mut self, at: At, code: Option<u16>, reason: &str) {
        let code = code.and_then(CloseCode::from_number);
        let (goodbye, refused) = match std::mem::replace(&mut self.phase, Phase::New) {
            Phase::Up(open) => {
                if at.now.saturating_sub(open.since) >= LASTED {
                    self.failures = 0;
                }
                (open.goodbye, None)
            }
            Phase::Hello { refused, .. } => (None, refused),
            Phase::Token { .. } | Phase::Dialing { .. } => (None, None),
            // There was no connection to lose.
            phase @ (Phase::New | Phase::Waiting { .. } | Phase::Ended) => {
                self.phase = phase;
                return;
            }
        };
        self.outbox.lost();
        self.marks.lost(at.now);
        self.syncs_lost();
        for asked in self.requests.lost() {
            if let Asked::Application(ticket) = asked {
                self.out.push(Effect::Answer(ticket, Err(RequestError::Lost)));
            }
        }
        if let Some(error) = refused {
            let later = error.retry || (error.code == ErrorCode::TokenExpired && self.options.renewable);
            if self.user.is_none() || !later {
                return self.end(Ended::Refused(error));
            }
        } else if self.user.is_none() && code.is_none() {
            return self.end(Ended::Unreachable(reason.to_owned()));
        } else if self.user.is_none() || !self.may_come_back(goodbye.as_ref(), code) {
            let reason = goodbye.map_or_else(|| text_of(code, reason), |goodbye| goodbye.reason);
            return self.end(Ended::StayAway { code, reason });
        }
        if code == Some(CloseCode::TooMany) {
            self.failures = self.failures.max(4);
        }
        let after = goodbye.and_then(|goodbye| goodbye.reconnect_after_ms).map(Duration::from_millis);
        self.lose(at, &text_of(code, reason), after);
    }

    fn may_come_back(&self, goodbye: Option<&Goodbye>, code: Option<CloseCode>) -> bool {
        if code == Some(CloseCode::TokenExpired) {
            return self.options.renewable;
        }
        let invited = goodbye.is_some_and(|goodbye| goodbye.reconnect_after_ms.is_some());
        invited || code.map_or(goodbye.is_none(), CloseCode::come_back)
    }

    /// The connection is gone: dials again later, or ends.
    fn lose(&mut self, at: At, reason: &str, after: Option<Duration>) {
        if !self.options.resume {
            return self.end(Ended::Lost(reason.to_owned()));
        }
        let backoff = (BACKOFF_MIN * 2u32.saturating_pow(self.failures.min(16))).min(BACKOFF_MAX);
        self.failures = self.failures.saturating_add(1);
        // An invitation for a time is for everybody: it is spread upwards, so that not all come at once.
        let (least, spread) =
            after.map_or((backoff / 2, backoff / 2), |after| (after, after / 4 + BACKOFF_MIN));
        let spread_ms = u64::try_from(spread.as_millis()).unwrap_or(u64::MAX).max(1);
        let wait = least + Duration::from_millis(at.random % spread_ms);
        self.phase = Phase::Waiting { until: at.now + wait };
        self.emit(ParkKey::Link, Event::Disconnected { reason: reason.to_owned(), again_in: Some(wait) });
    }

    /// The application is done.
    pub(super) fn close(&mut self, now: Duration) {
        if matches!(self.phase, Phase::Up(_)) {
            for frame in self.marks.take_all(&mut self.requests) {
                self.write(frame, now);
            }
        }
        if !self.is_ended() {
            self.out.push(Effect::Hangup);
            self.end(Ended::Closed);
        }
    }

    /// Everything that is open comes to its end.
    fn end(&mut self, why: Ended) {
        let reason = why.to_string();
        if self.user.is_some() && !matches!(why, Ended::Closed) {
            self.emit(ParkKey::Link, Event::Disconnected { reason: reason.clone(), again_in: None });
        }
        self.phase = Phase::Ended;
        self.parked.clear();
        self.outbox.lost();
        let sends: Vec<(_, SendError)> = self.outbox.end(&reason).collect();
        self.out.extend(sends.into_iter().map(|(ticket, error)| Effect::Settle(ticket, Err(error))));
        for asked in self.requests.lost() {
            if let Asked::Application(ticket) = asked {
                self.out.push(Effect::Answer(ticket, Err(RequestError::Lost)));
            }
        }
        self.out.push(Effect::End(why));
    }
}

fn text_of(code: Option<CloseCode>, reason: &str) -> String {
    code.map_or_else(|| reason.to_owned(), |code| code.meaning().to_owned())
}
