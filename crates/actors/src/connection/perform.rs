//! Performing what the core wants, in order.

use std::sync::Arc;

use causerie_cluster::directory::{Leave, Registration};
use causerie_protocol::frame::{CloseCode, Down};
use causerie_protocol::{ConversationId, wire};

use super::actor::State;
use super::effect::{Effect, Login};
use super::input::{End, Input};
use super::queries;
use super::registry::SessionInfo;
use super::state::Session;
use crate::authenticate::{AuthenticateError, Identity};
use crate::bounded::Refused;
use crate::conversation::{ConversationHandle, Origin, Request, refuse_busy};
use crate::metrics::Limit;
use crate::node::Node;
use crate::review::review;

/// Conversations whose handle is remembered.
const CACHE: usize = 8;

impl State {
    /// Performs effects until there are none; what a conversation is asked goes there in one parcel at the end.
    pub(super) async fn perform(&mut self, effects: &mut Vec<Effect>) {
        let mut parcels: Vec<(ConversationId, Vec<Request>)> = Vec::new();
        while !effects.is_empty() {
            for effect in std::mem::take(effects) {
                match effect {
                    Effect::Ask(conversation, request) => {
                        let Some(request) = reviewed(&self.node, conversation, request).await else {
                            continue;
                        };
                        match parcels.iter_mut().find(|(id, _)| *id == conversation) {
                            Some((_, parcel)) => parcel.push(request),
                            None => parcels.push((conversation, vec![request])),
                        }
                    }
                    Effect::Authenticate(login) => {
                        let wall = self.node.clock.wall();
                        let limit = self.node.settings.hello_timeout;
                        let checked = self.node.authenticator.authenticate(&login.token, wall);
                        let result = tokio::time::timeout(limit, checked).await.unwrap_or_else(|_| {
                            Err(AuthenticateError::Unavailable("no answer in time".to_owned()))
                        });
                        let result = result.and_then(|identity| self.refuse_revoked(identity));
                        self.take_in(Some(Input::Authenticated { result, login }), effects);
                    }
                    Effect::Register { identity, login } => {
                        let registered = self.register(identity, login);
                        self.take_in(Some(Input::Registered(registered)), effects);
                    }
                    other => self.perform_one(other),
                }
            }
        }
        for (conversation, parcel) in parcels {
            self.hand_on(conversation, parcel);
        }
    }

    pub(super) fn perform_one(&mut self, effect: Effect) {
        match effect {
            Effect::Down(frame) => {
                if let Down::Error(error) = &*frame {
                    self.node.metrics.count_error(error.code);
                }
                wire::down(&mut self.out, &frame);
            }
            Effect::Query(query, reply) => {
                if let Some(origin) = &self.origin {
                    let answer = queries::answer(Arc::clone(&self.node), Arc::clone(origin), query, reply);
                    self.node.background.job(answer);
                }
            }
            Effect::Unwatch(users) => self.node.directory.unwatch(self.handle.id(), &users),
            Effect::TickAt(at) => self.node.wheel.at(at, self.handle.sleeper()),
            Effect::LimitHit(limit) => self.node.metrics.count_limit(limit),
            Effect::Close(code, reason) => {
                // The socket takes nothing: what waits is given up, and the close frame may never arrive.
                self.gone |= code == CloseCode::Lagging;
                self.closed(reason);
                self.transport.write_close(code, reason, &mut self.out);
            }
            Effect::Leave(leave) => self.leave(leave),
            Effect::Ask(..) | Effect::Authenticate(_) | Effect::Register { .. } => {}
        }
    }

    /// A token that was revoked is refused by `hello` and `refresh` as any other that is not accepted.
    fn refuse_revoked(&self, identity: Identity) -> Result<Identity, AuthenticateError> {
        match self.node.revocations.refusal(&identity) {
            None => Ok(identity),
            Some(end) if end == End::SUSPENDED => {
                Err(AuthenticateError::Refused("its user is suspended".to_owned()))
            }
            Some(_) => Err(AuthenticateError::Refused("it has been revoked".to_owned())),
        }
    }

    pub(super) fn register(&mut self, identity: Identity, login: Login) -> Result<Session, End> {
        let node = &self.node;
        let Some(device) = login.device else { return Err(End::KICKED) };
        if node.connections.is_draining() {
            return Err(End::draining(1000));
        }
        let connection = Some(self.handle.clone());
        let origin = Arc::new(Origin { user: identity.user.clone(), device: device.clone(), connection });
        let info = SessionInfo {
            connection: self.handle.id(),
            user: identity.user.clone(),
            device: device.clone(),
            agent: login.agent,
            peer: self.transport.peer(),
            since: node.clock.wall(),
        };
        let settings = &node.settings;
        let now = node.clock.monotonic();
        let added =
            node.connections.add(&self.handle, info, settings.connections_per_user, settings.user_sends, now);
        let Some(user_sends) = added else {
            node.metrics.count_limit(Limit::ConnectionsPerUser);
            let reason = "too many connections of this user";
            return Err(End { code: CloseCode::TooMany, reason, reconnect_after_ms: Some(30_000) });
        };
        self.origin = Some(Arc::clone(&origin));
        let registration = Registration { device, connection: self.handle.id(), since: node.clock.wall() };
        if let Some(replaced) = node.directory.register(&identity.user, registration)
            && let Some(older) = node.connections.get(replaced)
        {
            older.end(End::REPLACED);
        }
        // Checked after registration, so that a revocation finds either the check or the connection.
        if let Some(end) = node.revocations.refusal(&identity) {
            return Err(end);
        }
        self.welcomed(&origin);
        self.transport.authenticated();
        Ok(Session { origin, identity, user_sends, hello: login.id })
    }

    pub(super) fn leave(&mut self, leave: Leave) {
        if std::mem::replace(&mut self.left, true) {
            return;
        }
        if let Some(origin) = &self.origin {
            let (now, wall) = (self.node.clock.monotonic(), self.node.clock.wall());
            self.node.directory.unregister(&origin.user, self.handle.id(), leave, now, wall);
        }
    }

    /// Hands one conversation what it is asked, all at once and in order.
    pub(super) fn hand_on(&mut self, conversation: ConversationId, mut parcel: Vec<Request>) {
        loop {
            let handle = self.conversation(conversation);
            match handle.send(parcel) {
                Ok(()) => return,
                Err((back, Refused::Closed)) => {
                    self.cache.retain(|(id, _)| *id != conversation);
                    parcel = back;
                }
                Err((back, Refused::Full)) => return refuse_busy(&self.node.metrics, back),
            }
        }
    }

    pub(super) fn conversation(&mut self, id: ConversationId) -> ConversationHandle {
        if let Some((_, handle)) = self.cache.iter().find(|(cached, _)| *cached == id) {
            return handle.clone();
        }
        let handle = self.node.conversations.get(&self.node, id);
        if self.cache.len() == CACHE {
            self.cache.remove(0);
        }
        self.cache.push((id, handle.clone()));
        handle
    }
}

/// Lets the embedder check a message. A refusal answers the sender.
async fn reviewed(node: &Node, conversation: ConversationId, request: Request) -> Option<Request> {
    let Request::Send(send) = request else { return Some(request) };
    match review(node, conversation, &send.from.user, &send.body).await {
        Ok(()) => Some(Request::Send(send)),
        Err((code, message)) => {
            send.reply.error(code, message);
            None
        }
    }
}
