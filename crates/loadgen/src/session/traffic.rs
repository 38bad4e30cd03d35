//! Messages: sent, sent again, read.

use std::io;

use causerie_checker::history::{Attempt, Nanos, Read};
use uuid::Uuid;

use super::Session;
use super::state::Flight;
use crate::clock;
use crate::message;

/// A message whose outcome is not known: enough to send it again, byte for byte.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unanswered {
    /// Into which conversation.
    pub(crate) conversation: Uuid,
    client: u128,
    /// When it was made: its body says so.
    made: Nanos,
    bytes: usize,
    after: u64,
    attempt: u32,
}

impl Session {
    /// How many sends were refused so far.
    pub(crate) fn refused(&self) -> u64 {
        self.state.refused
    }

    /// How many sends are unanswered.
    pub(crate) fn in_flight(&self) -> usize {
        self.state.flights.len()
    }

    /// Puts a message on its way; [`flush`](Self::flush) lets it leave. `due` is when it should have left.
    pub(crate) fn send(&mut self, room: usize, bytes: usize, due: Option<Nanos>) {
        let made = clock::now();
        let client = self.state.book.borrow_mut().id(made);
        let to = &self.state.rooms[room];
        let message = Unanswered { conversation: to.id, client, made, bytes, after: to.known, attempt: 0 };
        self.attempt(room, message, Some(due.unwrap_or(made)));
    }

    /// Puts a message on its way again.
    pub(crate) fn resend(&mut self, room: usize, message: &Unanswered) {
        self.attempt(room, Unanswered { attempt: message.attempt + 1, ..*message }, None);
    }

    /// The attempt is in the book before its bytes are handed on.
    fn attempt(&mut self, room: usize, message: Unanswered, since: Option<Nanos>) {
        let state = &mut self.state;
        let Unanswered { client, made, bytes, after, attempt, .. } = message;
        state.body.clear();
        #[expect(clippy::cast_possible_truncation, reason = "the lower half is unique enough")]
        let digest = message::body(&mut state.body, made, client as u64, bytes);
        let to = &state.rooms[room];
        let record = state.recorded.map(|session| {
            let attempt = Attempt::new(clock::now(), session, to.number, client, digest);
            state.book.borrow_mut().history.attempt(attempt)
        });
        state.next += 1;
        let request = state.next;
        state.flights.push_back(Flight { request, record, room, since, message });
        let place = message::Place { request, conversation: &to.text, client, attempt, after };
        self.link.push(|out| message::send(out, &place, &state.body));
    }

    /// Messages whose outcome never became known, to be sent again or not.
    pub(crate) fn take_unanswered(&mut self) -> Vec<Unanswered> {
        std::mem::take(&mut self.state.unanswered)
    }

    /// A message that was acknowledged not long ago.
    pub(crate) fn answered_lately(&self) -> Option<Unanswered> {
        self.state.answered_lately
    }

    /// Tells how far this user has read.
    pub(crate) fn read(&mut self, room: usize, seq: u64) -> io::Result<()> {
        let state = &mut self.state;
        let (id, conversation) = (state.rooms[room].id, state.rooms[room].number);
        if seq == 0 {
            return Ok(());
        }
        if let Some(session) = state.recorded {
            let at = clock::now();
            state.book.borrow_mut().history.read_up_to(Read { at, session, conversation, seq });
        }
        self.link.push(|out| {
            out.extend_from_slice(
                format!("{{\"type\":\"read\",\"conversation\":\"{id}\",\"seq\":{seq}}}").as_bytes(),
            );
        });
        self.link.flush()
    }
}
