//! One input, its effects.

use std::time::Duration;

use causerie_protocol::frame::ErrorFrame;
use causerie_protocol::frame::down::{Message, Page, Sent};
use causerie_protocol::frame::up;
use causerie_protocol::{Body, ConversationId, Down, RequestId, Seq, Up};
use serde_json::value::RawValue;

use super::effect::{Effect, Event};
use super::input::{At, Input, Ticket};
use super::outbox::{self, Verdict};
use super::requests::Asked;
use super::state::{ParkKey, Phase, Session};
use crate::draft::{Draft, Target};
use crate::request::RequestError;

impl Session {
    /// Takes an input; the effects are to be performed in order.
    pub fn handle(&mut self, at: At, input: Input) -> Vec<Effect> {
        match input {
            Input::Open => self.open(at),
            Input::Token { link, token } if link == self.link => self.on_token(at, token),
            Input::Opened { link } if link == self.link => self.on_opened(at),
            Input::Frame { link, frame } if link == self.link => self.on_frame(at, frame),
            Input::Lost { link, code, reason } if link == self.link => self.on_lost(at, code, &reason),
            Input::Token { .. } | Input::Opened { .. } | Input::Frame { .. } | Input::Lost { .. } => {}
            Input::Send { ticket, draft } => self.on_send(ticket, *draft),
            Input::Request { ticket, frame } => self.on_request(at.now, ticket, *frame),
            Input::Delivered(conversation, seq) => self.marks.delivered(conversation, seq, at.now),
            Input::Read(conversation, seq) => self.marks.read(conversation, seq, at.now),
            Input::Room(room) => self.room = room,
            Input::Deaf => self.on_deaf(),
            Input::Tick => self.on_tick(at),
            Input::Close => self.close(at.now),
        }
        self.pump(at.now);
        std::mem::take(&mut self.out)
    }

    /// When to feed [`Input::Tick`] at the latest.
    pub fn deadline(&self) -> Option<Duration> {
        match &self.phase {
            Phase::New | Phase::Ended => None,
            Phase::Token { until }
            | Phase::Dialing { until, .. }
            | Phase::Hello { until, .. }
            | Phase::Waiting { until } => Some(*until),
            Phase::Up(open) => {
                let follow = self.wants_to_follow(open).then_some(open.follow_after);
                [
                    Some(open.deadline()),
                    open.refresh.at,
                    follow,
                    self.marks.deadline(),
                    self.outbox.deadline(),
                ]
                .into_iter()
                .flatten()
                .min()
            }
        }
    }

    /// Does all that may be done now.
    fn pump(&mut self, now: Duration) {
        self.unpark();
        let Phase::Up(open) = &self.phase else { return };
        let window = open.window;
        while let Some((ticket, draft)) = self.outbox.next(now, window) {
            let frame = send_frame(draft);
            self.ask(Asked::Send(ticket), now, |id| Up::Send(up::Send { id: Some(id), ..frame }));
        }
        for frame in self.marks.take_due(now, &mut self.requests) {
            self.write(frame, now);
        }
        self.follow(now);
    }

    fn on_send(&mut self, ticket: Ticket, mut draft: Draft) {
        if self.is_ended() {
            let error = outbox::ended(draft, "the session is over");
            self.out.push(Effect::Settle(ticket, Err(error)));
            return;
        }
        if draft.after.is_none() {
            draft.after = Some(self.known(&draft.target));
        }
        self.outbox.add(ticket, draft);
    }

    /// The highest seq that is known of where a message goes.
    fn known(&self, target: &Target) -> Seq {
        let conversation = match (target, &self.user) {
            (Target::Conversation(conversation), _) => *conversation,
            (Target::User(user), Some(me)) => ConversationId::direct(me, user),
            (Target::User(_), None) => return Seq::ZERO,
        };
        self.streams.get(&conversation).map_or(Seq::ZERO, super::stream::Stream::known)
    }

    fn on_request(&mut self, now: Duration, ticket: Ticket, mut frame: Up) {
        if !matches!(self.phase, Phase::Up(_)) {
            self.out.push(Effect::Answer(ticket, Err(RequestError::NotConnected)));
            return;
        }
        // What the application has marked before it asks is told before, so that the answer knows of it.
        for mark in self.marks.take_all(&mut self.requests) {
            self.write(mark, now);
        }
        let id = self.requests.ask(Asked::Application(ticket));
        set_id(&mut frame, id);
        self.write(frame, now);
    }

    fn on_frame(&mut self, at: At, frame: Down) {
        if let Phase::Up(open) = &mut self.phase {
            open.last_heard = at.now;
        }
        match frame {
            Down::Message(message) => self.on_message(*message, at.now),
            Down::Head(head) => self.on_head(head.conversation, head.seq),
            Down::Receipt(receipt) => {
                let key = ParkKey::Receipt(receipt.conversation, receipt.user.clone());
                self.emit_if_listening(key, Event::Receipt(receipt));
            }
            Down::Presence(presence) => {
                self.emit_if_listening(ParkKey::Presence(presence.user.clone()), Event::Presence(presence));
            }
            Down::Goodbye(goodbye) => {
                if let Phase::Up(open) = &mut self.phase {
                    open.goodbye = Some(goodbye);
                }
            }
            Down::Error(error) => self.on_error(at, error),
            answer => self.on_answer(at, answer),
        }
    }

