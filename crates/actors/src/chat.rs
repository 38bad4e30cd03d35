//! The handle of a running node: the embedder's door.

use std::sync::Arc;
use std::time::Duration;

use causerie_protocol::frame::{ErrorCode, ErrorFrame};
use causerie_protocol::{DeviceId, UserId};
use causerie_store::model::Revocation;
use causerie_store::port::{Store, WriteError};
use tokio::sync::watch;

use crate::authenticate::Identity;
use crate::builder::ChatBuilder;
use crate::connection::{self, ConnectionHandle, End, SessionInfo, Transport};
use crate::conversation::{Change, Origin, Request};
use crate::local_user::LocalUser;
use crate::metrics::Metrics;
use crate::node::Node;
use crate::settings::Settings;

struct Inner {
    node: Arc<Node>,
    stop: watch::Sender<bool>,
}

/// A running node. Clones are the same node.
#[derive(Clone)]
pub struct Chat {
    inner: Arc<Inner>,
}

impl Chat {
    pub(crate) fn new(node: Arc<Node>, stop: watch::Sender<bool>) -> Self {
        Self { inner: Arc::new(Inner { node, stop }) }
    }

    /// Begins to put a node together.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use causerie_actors::{Chat, Rules, SendContext, Verdict};
    /// use causerie_protocol::{Body, ClientMessageId, Down};
    /// use causerie_store::memory::MemoryStore;
    ///
    /// /// A house where nobody shouts.
    /// struct Quiet;
    ///
    /// impl Rules for Quiet {
    ///     fn may_send(&self, send: &SendContext<'_>) -> Verdict {
    ///         let loud = send.body.as_json().contains('!');
    ///         if loud { Verdict::Deny("Not so loud.".to_owned()) } else { Verdict::Allow }
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let chat = Chat::builder().store(Arc::new(MemoryStore::new())).rules(Quiet).start().await?;
    ///
    /// // Users of this process: one to write, one to hear.
    /// let alice = chat.user("alice".parse()?, "desk".parse()?);
    /// let mut bob = chat.user("bob".parse()?, "phone".parse()?).connect();
    /// assert!(matches!(bob.hear().await, Some(Down::Welcome(_))));
    ///
    /// let key = |byte| ClientMessageId::from_bytes([byte; 16]);
    /// let refused = alice.send_to("bob".parse()?, key(1), Body::text("HELLO!")).await.unwrap_err();
    /// assert_eq!(refused.message, "Not so loud.");
    /// let sent = alice.send_to("bob".parse()?, key(2), Body::text("Hello")).await?;
    /// assert!(matches!(bob.hear().await, Some(Down::Message(message)) if message.seq == sent.seq));
    ///
    /// chat.stop().await;
    /// # Ok(())
    /// # }
    /// ```
    pub fn builder() -> ChatBuilder {
        ChatBuilder::default()
    }

    /// Serves a client that has to say `hello`, whose token the [`Authenticator`](crate::Authenticator) checks;
    /// `token` is what its handshake carried, if anything. Returns at once: the connection lives until one side ends it,
    /// and the handle need not be kept.
    pub fn accept(&self, transport: impl Transport, token: Option<Box<str>>) -> ConnectionHandle {
        connection::accept(self.node(), Box::new(transport), connection::Entry::Hello(token))
    }

    /// Serves a client whose identity the embedder vouches for: it is welcomed at once, with no `hello`. An older
    /// connection of the same user and device is closed as replaced.
    pub fn attach(
        &self,
        identity: Identity,
        device: DeviceId,
        transport: impl Transport,
    ) -> ConnectionHandle {
        connection::accept(self.node(), Box::new(transport), connection::Entry::Known(identity, device))
    }

    /// A user of this process: what it does goes the same way as what clients do. Nobody is asked whether there is such
    /// a user: whoever has the [`Chat`] may act as anybody.
    pub fn user(&self, user: UserId, device: DeviceId) -> LocalUser {
        let origin = Arc::new(Origin { user, device, connection: None });
        LocalUser { node: Arc::clone(self.node()), origin }
    }

