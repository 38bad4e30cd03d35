//! Decides what a conversation does. Pure: clocks, ids and rules come as arguments.

use std::time::Duration;

use causerie_protocol::frame::down::EntryKind;
use causerie_protocol::frame::{Down, ErrorCode, ErrorFrame};
use causerie_protocol::snowflake::Snowflake;
use causerie_protocol::{Seq, Timestamp, UserId};
use causerie_store::Epoch;
use parking_lot::Mutex;

use super::effect::Effect;
use super::input::{Input, Request};
use super::state::{Conversation, Waiting};
use crate::describe::erased;
use crate::reply::Reply;
use crate::rules::Rules;
use crate::settings::Settings;

/// What a decision may depend on beside the state.
pub struct Env<'a> {
    /// The monotonic time.
    pub now: Duration,
    /// The wall clock, for dating messages only.
    pub wall: Timestamp,
    /// The node's message ids.
    pub ids: &'a Mutex<Snowflake>,
    /// The embedder's rules.
    pub rules: &'a dyn Rules,
    /// The bounds.
    pub settings: &'a Settings,
    /// The term in which this node owns the conversation now; `None`: it does not.
    pub epoch: Option<Epoch>,
}

/// How soon a conversation with work under way looks at the time again.
const TICK: Duration = Duration::from_millis(500);

impl Conversation {
    /// Takes in what happened and says what is to be done about it.
    pub fn handle(&mut self, input: Input, env: &Env<'_>, effects: &mut Vec<Effect>) {
        if !matches!(input, Input::Tick) {
            self.used = env.now;
        }
        match input {
            Input::Request(request) => self.request(request, env, effects),
            Input::Appended(result) => self.appended(result, effects),
            Input::Found(found) => self.found(found, effects),
            Input::CursorsStored(result) => self.cursors_stored(result.is_ok(), effects),
            Input::Tick => self.tick(env, effects),
        }
    }

    /// To be called once after a run of inputs: numbers what can be numbered, and asks to be woken.
    pub fn settle(&mut self, env: &Env<'_>, effects: &mut Vec<Effect>) {
        self.pump(env, effects);
        self.store_cursors(env, effects);
        let work = (!self.is_idle()).then(|| env.now + TICK.min(env.settings.cursor_interval));
        let idle = Some(self.used + env.settings.conversation_idle);
        for (wake, wanted) in self.wakes.iter_mut().zip([work, idle]) {
            if let (None, Some(at)) = (*wake, wanted) {
                *wake = Some(at);
                effects.push(Effect::TickAt(at));
            }
        }
    }

    fn request(&mut self, request: Request, env: &Env<'_>, effects: &mut Vec<Effect>) {
        match request {
            Request::Send(send) => self.admit(send, env, effects),
            Request::Change(origin, change, reply) => self.admit_change(origin, change, reply, env, effects),
            Request::Create(origin, create, reply) => self.admit_create(origin, create, reply, env, effects),
            Request::Cursor(origin, delivered, read) => self.cursor(&origin, delivered, read, effects),
            Request::Sync(user, after, limit, reply) => self.sync(&user, after, limit, reply, env, effects),
            Request::History(user, before, limit, reply) => {
                self.history(&user, before, limit, reply, env, effects);
            }
            Request::Members(user, after, limit, reply) => {
                self.list_members(&user, after.as_ref(), limit, reply, effects);
            }
            Request::Describe(user, reply) => match self.describe(&user) {
                Some(conversation) => {
                    let frame = |id| causerie_protocol::frame::down::OneConversation { id, conversation };
                    let id = reply.id().cloned();
                    effects.push(Effect::Answer(reply, Box::new(Down::Conversation(Box::new(frame(id))))));
                }
                None => not_found(reply, effects),
            },
            Request::Blocked(by, blocked) => {
                self.blocked_by.retain(|user| *user != by);
                if blocked {
                    self.blocked_by.push(by);
                }
            }
            // In its turn: what the user has on its way is there by then.
            Request::Erase(user, reply) => self.queue.push_back(Waiting::Erase(user, reply)),
        }
    }

    fn tick(&mut self, env: &Env<'_>, effects: &mut Vec<Effect>) {
        for wake in &mut self.wakes {
            *wake = wake.filter(|at| *at > env.now);
        }
        self.expire(env, effects);
        if let Some(in_flight) = &mut self.in_flight
            && let Some(batch) = in_flight.again.take()
        {
            effects.push(Effect::Append(batch));
        }
    }

    /// Overwrites what a user wrote up to here.
    pub(super) fn erase(&mut self, user: UserId, reply: Reply, effects: &mut Vec<Effect>) {
        // Lists show the last entry: from here on without what is about to be erased.
        if let Some(last) = &mut self.last
            && last.from == user
            && last.kind == EntryKind::Message
        {
            last.body = erased();
        }
        effects.push(Effect::Erase(user, self.head, reply));
    }

    pub(super) fn membership(&self, user: &UserId) -> Option<Seq> {
        self.row.as_ref()?;
        self.members.get(user).map(|member| member.row.first)
    }
}

/// Answers with an error.
pub(super) fn refuse(reply: Reply, code: ErrorCode, message: impl Into<String>, effects: &mut Vec<Effect>) {
    let frame = ErrorFrame::new(reply.id().cloned(), code, message);
    effects.push(Effect::Answer(reply, Box::new(Down::Error(frame))));
}

/// Absent and not yours look the same.
pub(super) fn not_found(reply: Reply, effects: &mut Vec<Effect>) {
    refuse(reply, ErrorCode::NotFound, "There is no such conversation, or you are not in it.", effects);
}
