//! What a session knows.

use std::collections::{HashMap, VecDeque};

use causerie_checker::history::{Changed, Nanos, Outcome, Session, Way};
use uuid::Uuid;

use super::traffic::Unanswered;
use crate::book::SharedBook;
use crate::clock;

/// Rooms that are looked through one by one; more are looked up.
const FEW: usize = 4;

/// A conversation's id as it stands in frames.
type RoomText = [u8; uuid::fmt::Hyphenated::LENGTH];

/// A conversation that a session follows.
#[derive(Debug)]
pub(crate) struct Room {
    /// Its id.
    pub(crate) id: Uuid,
    /// The same as it stands in frames.
    pub(crate) text: RoomText,
    /// Its number in the history.
    pub(crate) number: u32,
    /// The highest position that has come.
    pub(crate) known: u64,
    /// Up to where the server told to sync.
    pub(super) told: u64,
}

/// A send without an answer.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) request: u64,
    /// Its number in the history.
    pub(super) record: Option<u32>,
    pub(super) room: usize,
    /// From when its latency counts, if it does.
    pub(super) since: Option<Nanos>,
    pub(super) message: Unanswered,
}

/// A request for a page without an answer.
#[derive(Debug)]
pub(super) struct PageRequest {
    pub(super) id: u64,
    pub(super) room: usize,
    pub(super) way: Way,
    pub(super) position: u64,
    pub(super) last: bool,
    pub(super) begun: Nanos,
}

/// Everything of a session but its socket.
pub(super) struct State {
    pub(super) book: SharedBook,
    pub(super) user: Box<str>,
    /// The session's number in the history, if it is judged.
    pub(super) recorded: Option<u32>,
    pub(super) rooms: Vec<Room>,
    /// Where each room is among them, if they are not few.
    places: HashMap<RoomText, usize>,
    /// The last request id.
    pub(super) next: u64,
    pub(super) flights: VecDeque<Flight>,
    pub(super) pages: Vec<PageRequest>,
    /// Syncs to ask for: room, position, whether it is the last one.
    pub(super) due: Vec<(usize, u64, bool)>,
    /// The request whose answer is wanted whole.
    pub(super) awaited: Option<u64>,
    pub(super) answer: Option<Vec<u8>>,
    /// A body as it is put together.
    pub(super) body: Vec<u8>,
    /// Messages whose outcome did not become known.
    pub(super) unanswered: Vec<Unanswered>,
    /// One that was acknowledged.
    pub(super) answered_lately: Option<Unanswered>,
    /// Sends that were refused.
    pub(super) refused: u64,
    /// Messages of a session that is not judged: of them only some are looked at.
    pub(super) skipped: u32,
}

impl State {
    pub(super) fn new(user: &str, book: SharedBook) -> Self {
        Self {
            book,
            user: user.into(),
            recorded: None,
            rooms: Vec::new(),
            places: HashMap::new(),
            next: 0,
            flights: VecDeque::new(),
            pages: Vec::new(),
            due: Vec::new(),
            awaited: None,
            answer: None,
            body: Vec::new(),
            unanswered: Vec::new(),
            answered_lately: None,
            refused: 0,
            skipped: 0,
        }
    }

    pub(super) fn begin_record(&mut self, node: &str) {
        let mut book = self.book.borrow_mut();
        let (user, node) = (book.history.user(&self.user), book.history.node(node));
        self.recorded = Some(book.history.open(Session::new(user, node, clock::now())));
    }

    pub(super) fn end_record(&mut self, settled: bool) {
        if let Some(session) = self.recorded.take() {
            self.book.borrow_mut().history.close(session, clock::now(), settled);
        }
    }

    pub(super) fn join(&mut self, id: Uuid, known: u64) -> usize {
        let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
        id.hyphenated().encode_lower(&mut text);
        let number = self.book.borrow_mut().history.conversation(id.as_u128());
        let place = self.rooms.len();
        self.rooms.push(Room { id, text, number, known, told: 0 });
        if self.rooms.len() > FEW {
            // The first ones, which were few, follow with the one that is too many.
            let new = self.rooms.iter().enumerate().skip(self.places.len());
            self.places.extend(new.map(|(place, room)| (room.text, place)));
        }
        place
    }

    /// The room with this id as it stands in a frame.
    pub(super) fn room(&self, text: &[u8]) -> Option<usize> {
        if self.rooms.len() > FEW {
            return self.places.get(text).copied();
        }
        self.rooms.iter().position(|room| room.text == text)
    }

    pub(super) fn changed(&mut self, room: usize, begun: Nanos, seq: u64) {
        let conversation = self.rooms[room].number;
        self.rooms[room].known = self.rooms[room].known.max(seq);
        if let Some(session) = self.recorded {
            let changed = Changed { begun, at: clock::now(), session, conversation, seq };
            self.book.borrow_mut().history.changed(changed);
        }
    }

    /// The server told this session to sync.
    pub(super) fn told(&mut self, room: usize, seq: u64) {
        let conversation = self.rooms[room].number;
        let mut book = self.book.borrow_mut();
        book.stats.heads += 1;
        if let Some(session) = self.recorded {
            book.history.heard(clock::now(), session, conversation, seq);
        }
        self.rooms[room].told = self.rooms[room].told.max(seq);
        let asked = self.pages.iter().any(|page| page.room == room && page.way == Way::After);
        if !asked && !self.due.iter().any(|(due, ..)| *due == room) {
            book.stats.syncs += 1;
            self.due.push((room, self.rooms[room].known, false));
        }
    }

    pub(super) fn answered(&mut self, flight: &Flight, at: Nanos, outcome: Outcome) {
        if let Some(record) = flight.record {
            self.book.borrow_mut().history.answer(record, at, outcome);
        }
    }

    pub(super) fn give_up(&mut self) {
        let at = clock::now();
        while let Some(flight) = self.flights.pop_front() {
            self.book.borrow_mut().stats.unknown += 1;
            self.answered(&flight, at, Outcome::Unknown);
            self.unanswered.push(flight.message);
        }
    }
}
