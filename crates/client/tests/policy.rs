//! What a session decides about its connection, one question at a time.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::time::Duration;

use causerie_client::session::{At, Effect, Input, LinkId, Options, Session};
use causerie_client::{Draft, Ended, Event, SendError, Start, Token};
use causerie_protocol::frame::down::{Done, Goodbye, Limits, Welcome};
use causerie_protocol::frame::{ErrorCode, ErrorFrame};
use causerie_protocol::{ConversationId, Down, RequestId, Timestamp, Up, UserId};

/// The server's clock when it says welcome.
const WELCOME_MS: u64 = 1_000_000;

struct Client {
    session: Session,
    now: Duration,
    link: LinkId,
}

fn user(name: &str) -> UserId {
    name.parse().unwrap()
}

impl Client {
    /// A client that is connected, with a token that lives as long as said.
    fn connected(resume: bool, lifetime: Option<Duration>) -> Self {
        let session = Session::new(Options {
            device: "phone".parse().unwrap(),
            agent: "test".to_owned(),
            start: Start::Nothing,
            positions: Vec::new(),
            resume,
            acknowledge: true,
            renewable: true,
        });
        let mut client = Self { session, now: Duration::ZERO, link: 0 };
        client.feed(Input::Room(100));
        client.feed(Input::Open);
        client.connect(lifetime);
        client
    }

    fn feed(&mut self, input: Input) -> Vec<Effect> {
        self.session.handle(At { now: self.now, random: 7 }, input)
    }

    fn say(&mut self, frame: Down) -> Vec<Effect> {
        self.feed(Input::Frame { link: self.link, frame })
    }

    /// From the token to the welcome.
    fn connect(&mut self, lifetime: Option<Duration>) -> Vec<Effect> {
        self.link += 1;
        let link = self.link;
        let dial = self.feed(Input::Token { link, token: Ok(token()) });
        assert!(matches!(dial[..], [Effect::Dial { .. }]), "{dial:?}");
        let hello = written(&self.feed(Input::Opened { link }));
        let Some(Up::Hello(hello)) = hello.first() else { panic!("{hello:?}") };
        let welcome = Welcome {
            id: hello.id.clone(),
            user: user("alice"),
            device: hello.device.clone(),
            node: "n1".to_owned(),
            session: "s".to_owned(),
            time: Timestamp(WELCOME_MS),
            heartbeat_ms: 30_000,
            expires: lifetime.map(|lifetime| Timestamp(WELCOME_MS).plus(lifetime)),
            limits: Limits { body_bytes: 100, sends_in_flight: 2, watch_users: 1 },
        };
        self.say(Down::Welcome(Box::new(welcome)))
    }

    fn lose(&mut self, code: Option<u16>) -> Vec<Effect> {
        self.feed(Input::Lost { link: self.link, code, reason: "gone".to_owned() })
    }

    /// Lets time pass up to the deadline.
    fn wait(&mut self) -> Vec<Effect> {
        self.now = self.now.max(self.session.deadline().unwrap());
        self.feed(Input::Tick)
    }
}

fn token() -> Token {
    Token { value: "t".into(), expires: None }
}

fn written(effects: &[Effect]) -> Vec<Up> {
    let frame = |effect: &Effect| match effect {
        Effect::Write(frame) => Some((**frame).clone()),
        _ => None,
    };
    effects.iter().filter_map(frame).collect()
}

/// How long until it dials again; none: it stays away.
fn again_in(effects: &[Effect]) -> Option<Duration> {
    effects.iter().find_map(|effect| match effect {
        Effect::Emit(Event::Disconnected { again_in, .. }) => *again_in,
        _ => None,
    })
}

fn goodbye(reconnect_after_ms: Option<u64>) -> Down {
    Down::Goodbye(Goodbye { reason: "because".to_owned(), reconnect_after_ms })
}

#[test]
fn a_close_code_says_whether_to_come_back() {
    for (code, comes_back) in [
        (None, true),
        (Some(1006), true),
        (Some(1012), true),
        (Some(1000), false),
        (Some(4000), true),
        (Some(4001), false),
        (Some(4002), true),
        (Some(4003), false),
        (Some(4008), true),
        (Some(4009), false),
        (Some(4029), true),
    ] {
        let mut client = Client::connected(true, None);
        let effects = client.lose(code);
        assert_eq!(again_in(&effects).is_some(), comes_back, "{code:?}");
        assert_eq!(client.session.is_ended(), !comes_back, "{code:?}");
    }
}

#[test]
fn a_goodbye_says_when_to_come_back() {
    let mut client = Client::connected(true, None);
    client.say(goodbye(Some(1200)));
    let wait = again_in(&client.lose(Some(4000))).unwrap();
    assert!(wait >= Duration::from_millis(1200) && wait < Duration::from_millis(1800), "{wait:?}");
    let mut client = Client::connected(true, None);
    client.say(goodbye(None));
    let effects = client.lose(None);
    assert!(
        matches!(effects.last(), Some(Effect::End(Ended::StayAway { reason, .. })) if reason == "because")
    );
}

