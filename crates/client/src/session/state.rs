//! What a session knows.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use causerie_protocol::frame::down::Goodbye;
use causerie_protocol::{ConversationId, Up, UserId};

use super::effect::{Effect, Event, LinkId};
use super::marks::Marks;
use super::options::Options;
use super::outbox::Outbox;
use super::requests::{Asked, Requests};
use super::stream::Stream;
use crate::token::Token;

/// Receipts and presences that are kept for an application without room. Above, it is told that it missed some.
const PARKED_MAX: usize = 1024;

/// Sends and requests that a session holds before it accepts no more.
const HELD_MAX: usize = 256;

/// A session of one device of one user, over any number of connections.
#[derive(Debug)]
pub struct Session {
    pub(super) options: Options,
    pub(super) link: LinkId,
    pub(super) phase: Phase,
    /// Dials since the last connection that lasted.
    pub(super) failures: u32,
    pub(super) user: Option<UserId>,
    pub(super) requests: Requests,
    pub(super) outbox: Outbox,
    pub(super) streams: BTreeMap<ConversationId, Stream>,
    /// Those that have something the application was not given, and no `sync` under way.
    pub(super) behind: BTreeSet<ConversationId>,
    pub(super) marks: Marks,
    pub(super) room: usize,
    pub(super) parked: BTreeMap<ParkKey, Event>,
    pub(super) out: Vec<Effect>,
}

/// Where the connection is.
#[derive(Debug)]
pub(super) enum Phase {
    /// Not begun.
    New,
    /// Waiting for a token.
    Token { until: Duration },
    /// Waiting for the socket; with the token to say `hello` with.
    Dialing { until: Duration, token: Token },
    /// Waiting for `welcome`.
    Hello { until: Duration, token: Token, refused: Option<causerie_protocol::frame::ErrorFrame> },
    /// Open.
    Up(Open),
    /// Waiting to dial again.
    Waiting { until: Duration },
    /// Over.
    Ended,
}

/// An open connection.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) since: Duration,
    pub(super) heartbeat: Duration,
    pub(super) last_written: Duration,
    pub(super) last_heard: Duration,
    pub(super) pinging: bool,
    pub(super) window: usize,
    pub(super) refresh: Refresh,
    pub(super) goodbye: Option<Goodbye>,
    pub(super) listing: Listing,
    /// No `sync` and no listing before this: the server asked to wait.
    pub(super) follow_after: Duration,
    pub(super) syncs: usize,
}

/// When a new token is needed.
#[derive(Debug)]
pub(super) struct Refresh {
    /// When to ask for it; none: not needed, or asked.
    pub(super) at: Option<Duration>,
    /// How long the last token lived.
    pub(super) lifetime: Duration,
    /// The server's clock when the connection was opened, by which tokens end.
    pub(super) welcome_ms: u64,
}

/// How far the list of conversations has been read on this connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Listing {
    /// The next page begins here.
    Next(Option<String>),
    /// A page is awaited; the one before it began here.
    Asked(Option<String>),
    /// All of it, or none is wanted.
    Done,
}

/// What a newer event replaces.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ParkKey {
    /// The connection.
    Link,
    /// A user's positions in a conversation.
    Receipt(ConversationId, UserId),
    /// A user's presence.
    Presence(UserId),
    /// That something was missed.
    Missed,
}

impl Session {
    /// A session that has not begun; see [`Input::Open`](super::Input::Open).
    pub fn new(options: Options) -> Self {
        let positions = options.positions.iter();
        let streams = positions.map(|(conversation, seq)| (*conversation, Stream::new(*seq))).collect();
        Self {
            options,
            link: 0,
            phase: Phase::New,
            failures: 0,
            user: None,
            requests: Requests::default(),
            outbox: Outbox::default(),
            streams,
            behind: BTreeSet::new(),
            marks: Marks::default(),
            room: 0,
            parked: BTreeMap::new(),
            out: Vec::new(),
        }
    }

    /// Whether another send or request may be fed. Feeding it nevertheless loses nothing, but holds more.
    pub fn accepts(&self) -> bool {
        self.outbox.len() + self.requests.of_application() < HELD_MAX
    }

    /// Whether something waits for [`Input::Room`](super::Input::Room).
    pub fn starved(&self) -> bool {
        !self.is_ended() && self.room == 0 && !(self.parked.is_empty() && self.behind.is_empty())
    }

    /// Whether the session is over.
    pub fn is_ended(&self) -> bool {
        matches!(self.phase, Phase::Ended)
    }

    /// Writes a frame to the open socket.
    pub(super) fn write(&mut self, frame: Up, now: Duration) {
        if let Phase::Up(up) = &mut self.phase {
            up.last_written = now;
        }
        self.out.push(Effect::Write(Box::new(frame)));
    }

    /// Writes a request, made with the id it gets.
    pub(super) fn ask(
        &mut self,
        asked: Asked,
        now: Duration,
        frame: impl FnOnce(causerie_protocol::RequestId) -> Up,
    ) {
        let id = self.requests.ask(asked);
        self.write(frame(id), now);
    }

    /// Gives an event that is no message; without room it waits, and a newer one takes its place.
    pub(super) fn emit(&mut self, key: ParkKey, event: Event) {
        if self.room > 0 {
            self.room -= 1;
            self.out.push(Effect::Emit(event));
        } else if self.parked.len() < PARKED_MAX || self.parked.contains_key(&key) || key == ParkKey::Link {
            self.parked.insert(key, event);
        } else {
            self.parked.insert(ParkKey::Missed, Event::Missed);
        }
    }

    /// Gives what waited, as far as there is room.
    pub(super) fn unpark(&mut self) {
        while self.room > 0
            && let Some((_, event)) = self.parked.pop_first()
        {
            self.room -= 1;
            self.out.push(Effect::Emit(event));
        }
    }
}
