//! What a conversation wants done. The shell performs effects in their order.

use std::time::Duration;

use causerie_protocol::frame::Down;
use causerie_protocol::frame::down::Receipt;
use causerie_protocol::{ClientMessageId, Seq, UserId};
use causerie_store::model::CursorUpdate;
use causerie_store::{Batch, Committed};

use crate::connection::ConnectionHandle;
use crate::metrics::Limit;
use crate::reply::Reply;

/// Something to be done.
#[derive(Debug)]
pub enum Effect {
    /// Make this durable; resumes with [`Input::Appended`](super::input::Input::Appended).
    Append(Batch),
    /// Look these keys up; resumes with [`Input::Found`](super::input::Input::Found).
    Find(Vec<(UserId, ClientMessageId)>),
    /// Tell the senders and the members.
    Deliver(Delivery),
    /// Answer a request.
    Answer(Reply, Box<Down>),
    /// Tell a connection something that it did not ask for.
    Notice(ConnectionHandle, Box<Down>),
    /// Read a page and answer with it.
    Read(Read),
    /// Keep cursors; resumes with [`Input::CursorsStored`](super::input::Input::CursorsStored).
    StoreCursors(Vec<CursorUpdate>),
    /// Tell these users how far somebody is.
    Receipt(Receipt, Vec<UserId>),
    /// Overwrite what a user wrote up to this position, and answer.
    Erase(UserId, Seq, Reply),
    /// A bound was reached.
    LimitHit(Limit),
    /// Resume with [`Input::Tick`](super::input::Input::Tick) at this time.
    TickAt(Duration),
}

/// Something durable to be told.
#[derive(Debug)]
pub struct Delivery {
    /// What.
    pub committed: Committed,
    /// Whom to answer, one for each entry; where a batch has no entries, one in all.
    pub replies: Vec<Answer>,
    /// Who is told beside the members: those whom this batch has removed.
    pub also: Vec<UserId>,
}

/// How the asker of an entry is answered.
#[derive(Debug)]
pub enum Answer {
    /// With `sent`, in the place of the message.
    Sent(Reply),
    /// With `ok`, beside the entry.
    Done(Reply),
    /// With this frame, beside the entry.
    Frame(Reply, Box<Down>),
    /// Not at all: another entry of the batch answers.
    Nobody,
}

/// A page to be read; an empty one when `first` is above `last`.
#[derive(Debug)]
pub struct Read {
    /// Whom to answer.
    pub reply: Reply,
    /// The lowest position.
    pub first: Seq,
    /// The highest position.
    pub last: Seq,
    /// How many at most.
    pub limit: usize,
    /// Whether the last ones are wanted when there are too many.
    pub back: bool,
    /// The head as of the question.
    pub head: Seq,
}