#[test]
fn the_waits_grow_until_a_connection_lasts() {
    let mut client = Client::connected(true, None);
    let mut waits = Vec::new();
    for _ in 0..10 {
        waits.push(again_in(&client.lose(None)).unwrap());
        client.wait();
        client.connect(None);
    }
    assert!(waits[0] < Duration::from_millis(250) && waits.is_sorted(), "{waits:?}");
    assert!(waits[9] >= Duration::from_secs(15) && waits[9] <= Duration::from_secs(30), "{waits:?}");
    client.now += Duration::from_secs(5);
    assert_eq!(again_in(&client.lose(None)).unwrap(), waits[0]);
}

#[test]
fn a_silent_server_is_asked_and_then_left() {
    let mut client = Client::connected(true, None);
    let asked = client.wait();
    assert!(matches!(written(&asked)[..], [Up::Ping(_)]), "{asked:?}");
    assert!(client.now < Duration::from_secs(30), "said something within a heartbeat");
    let left = client.wait();
    assert!(matches!(left[0], Effect::Hangup) && again_in(&left).is_some(), "{left:?}");
}

#[test]
fn a_token_is_renewed_before_it_ends() {
    let lifetime = Duration::from_secs(20);
    let mut client = Client::connected(true, Some(lifetime));
    for round in 1..4 {
        let start = client.now;
        let effects = client.wait();
        assert!(matches!(effects[..], [Effect::FetchToken { link: 1 }]), "{effects:?}");
        assert!(client.now < start + lifetime);
        let expires = Timestamp(WELCOME_MS).plus(client.now + lifetime);
        let token = Token { value: "new".into(), expires: Some(expires) };
        let refresh = written(&client.feed(Input::Token { link: 1, token: Ok(token) }));
        let [Up::Refresh(refresh)] = &refresh[..] else { panic!("round {round}: {refresh:?}") };
        client.say(Down::Ok(Done { id: refresh.id.clone(), seq: None }));
    }
}

/// The outcome of a send whose first answers are these codes; `None` is a lost connection.
fn outcome(resume: bool, answers: &[Option<ErrorCode>]) -> Option<Result<(), SendError>> {
    let mut client = Client::connected(resume, None);
    let conversation = ConversationId::direct(&user("alice"), &user("bob"));
    let draft = Box::new(Draft::text(conversation, "hi"));
    let mut effects = client.feed(Input::Send { ticket: 1, draft });
    for answer in answers {
        while written(&effects).is_empty() {
            effects = client.wait();
        }
        let sends = written(&effects);
        let [Up::Send(send)] = &sends[..] else { panic!("{sends:?}") };
        let id: Option<RequestId> = send.id.clone();
        effects = match answer {
            Some(code) => client.say(Down::Error(ErrorFrame::new(id, *code, "no"))),
            None if resume => {
                client.lose(None);
                client.wait();
                client.connect(None)
            }
            None => client.lose(None),
        };
    }
    effects.into_iter().find_map(|effect| match effect {
        Effect::Settle(1, outcome) => Some(outcome.map(drop)),
        _ => None,
    })
}

#[test]
fn a_refusal_is_believed_only_if_no_attempt_before_may_have_been_done() {
    use ErrorCode::{Busy, Conflict, Forbidden, TooOld, UnknownOutcome};
    for resume in [true, false] {
        assert!(matches!(outcome(resume, &[Some(Busy)]), Some(Err(SendError::Refused(_)))));
        assert!(matches!(outcome(resume, &[Some(Forbidden)]), Some(Err(SendError::Refused(_)))));
    }
    assert!(matches!(outcome(false, &[None]), Some(Err(SendError::Unknown { .. }))));
    assert!(matches!(outcome(false, &[Some(UnknownOutcome)]), Some(Err(SendError::Unknown { .. }))));
    assert!(outcome(true, &[Some(UnknownOutcome)]).is_none(), "asked again");
    assert!(outcome(true, &[None, Some(Busy)]).is_none(), "asked again");
    assert!(matches!(outcome(true, &[None, Some(Forbidden)]), Some(Err(SendError::Unknown { .. }))));
    assert!(matches!(outcome(true, &[None, Some(TooOld)]), Some(Err(SendError::Unknown { .. }))));
    assert!(matches!(outcome(true, &[None, Some(Conflict)]), Some(Err(SendError::Refused(_)))));
    assert!(matches!(outcome(true, &[Some(UnknownOutcome); 10]), Some(Err(SendError::Unknown { .. }))));
}