    /// The store, for reading: a user's conversations, profiles, the event log. What is written goes through
    /// [`user`](Self::user), because a conversation alone gives out its order.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.node().store
    }

    /// The bounds.
    pub fn settings(&self) -> &Settings {
        &self.node().settings
    }

    /// What is counted.
    pub fn metrics(&self) -> &Metrics {
        &self.node().metrics
    }

    /// How many connections, and how many conversations, are open.
    pub fn open(&self) -> (usize, usize) {
        (self.node().connections.len(), self.node().conversations.len())
    }

    /// Whether no client is welcomed any more.
    pub fn is_draining(&self) -> bool {
        self.node().connections.is_draining()
    }

    /// The clients that are known.
    pub fn sessions(&self) -> Vec<SessionInfo> {
        self.node().connections.sessions()
    }

    /// Closes a user's connections, or just that of one device. Returns how many.
    pub fn kick(&self, user: &UserId, device: Option<&DeviceId>) -> usize {
        self.end_sessions(&End::KICKED, |session| {
            session.user == *user && device.is_none_or(|device| session.device == *device)
        })
    }

    /// Refuses tokens from now on, and closes the connections that were opened with them.
    ///
    /// # Errors
    /// [`WriteError`] when it is not kept; then nothing was closed.
    pub async fn revoke(&self, revocation: Revocation) -> Result<usize, WriteError> {
        let node = self.node();
        node.store.put_revocation(revocation.clone(), node.clock.wall()).await?;
        node.revocations.add(revocation.clone());
        let mut count = 0;
        match &revocation {
            Revocation::User(user, _) => node.connections.of_user(user, |connection| {
                count += 1;
                connection.end(End::REVOKED);
            }),
            // Which connections a token opened is known to themselves: each looks again.
            Revocation::Token(..) => {
                for connection in node.connections.all() {
                    connection.check_revocation();
                    count += 1;
                }
            }
        }
        Ok(count)
    }

    /// Overwrites what a user wrote, ends its memberships of groups, and forgets what is kept of it.
    ///
    /// # Errors
    /// The refusal or failure of a step; the steps before it are done, and doing it again goes on.
    pub async fn erase(&self, user: &UserId) -> Result<(), ErrorFrame> {
        let device = DeviceId::new("erasure")
            .map_err(|error| ErrorFrame::new(None, ErrorCode::Internal, error.to_string()))?;
        self.end_sessions(&End::REVOKED, |session| session.user == *user);
        let unavailable = |error: String| ErrorFrame::new(None, ErrorCode::Unavailable, error);
        let mine = self
            .store()
            .conversations_of(user.clone())
            .await
            .map_err(|error| unavailable(error.to_string()))?;
        let me = self.user(user.clone(), device);
        for conversation in mine {
            // First out, so that nothing comes after what is overwritten.
            let group = conversation.row.kind == causerie_protocol::frame::down::ConversationKind::Group;
            if group && !conversation.removed {
                me.change(conversation.conversation, Change::Leave).await?;
            }
            me.ask(conversation.conversation, |origin, reply| Request::Erase(origin.user.clone(), reply))
                .await?;
        }
        self.store().erase_user(user.clone()).await.map_err(|error| unavailable(error.to_string()))
    }

    /// Stops welcoming clients, tells those that are here to come back after `reconnect_after` (spread over as long
    /// again), and waits until they are gone or `deadline` has passed.
    pub async fn drain(&self, reconnect_after: Duration, deadline: Duration) {
        let node = self.node();
        node.connections.drain();
        let base = u64::try_from(reconnect_after.as_millis()).unwrap_or(u64::MAX);
        for connection in node.connections.all() {
            // Spread by id: neighbours come back at different times.
            let spread = connection.id().0.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
            connection.end(End::draining(base + spread % base.max(1)));
        }
        let gone = async {
            while !node.connections.is_empty() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        if tokio::time::timeout(deadline, gone).await.is_err() {
            tracing::warn!(connections = node.connections.len(), "clients did not go in time");
        }
    }

    /// Ends the node. Clients should be gone, see [`drain`](Self::drain); those that are not are closed. Conversations
    /// finish what is under way, cursors included, for which they get as long as
    /// [`outcome_deadline`](Settings::outcome_deadline).
    ///
    /// When this has returned and the last [`Chat`] and [`LocalUser`] of the node are dropped, its store is dropped too,
    /// and what it was opened on can be opened again.
    pub async fn stop(&self) {
        let node = self.node();
        node.connections.drain();
        for connection in node.connections.all() {
            connection.end(End::draining(1000));
        }
        node.conversations.close_idle();
        let ended = node.background.actors_ended();
        if tokio::time::timeout(node.settings.outcome_deadline, ended).await.is_err() {
            let (connections, conversations) = self.open();
            tracing::warn!(connections, conversations, "not everything ended in time");
        }
        // Fails only when the loops have ended already.
        let _ = self.inner.stop.send(true);
        node.background.join().await;
    }

    fn end_sessions(&self, end: &End, which: impl Fn(&SessionInfo) -> bool) -> usize {
        let node = self.node();
        let chosen: Vec<_> = node.connections.sessions().into_iter().filter(which).collect();
        for session in &chosen {
            if let Some(connection) = node.connections.get(session.connection) {
                connection.end(end.clone());
            }
        }
        chosen.len()
    }

    pub(crate) fn node(&self) -> &Arc<Node> {
        &self.inner.node
    }
}
