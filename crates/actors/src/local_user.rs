//! A user of this process: a bot, a service, a test. What it does goes the same way as what clients do, the embedder's
//! rules included; only the rates of connections and the limit on bodies are not for it.

use std::sync::Arc;

use causerie_protocol::frame::down::{Conversation, HistoryAccess, Message, Page, Sent};
use causerie_protocol::frame::{Down, ErrorCode, ErrorFrame};
use causerie_protocol::{Body, ClientMessageId, ConversationId, Seq, Title, UserId};
use tokio::sync::oneshot;

use crate::authenticate::Identity;
use crate::connection::channel::channel;
use crate::connection::{self, Entry};
use crate::conversation::{Change, Create, Origin, Request, SendRequest};
use crate::local_client::LocalClient;
use crate::metrics::Limit;
use crate::node::Node;
use crate::reply::Reply;
use crate::review::review;

/// Messages of a conversation, rising by seq without a gap.
#[derive(Clone, Debug)]
pub struct Messages {
    /// The messages.
    pub items: Vec<Message>,
    /// The conversation's last position that the user may read.
    pub head: Seq,
    /// Whether there are more in the direction asked for.
    pub more: bool,
}

/// Acts as a user without a connection; [`connect`](Self::connect) makes one, to hear.
#[derive(Clone)]
pub struct LocalUser {
    pub(crate) node: Arc<Node>,
    pub(crate) origin: Arc<Origin>,
}

impl LocalUser {
    /// Who this is.
    pub fn user(&self) -> &UserId {
        &self.origin.user
    }

    /// Connects as this user's device: what is delivered to the user arrives there, what it writes itself included.
    /// An older connection of the same device is closed.
    pub fn connect(&self) -> LocalClient {
        let (transport, client) = channel();
        let Origin { user, device, .. } = &*self.origin;
        let entry = Entry::Known(Identity::of(user.clone()), device.clone());
        connection::accept(&self.node, Box::new(transport), entry);
        LocalClient::new(client)
    }

    /// Writes into a conversation. Returns when the message is durable.
    ///
    /// # Errors
    /// The refusal, with its code and whether anything may have happened; after `unknown_outcome` the same
    /// `client_message_id` again gives the one true answer.
    pub async fn send(
        &self,
        conversation: ConversationId,
        client_message_id: ClientMessageId,
        body: Body,
    ) -> Result<Sent, ErrorFrame> {
        self.write(conversation, None, client_message_id, body).await
    }

    /// Writes directly to a user, with no conversation created before.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn send_to(
        &self,
        to: UserId,
        client_message_id: ClientMessageId,
        body: Body,
    ) -> Result<Sent, ErrorFrame> {
        let conversation = ConversationId::direct(&self.origin.user, &to);
        self.write(conversation, Some(to), client_message_id, body).await
    }

    async fn write(
        &self,
        conversation: ConversationId,
        to: Option<UserId>,
        client_message_id: ClientMessageId,
        body: Body,
    ) -> Result<Sent, ErrorFrame> {
        let reviewed = review(&self.node, conversation, &self.origin.user, &body).await;
        reviewed.map_err(|(code, message)| ErrorFrame::new(None, code, message))?;
        let busy = || {
            self.node.metrics.count_limit(Limit::NodeQueueBytes);
            self.node.metrics.count_error(ErrorCode::Busy);
            ErrorFrame::new(None, ErrorCode::Busy, "The node has too many messages waiting.")
        };
        let bytes = self.node.waiting_bytes.take(body.as_json().len()).map_err(|_| busy())?;
        let since = self.node.clock.monotonic();
        let frame = self
            .ask(conversation, |from, reply| {
                Request::Send(SendRequest {
                    reply,
                    from,
                    to,
                    client_message_id,
                    attempt: 0,
                    body,
                    since,
                    bytes,
                })
            })
            .await?;
        match frame {
            Down::Sent(sent) => Ok(sent),
            other => Err(unexpected(&other)),
        }
    }

    /// Makes a group, or finds the one that this client id made before.
    ///
    /// # Errors
    /// The refusal.
    pub async fn create_group(
        &self,
        title: Title,
        members: Vec<UserId>,
        history: HistoryAccess,
        client_id: ClientMessageId,
    ) -> Result<Conversation, ErrorFrame> {
        let id = ConversationId::group(&self.origin.user, &client_id);
        let create = Create::Group { title, members, history, client_id };
        match self.ask(id, |origin, reply| Request::Create(origin, create, reply)).await? {
            Down::Created(created) => Ok(created.conversation),
            other => Err(unexpected(&other)),
        }
    }

    /// Changes a group.
    ///
    /// # Errors
    /// The refusal.
    pub async fn change(
        &self,
        conversation: ConversationId,
        change: Change,
    ) -> Result<Option<Seq>, ErrorFrame> {
        match self.ask(conversation, |origin, reply| Request::Change(origin, change, reply)).await? {
            Down::Ok(done) => Ok(done.seq),
            other => Err(unexpected(&other)),
        }
    }

    /// Messages after a position, oldest first, at most `limit`.
    ///
    /// # Errors
    /// The refusal: `not_found` for who is not a member, `unavailable` when the store does not answer. Nothing changed.
    pub async fn sync(
        &self,
        conversation: ConversationId,
        after: Seq,
        limit: usize,
    ) -> Result<Messages, ErrorFrame> {
        match self
            .ask(conversation, |from, reply| Request::Sync(from.user.clone(), after, limit, reply))
            .await?
        {
            Down::Page(Page::Messages { items, head, more, .. }) => Ok(Messages { items, head, more }),
            other => Err(unexpected(&other)),
        }
    }

    /// Has received and read everything up to here. Returns at once: the position is kept within a moment, and one that
    /// the conversation does not have is passed over.
    pub fn mark_read(&self, conversation: ConversationId, seq: Seq) {
        let request = Request::Cursor(Arc::clone(&self.origin), seq, seq);
        self.node.conversations.ask(&self.node, conversation, request);
    }

    /// Asks a conversation, and waits for the answer.
    pub(crate) async fn ask(
        &self,
        conversation: ConversationId,
        request: impl FnOnce(Arc<Origin>, Reply) -> Request,
    ) -> Result<Down, ErrorFrame> {
        let (sender, receiver) = oneshot::channel();
        let reply = Reply::call(move |frame| {
            // Whoever asked does not wait any more.
            let _ = sender.send(frame);
        });
        self.node.conversations.ask(&self.node, conversation, request(Arc::clone(&self.origin), reply));
        match receiver.await {
            Ok(Down::Error(error)) => Err(error),
            Ok(frame) => Ok(frame),
            Err(_) => Err(ErrorFrame::new(None, ErrorCode::UnknownOutcome, "The node ended.")),
        }
    }
}

fn unexpected(frame: &Down) -> ErrorFrame {
    ErrorFrame::new(None, ErrorCode::Internal, format!("unexpected answer of type {}", frame.kind().tag()))
}
