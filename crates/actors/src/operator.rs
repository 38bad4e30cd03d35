//! What an operator asks of a node beside [`Chat::kick`], [`Chat::revoke`] and [`Chat::erase`]: to keep a user out, and
//! how full everything is.

use causerie_protocol::UserId;
use causerie_store::model::EventPosition;
use causerie_store::port::{Events, ReadError, WriteError};

use crate::chat::Chat;
use crate::connection::End;

/// How much is where at this moment. Each number is read by itself; together they are not one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Depths {
    /// Open conversations.
    pub conversations: usize,
    /// Requests in the mailboxes of all conversations.
    pub mailboxes: usize,
    /// Requests in the fullest mailbox.
    pub mailbox_max: usize,
    /// Bytes of bodies that wait to be stored.
    pub waiting_bytes: usize,
    /// Bytes that wait for all clients.
    pub outbox_bytes: usize,
    /// Bytes that wait for the client that has most of them.
    pub outbox_bytes_max: usize,
    /// The last durable event, where the store keeps a log of them.
    pub last_event: Option<EventPosition>,
}

impl Chat {
    /// Keeps a user out: no token of theirs is accepted until [`lift_suspension`](Self::lift_suspension), and their
    /// connections end. Durable when it returns. Returns how many connections were told to end.
    ///
    /// # Errors
    /// [`WriteError`] when it is not kept; then nothing was closed.
    pub async fn suspend(&self, user: &UserId) -> Result<usize, WriteError> {
        let node = self.node();
        node.store.put_suspended(user.clone(), true).await?;
        node.revocations.set_suspended(user, true);
        let mut closed = 0;
        node.connections.of_user(user, |connection| {
            closed += 1;
            connection.end(End::SUSPENDED);
        });
        Ok(closed)
    }

    /// Lets a user in again. Durable when it returns; one who was not kept out stays in.
    ///
    /// # Errors
    /// [`WriteError`] when it is not kept; then nothing was changed.
    pub async fn lift_suspension(&self, user: &UserId) -> Result<(), WriteError> {
        let node = self.node();
        node.store.put_suspended(user.clone(), false).await?;
        node.revocations.set_suspended(user, false);
        Ok(())
    }

    /// Who is kept out, by user id.
    ///
    /// # Errors
    /// [`ReadError`] when the store does not say.
    pub async fn suspended(&self) -> Result<Vec<UserId>, ReadError> {
        self.store().suspended().await
    }

    /// How much is where. Looks at every connection and every open conversation: for a scrape, not for a loop.
    pub fn depths(&self) -> Depths {
        let node = self.node();
        let mut depths = Depths {
            waiting_bytes: node.waiting_bytes.held(),
            last_event: node.store.event_log().map(Events::last_event),
            ..Depths::default()
        };
        for (_, conversation) in node.conversations.all() {
            let waiting = conversation.waiting();
            depths.conversations += 1;
            depths.mailboxes += waiting;
            depths.mailbox_max = depths.mailbox_max.max(waiting);
        }
        for connection in node.connections.all() {
            let (_, waiting) = connection.waiting();
            depths.outbox_bytes += waiting;
            depths.outbox_bytes_max = depths.outbox_bytes_max.max(waiting);
        }
        depths
    }
}
