//! What happens to a conversation.

use std::sync::Arc;
use std::time::Duration;

use causerie_protocol::frame::down::{HistoryAccess, Role};
use causerie_protocol::{Body, ClientMessageId, DeviceId, Seq, Title, UserId};
use causerie_store::Entry;
use causerie_store::committed::AppendResult;
use causerie_store::port::{ReadError, WriteError};

use crate::bounded::Permit;
use crate::connection::ConnectionHandle;
use crate::reply::Reply;

/// Who asks, and by which connection.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The user.
    pub user: UserId,
    /// The device.
    pub device: DeviceId,
    /// The connection; `None` for callers inside the process.
    pub connection: Option<ConnectionHandle>,
}

/// A message to be written.
#[derive(Debug)]
pub struct SendRequest {
    /// Whom to answer.
    pub reply: Reply,
    /// Who writes.
    pub from: Arc<Origin>,
    /// The other user, when the message was addressed to one: it may begin the conversation.
    pub to: Option<UserId>,
    /// The key.
    pub client_message_id: ClientMessageId,
    /// Above 0: this may be a resend.
    pub attempt: u32,
    /// What.
    pub body: Body,
    /// When it came in (the node's monotonic time).
    pub since: Duration,
    /// Its share of the node's bound on bytes that wait.
    pub bytes: Permit,
}

/// A change of the group.
#[derive(Clone, Debug)]
pub enum Change {
    /// Users come.
    Add(Vec<UserId>),
    /// Users are removed.
    Remove(Vec<UserId>),
    /// A member gets another role.
    Role(UserId, Role),
    /// The group gets another title.
    Rename(Title),
    /// The asker leaves.
    Leave,
}

/// What a conversation is to be, if it is not yet.
#[derive(Clone, Debug)]
pub enum Create {
    /// Of the asker and this user.
    Direct(UserId),
    /// Of the asker and these users.
    Group {
        /// What it is called.
        title: Title,
        /// Who is in it beside the asker.
        members: Vec<UserId>,
        /// What later members may read.
        history: HistoryAccess,
        /// The key: the id was derived from it.
        client_id: ClientMessageId,
    },
}

/// What is asked of a conversation.
#[derive(Debug)]
pub enum Request {
    /// Write a message.
    Send(SendRequest),
    /// Change the group.
    Change(Arc<Origin>, Change, Reply),
    /// Be this conversation.
    Create(Arc<Origin>, Create, Reply),
    /// The asker has received and read up to here.
    Cursor(Arc<Origin>, Seq, Seq),
    /// Messages after a position.
    Sync(UserId, Seq, usize, Reply),
    /// Messages before a position; the last ones for `None`.
    History(UserId, Option<Seq>, usize, Reply),
    /// Members after a user id.
    Members(UserId, Option<UserId>, usize, Reply),
    /// The conversation as this user sees it.
    Describe(UserId, Reply),
    /// One of the two users of a direct conversation has blocked the other, or not any more.
    Blocked(UserId, bool),
    /// Overwrite what this user wrote, and end its membership.
    Erase(UserId, Reply),
}

impl Request {
    /// The two users, where this may begin a direct conversation.
    pub(super) fn begins_direct(&self) -> Option<[UserId; 2]> {
        match self {
            Self::Send(send) => send.to.clone().map(|to| [send.from.user.clone(), to]),
            Self::Create(origin, Create::Direct(user), _) => Some([origin.user.clone(), user.clone()]),
            _ => None,
        }
    }

    /// Whom to answer, if anybody waits for an answer.
    pub fn into_reply(self) -> Option<Reply> {
        match self {
            Self::Send(send) => Some(send.reply),
            Self::Change(_, _, reply)
            | Self::Create(_, _, reply)
            | Self::Sync(_, _, _, reply)
            | Self::History(_, _, _, reply)
            | Self::Members(_, _, _, reply)
            | Self::Describe(_, reply)
            | Self::Erase(_, reply) => Some(reply),
            Self::Cursor(..) | Self::Blocked(..) => None,
        }
    }
}

/// What happened.
#[derive(Debug)]
pub enum Input {
    /// Somebody asks.
    Request(Request),
    /// The store answered an append.
    Appended(AppendResult),
    /// The store answered which keys exist, in the order asked for.
    Found(Result<Vec<Option<Entry>>, ReadError>),
    /// The store answered that cursors are kept.
    CursorsStored(Result<(), WriteError>),
    /// Time has passed.
    Tick,
}
