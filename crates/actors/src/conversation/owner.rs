//! The way to a conversation, and the table of those that are open.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use causerie_cluster::{OwnerHandle, Router};
use causerie_protocol::ConversationId;
use causerie_protocol::frame::{Down, ErrorCode, ErrorFrame};
use ractor::{ActorRef, ActorRuntime};
use tokio::sync::Notify;

use super::actor::{ConversationActor, Message};
use super::input::Request;
use crate::bounded::{Bound, Refused};
use crate::connection::Outgoing;
use crate::metrics::{Limit, Metrics};
use crate::node::Node;
use crate::wheel::Wake;

/// Things in one conversation's mailbox, of all askers together; what waits to be numbered has a bound of its own.
const MAILBOX: usize = 4096;

struct Shared {
    id: ConversationId,
    bound: Arc<Bound>,
    actor: OnceLock<ActorRef<Message>>,
    /// The actor's state, and each append under way. The last to let go closes the conversation: one that failed must
    /// not be opened anew while a batch of it may still become durable.
    holds: AtomicUsize,
    let_go: Notify,
}

/// An open conversation. It may close when nobody holds a permit; then a new one has to be got.
#[derive(Clone)]
pub struct ConversationHandle(Arc<Shared>);

impl ConversationHandle {
    /// Hands over requests of one asker, in order.
    ///
    /// # Errors
    /// Gives them back with the reason when the conversation is full or has closed meanwhile.
    pub fn send(&self, requests: Vec<Request>) -> Result<(), (Vec<Request>, Refused)> {
        match self.0.bound.take(requests.len().max(1)) {
            // An actor that has failed takes nothing until its last batch is settled and the handle closes.
            Ok(permit) => self.cast(Message::Requests(requests, permit)).map_err(|message| match message {
                Message::Requests(requests, _) => (requests, Refused::Full),
                _ => (Vec::new(), Refused::Full),
            }),
            Err(refused) => Err((requests, refused)),
        }
    }

    /// Closes, if nothing is on its way here.
    pub(super) fn close_if_empty(&self) -> bool {
        self.0.bound.close_if_empty()
    }

    /// Something is under way that must end before the conversation may be opened anew.
    pub(super) fn hold(&self) {
        self.0.holds.fetch_add(1, Ordering::AcqRel);
    }

    /// Ends when nobody but the caller holds it.
    pub(super) async fn held_alone(&self) {
        loop {
            let let_go = self.0.let_go.notified();
            if self.0.holds.load(Ordering::Acquire) == 1 {
                return;
            }
            let_go.await;
        }
    }

    /// It has ended. The last one closes.
    pub(super) fn let_go(&self, node: &Node) {
        let holds = self.0.holds.fetch_sub(1, Ordering::AcqRel);
        self.0.let_go.notify_waiters();
        if holds == 1 {
            self.0.bound.close();
            node.conversations.router.forget(self.0.id);
        }
    }

    /// Ends the actor in the middle of whatever it does.
    #[cfg(test)]
    pub(super) fn fail(&self) {
        if let Some(actor) = self.0.actor.get() {
            actor.kill();
        }
    }

    pub(super) fn id(&self) -> ConversationId {
        self.0.id
    }

    /// How many requests are in the mailbox.
    pub fn waiting(&self) -> usize {
        self.0.bound.held()
    }

    fn cast(&self, message: Message) -> Result<(), Message> {
        match self.0.actor.get() {
            Some(actor) => actor.cast(message).map_err(|error| match error {
                ractor::MessagingErr::SendErr(message) => message,
                _ => Message::Tick,
            }),
            None => Err(message),
        }
    }

    /// Feeds a result back. Fails only when the actor has failed; then the reply that it held has been given.
    pub(super) fn tell(&self, message: Message) {
        let _ = self.cast(message);
    }

    pub(super) fn sleeper(&self) -> Weak<dyn Wake> {
        let shared: Arc<dyn Wake> = self.0.clone();
        Arc::downgrade(&shared)
    }
}

