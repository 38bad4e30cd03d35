//! The shell: performs what the core wants, in order, and feeds the results back.

use std::sync::Arc;

use causerie_cluster::Shard;
use causerie_planted::{Bug, planted};
use causerie_protocol::UserId;
use causerie_protocol::frame::{Down, ErrorCode};
use causerie_store::committed::AppendResult;
use causerie_store::model::Cursor;
use causerie_store::port::{ReadError, WriteError};
use causerie_store::{Entry, PendingAppend};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio_util::task::task_tracker::TaskTrackerToken;
use tracing::{Instrument, Span};

use super::appended::Appended;
use super::away::Away;
use super::deliver::{deliver, publish_early};
use super::effect::Effect;
use super::handle::Env;
use super::input::{Input, Request};
use super::open::{blocked_by, open};
use super::owner::ConversationHandle;
use super::pages;
use super::recover::recover;
use super::state::Conversation;
use crate::bounded::Permit;
use crate::connection::Outgoing;
use crate::node::Node;

/// What a conversation actor is told.
#[derive(Debug)]
pub(super) enum Message {
    /// One asker's requests, in order. Each is answered.
    Requests(Vec<Request>, Permit),
    /// The store's answer to an append.
    Appended(AppendResult),
    /// The store's answer about keys.
    Found(Result<Vec<Option<Entry>>, ReadError>),
    /// The store's answer about cursors.
    CursorsStored(Result<(), WriteError>),
    /// Time has passed.
    Tick,
}

/// One conversation.
pub(super) struct ConversationActor;

/// What the actor holds. When it is dropped, also by a failure, its handle closes, so that another one can be opened.
pub(super) struct State {
    node: Arc<Node>,
    handle: ConversationHandle,
    conversation: Option<Conversation>,
    effects: Vec<Effect>,
    away: Away,
    orderly: bool,
    /// What is logged below while the conversation works; off unless someone looks at this level.
    span: Span,
    /// Dropped last: the node waits for it.
    _token: TaskTrackerToken,
}

impl Drop for State {
    fn drop(&mut self) {
        if self.orderly {
            return self.handle.let_go(&self.node);
        }
        tracing::error!(conversation = %self.handle.id(), "a conversation failed; it will be opened anew");
        recover(&self.node, &self.handle);
    }
}

impl Actor for ConversationActor {
    type Msg = Message;
    type State = State;
    type Arguments = (Arc<Node>, ConversationHandle, TaskTrackerToken);

    async fn pre_start(
        &self,
        _: ActorRef<Message>,
        (node, handle, token): Self::Arguments,
    ) -> Result<State, ActorProcessingErr> {
        let span = tracing::debug_span!("conversation", conversation = %handle.id());
        Ok(State {
            node,
            handle,
            conversation: None,
            effects: Vec::new(),
            away: Away::default(),
            orderly: false,
            span,
            _token: token,
        })
    }

    async fn handle(
        &self,
        myself: ActorRef<Message>,
        message: Message,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        let tick = matches!(message, Message::Tick);
        let span = state.span.clone();
        if state.conversation.is_none() && !tick {
            match open(&state.node, state.handle.id()).instrument(span.clone()).await {
                Ok(conversation) => {
                    span.in_scope(
                        || tracing::debug!(conversation = %state.handle.id(), "conversation opened"),
                    );
                    state.conversation = Some(conversation);
                }
                Err(error) => {
                    tracing::error!(conversation = %state.handle.id(), %error, "a conversation could not be opened");
                    refuse_all(message, &error);
                    // What cannot be opened is tried again by whoever asks next.
                    state.close(&myself);
                    return Ok(());
                }
            }
        }
        if let Some([by, with]) = state.begins(&message) {
            match blocked_by(&state.node, [&by, &with]).instrument(span.clone()).await {
                Ok(blocked_by) => {
                    if let Some(conversation) = &mut state.conversation {
                        conversation.blocked_by = blocked_by;
                    }
                }
                Err(error) => {
                    refuse_all(message, &error);
                    if state.may_close(tick) {
                        state.close(&myself);
                    }
                    return Ok(());
                }
            }
        }
        let _in_span = span.enter();
        state.take_in(message);
        if state.may_close(tick) {
            state.close(&myself);
        }
        Ok(())
    }
}

impl State {
    /// Who is about to begin a direct conversation that does not exist yet, and with whom. There was nothing to load
    /// their blocks with when it was opened.
    fn begins(&self, message: &Message) -> Option<[UserId; 2]> {
        let Message::Requests(requests, _) = message else { return None };
        let exists = self.conversation.as_ref().is_none_or(Conversation::exists);
        if exists { None } else { requests.iter().find_map(Request::begins_direct) }
    }