    fn emit_if_listening(&mut self, key: ParkKey, event: Event) {
        if self.listening() {
            self.emit(key, event);
        }
    }

    fn on_answer(&mut self, at: At, answer: Down) {
        let Some(asked) = self.requests.answered(answer.id()) else { return };
        self.marks.confirm(&self.requests);
        match (asked, answer) {
            (Asked::Hello, Down::Welcome(welcome)) => self.on_welcome(at, welcome),
            (Asked::Ping, _) => self.on_pong(),
            (Asked::Refresh, _) => self.on_refreshed(at.now),
            (Asked::Listing, Down::Page(Page::Conversations { items, next, .. })) => {
                self.on_listed(&items, next);
            }
            (Asked::Sync(conversation, known), Down::Page(Page::Messages { items, head, more, .. })) => {
                self.on_synced(conversation, (known, head), items, more, at.now);
            }
            (Asked::Send(ticket), Down::Sent(sent)) => self.on_sent(ticket, sent, at.now),
            (Asked::Application(ticket), answer) => self.out.push(Effect::Answer(ticket, Ok(answer))),
            (Asked::Hello | Asked::Listing | Asked::Sync(..) | Asked::Send(_), answer) => {
                self.hang_up(
                    at,
                    &format!("the server answered with `{}`, which was not asked", answer.kind().tag()),
                );
            }
        }
    }

    fn on_error(&mut self, at: At, error: ErrorFrame) {
        let Some(asked) = self.requests.answered(error.id.as_ref()) else { return };
        self.marks.confirm(&self.requests);
        match asked {
            Asked::Hello => self.on_hello_refused(error),
            Asked::Ping => self.on_pong(),
            Asked::Refresh => self.on_refresh_failed(at.now),
            Asked::Listing => self.on_listing_refused(at.now, &error),
            Asked::Sync(conversation, _) => self.on_sync_refused(at.now, conversation, &error),
            Asked::Send(ticket) => match self.outbox.refused(ticket, error, self.options.resume) {
                Some(Verdict::Ended(error)) => self.out.push(Effect::Settle(ticket, Err(error))),
                Some(Verdict::AskAgain { after_ms }) => {
                    self.outbox.again(ticket, at.now + Duration::from_millis(after_ms));
                }
                None => {}
            },
            Asked::Application(ticket) => {
                self.out.push(Effect::Answer(ticket, Err(RequestError::Refused(error))));
            }
        }
    }

    /// A send is durable. This device gets no `message` for it, so it takes its place in the order from here.
    fn on_sent(&mut self, ticket: Ticket, sent: Sent, now: Duration) {
        if let (Some(draft), Some(user)) = (self.outbox.remove(ticket), self.user.clone()) {
            let message = Message {
                conversation: sent.conversation,
                seq: sent.seq,
                message_id: sent.message_id,
                kind: causerie_protocol::frame::down::EntryKind::Message,
                from: user,
                device: self.options.device.clone(),
                client_message_id: sent.client_message_id,
                time: sent.time,
                body: draft.body,
            };
            self.on_message(message, now);
        }
        self.out.push(Effect::Settle(ticket, Ok(sent)));
    }
}

fn send_frame(draft: &Draft) -> up::Send {
    let (conversation, to) = match &draft.target {
        Target::Conversation(conversation) => (Some(*conversation), None),
        Target::User(user) => (None, Some(user.clone())),
    };
    up::Send {
        id: None,
        conversation,
        to,
        client_message_id: draft.client_message_id,
        attempt: draft.attempt,
        after: draft.after,
        body: raw(&draft.body),
    }
}

/// A body is one JSON object by its making.
fn raw(body: &Body) -> Box<RawValue> {
    RawValue::from_string(body.as_json().to_owned()).expect("a body holds valid JSON")
}

/// Gives a request of the application its id.
fn set_id(frame: &mut Up, id: RequestId) {
    *(match frame {
        Up::Hello(it) => &mut it.id,
        Up::Refresh(it) => &mut it.id,
        Up::Ping(it) | Up::Blocks(it) | Up::SettingsGet(it) => &mut it.id,
        Up::Create(it) => &mut it.id,
        Up::Conversation(it) | Up::Leave(it) => &mut it.id,
        Up::Conversations(it) => &mut it.id,
        Up::Members(it) => &mut it.id,
        Up::MembersAdd(it) | Up::MembersRemove(it) => &mut it.id,
        Up::MembersRole(it) => &mut it.id,
        Up::Rename(it) => &mut it.id,
        Up::Block(it) | Up::Unblock(it) => &mut it.id,
        Up::Send(it) => &mut it.id,
        Up::Sync(it) => &mut it.id,
        Up::History(it) => &mut it.id,
        Up::Delivered(it) | Up::Read(it) => &mut it.id,
        Up::PresenceWatch(it) | Up::PresenceUnwatch(it) | Up::ProfileGet(it) => &mut it.id,
        Up::ProfileSet(it) => &mut it.id,
        Up::SettingsSet(it) => &mut it.id,
    }) = Some(id);
}