impl Wake for Shared {
    fn wake(&self) {
        if let Some(actor) = self.actor.get() {
            // Fails only when the conversation has ended, and then it has nothing to wake for.
            let _ = actor.cast(Message::Tick);
        }
    }
}

impl OwnerHandle for ConversationHandle {
    fn is_closed(&self) -> bool {
        self.0.bound.is_closed()
    }
}

impl std::fmt::Debug for ConversationHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("ConversationHandle").field(&self.0.id).finish()
    }
}

/// The open conversations of a node.
#[derive(Debug, Default)]
pub struct Conversations {
    router: Router<ConversationHandle>,
    closing: AtomicBool,
}

impl Conversations {
    /// The conversation, opened if it is not.
    pub fn get(&self, node: &Arc<Node>, id: ConversationId) -> ConversationHandle {
        self.router.get_or_open(id, || open(node, id))
    }

    /// The conversation, if it is open.
    pub fn open(&self, id: ConversationId) -> Option<ConversationHandle> {
        self.router.open(id)
    }

    /// Hands one request to a conversation, which is opened if it is not. A full one answers `busy`.
    pub fn ask(&self, node: &Arc<Node>, id: ConversationId, request: Request) {
        let mut requests = vec![request];
        while let Err((back, refused)) = self.get(node, id).send(requests) {
            if refused == Refused::Full {
                return refuse_busy(&node.metrics, back);
            }
            requests = back;
        }
    }

    /// From now on a conversation closes as soon as it has nothing under way.
    pub(crate) fn close_idle(&self) {
        self.closing.store(true, Ordering::SeqCst);
        for (_, handle) in self.router.all() {
            handle.tell(Message::Tick);
        }
    }

    /// Whether a conversation with nothing under way is to close.
    pub(super) fn are_closing(&self) -> bool {
        self.closing.load(Ordering::SeqCst)
    }

    /// Forgets one that has closed.
    pub(super) fn forget(&self, id: ConversationId) {
        self.router.forget(id);
    }

    /// How many are open.
    pub fn len(&self) -> usize {
        self.router.len()
    }

    /// Whether none is open.
    pub fn is_empty(&self) -> bool {
        self.router.is_empty()
    }

    /// Every open conversation.
    pub fn all(&self) -> Vec<(ConversationId, ConversationHandle)> {
        self.router.all()
    }
}

/// Answers requests that a full conversation did not take.
pub(crate) fn refuse_busy(metrics: &Metrics, requests: Vec<Request>) {
    metrics.count_limit(Limit::ConversationMailbox);
    let message = "This conversation has too much waiting.";
    for request in requests {
        // A cursor has no answer, but is not dropped in silence.
        if let Request::Cursor(origin, ..) = &request
            && let Some(connection) = &origin.connection
        {
            metrics.count_error(ErrorCode::Busy);
            connection.push(Outgoing::notice(&Down::Error(ErrorFrame::new(None, ErrorCode::Busy, message))));
        }
        if let Some(reply) = request.into_reply() {
            metrics.count_error(ErrorCode::Busy);
            reply.error(ErrorCode::Busy, message);
        }
    }
}

fn open(node: &Arc<Node>, id: ConversationId) -> ConversationHandle {
    let shared = Shared {
        id,
        bound: Bound::new(MAILBOX),
        actor: OnceLock::new(),
        holds: AtomicUsize::new(1),
        let_go: Notify::new(),
    };
    let handle = ConversationHandle(Arc::new(shared));
    let arguments = (Arc::clone(node), handle.clone(), node.background.actor());
    match ActorRuntime::spawn_instant(None, ConversationActor, arguments) {
        // Joined by the token; the state closes the handle when it is dropped, also when the actor fails.
        Ok((actor, _)) => {
            let _ = handle.0.actor.set(actor);
        }
        Err(error) => {
            tracing::error!(conversation = %id, %error, "a conversation could not be started");
            handle.0.bound.close();
        }
    }
    handle
}