    /// Lets the core decide, and performs what it wants.
    fn take_in(&mut self, message: Message) {
        let Some(conversation) = &mut self.conversation else { return };
        let node = Arc::clone(&self.node);
        let env = Env {
            now: node.clock.monotonic(),
            wall: node.clock.wall(),
            ids: &node.ids,
            rules: &*node.rules,
            settings: &node.settings,
            epoch: node.ownership.epoch(Shard::of_conversation(self.handle.id())),
        };
        let mut effects = std::mem::take(&mut self.effects);
        match message {
            Message::Requests(requests, permit) => {
                for request in requests {
                    conversation.handle(Input::Request(request), &env, &mut effects);
                }
                drop(permit);
            }
            Message::Appended(result) => {
                if let Err((batch, error)) = &result {
                    let (conversation, entries) = (self.handle.id(), batch.entries.len());
                    tracing::debug!(%conversation, entries, %error, "an append failed");
                }
                conversation.handle(Input::Appended(result), &env, &mut effects);
            }
            Message::Found(found) => conversation.handle(Input::Found(found), &env, &mut effects),
            Message::CursorsStored(result) => {
                conversation.handle(Input::CursorsStored(result), &env, &mut effects);
            }
            Message::Tick => conversation.handle(Input::Tick, &env, &mut effects),
        }
        // Before the embedder's rules are asked: what is durable is told even if they fail.
        self.perform_all(&mut effects);
        if let Some(conversation) = &mut self.conversation {
            conversation.settle(&env, &mut effects);
        }
        self.perform_all(&mut effects);
        // A burst leaves no room behind.
        self.effects = if effects.capacity() > 64 { Vec::new() } else { effects };
    }

    fn perform_all(&mut self, effects: &mut Vec<Effect>) {
        for effect in effects.drain(..) {
            self.perform(effect);
        }
    }

    fn perform(&mut self, effect: Effect) {
        let (node, handle) = (&self.node, &self.handle);
        match effect {
            Effect::LimitHit(limit) => node.metrics.count_limit(limit),
            Effect::Append(batch) => {
                let (entries, since) = (batch.entries.len(), node.clock.monotonic());
                let (handle, token) = (handle.clone(), node.background.actor());
                let answers = Arc::clone(&node.answers);
                if planted(Bug::PublishBeforeCommit)
                    && let Some(conversation) = &self.conversation
                {
                    publish_early(node, &batch, conversation.members());
                }
                handle.hold();
                node.store.append(PendingAppend::new(batch, move |result| {
                    answers.push(Appended { handle, result, since, entries, token });
                }));
            }
            Effect::Find(keys) => {
                let (found, handle) = (node.store.find(handle.id(), keys), handle.clone());
                node.background.spawn(async move { handle.tell(Message::Found(found.await)) });
            }
            Effect::Deliver(delivery) => {
                if let Some(conversation) = &self.conversation {
                    if let Some(listener) = node.listener.as_deref() {
                        listener.committed(&delivery.committed);
                        self.away.tell(node, listener, &delivery.committed, conversation.members());
                    }
                    deliver(node, delivery, conversation.members());
                }
            }
            Effect::Answer(reply, frame) => {
                if let Down::Error(error) = &*frame {
                    node.metrics.count_error(error.code);
                }
                reply.send(|_| *frame);
            }
            Effect::Notice(connection, frame) => connection.push(Outgoing::notice(&frame)),
            Effect::Read(read) => pages::read(node, handle.id(), read),
            Effect::StoreCursors(updates) => {
                let (stored, handle) = (node.store.put_cursors(updates), handle.clone());
                node.background.spawn(async move { handle.tell(Message::CursorsStored(stored.await)) });
            }
            Effect::Receipt(receipt, users) => {
                if let Some(listener) = node.listener.as_deref() {
                    let cursor = Cursor { delivered: receipt.delivered, read: receipt.read };
                    listener.receipt(handle.id(), &receipt.user, cursor);
                }
                for user in users {
                    node.connections
                        .of_user(&user, |connection| connection.push(Outgoing::Receipt(receipt.clone())));
                }
            }
            Effect::Erase(user, head, reply) => pages::erase(node, handle.id(), user, head, reply),
            Effect::TickAt(at) => node.wheel.at(at, handle.sleeper()),
        }
    }

    /// Whether nothing would be lost if the conversation closed, and it has been idle for long or does not exist.
    fn may_close(&self, tick: bool) -> bool {
        match &self.conversation {
            Some(conversation) if conversation.is_idle() => {
                let idle = self.node.clock.monotonic().saturating_sub(conversation.used());
                let long = tick && idle >= self.node.settings.conversation_idle;
                !conversation.exists() || long || self.node.conversations.are_closing()
            }
            Some(_) => false,
            None => tick,
        }
    }

    fn close(&mut self, myself: &ActorRef<Message>) {
        if self.handle.close_if_empty() {
            self.orderly = true;
            tracing::debug!(conversation = %self.handle.id(), "conversation closed");
            self.node.conversations.forget(self.handle.id());
            myself.stop(None);
        } else if self.conversation.is_none() {
            let wait = self.node.settings.conversation_idle;
            self.node.wheel.at(self.node.clock.monotonic() + wait, self.handle.sleeper());
        }
    }
}

/// Answers requests of a conversation that cannot be opened.
fn refuse_all(message: Message, error: &ReadError) {
    let Message::Requests(requests, _) = message else { return };
    let (code, text) = match error {
        ReadError::Corrupt(_) => {
            (ErrorCode::Internal, "The conversation's records are damaged; nothing was changed.")
        }
        ReadError::Unavailable(_) => {
            (ErrorCode::Unavailable, "The store does not answer; nothing was changed.")
        }
    };
    for request in requests {
        if let Some(reply) = request.into_reply() {
            reply.error(code, text);
        }
    }
}
