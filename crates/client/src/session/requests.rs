//! Which answer belongs to what, and what the server has certainly read.
//!
//! The server reads a connection's frames in order; so an answer confirms everything that was written before its
//! request, the frames without an answer included.

use std::collections::BTreeMap;

use causerie_protocol::{ConversationId, RequestId, Seq};

use super::input::Ticket;

/// What was asked.
#[derive(Clone, Copy, Debug)]
pub(super) enum Asked {
    /// `hello`.
    Hello,
    /// `ping`.
    Ping,
    /// `refresh`.
    Refresh,
    /// A page of `conversations`.
    Listing,
    /// `sync` of a conversation that was known to have something up to a position.
    Sync(ConversationId, Seq),
    /// A send.
    Send(Ticket),
    /// A request of the application.
    Application(Ticket),
}

#[derive(Debug, Default)]
pub(super) struct Requests {
    last_id: i64,
    written: u64,
    confirmed: u64,
    open: BTreeMap<i64, (Asked, u64)>,
}

impl Requests {
    /// A new request; gives its id. To be written next.
    pub(super) fn ask(&mut self, asked: Asked) -> RequestId {
        self.last_id += 1;
        self.written += 1;
        self.open.insert(self.last_id, (asked, self.written));
        RequestId::Number(self.last_id)
    }

    /// A frame that has no answer; gives its number. To be written next.
    pub(super) fn tell(&mut self) -> u64 {
        self.written += 1;
        self.written
    }

    /// Whether the server has certainly read the frame of this number.
    pub(super) fn confirmed(&self, number: u64) -> bool {
        number <= self.confirmed
    }

    /// An answer came; what was asked. `None`: nothing of ours that is open.
    pub(super) fn answered(&mut self, id: Option<&RequestId>) -> Option<Asked> {
        let Some(RequestId::Number(id)) = id else { return None };
        let (asked, written) = self.open.remove(id)?;
        self.confirmed = self.confirmed.max(written);
        Some(asked)
    }

    /// How many requests of the application are open.
    pub(super) fn of_application(&self) -> usize {
        self.open.values().filter(|(asked, _)| matches!(asked, Asked::Application(_))).count()
    }

    /// The connection is lost: what was open will not be answered.
    pub(super) fn lost(&mut self) -> impl Iterator<Item = Asked> + use<> {
        std::mem::take(&mut self.open).into_values().map(|(asked, _)| asked)
    }
}
