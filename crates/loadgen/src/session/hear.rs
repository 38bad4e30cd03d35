//! What a session does with what it hears.

use causerie_checker::history::{Change, Digest, Membership, Nanos, Outcome, Page, Receipt, Seen, Way};
use causerie_protocol::frame::down::{Change as Changed, HistoryAccess, Membership as Body};
use uuid::Uuid;

use super::state::{PageRequest, State};
use crate::clock;
use crate::message;
use crate::scan;

/// Of the messages that a session without a judge gets, one of so many is looked at.
const LOOK_AT: u32 = 16;

/// The fields of a message that count, as they stand in its frame.
#[derive(Default)]
struct Fields<'a> {
    conversation: &'a [u8],
    seq: u64,
    kind: &'a [u8],
    from: &'a [u8],
    client: &'a [u8],
    body: &'a [u8],
}

impl<'a> Fields<'a> {
    fn read(json: &'a [u8]) -> Self {
        let mut it = Self::default();
        scan::fields(json, |key, value| match key {
            b"conversation" => it.conversation = scan::text(value),
            b"seq" => it.seq = scan::number(value).unwrap_or_default(),
            b"kind" => it.kind = scan::text(value),
            b"from" => it.from = scan::text(value),
            b"client_message_id" => it.client = scan::text(value),
            b"body" => it.body = value,
            _ => {}
        });
        it
    }
}

impl State {
    /// Takes in one frame.
    pub(super) fn frame(&mut self, json: &[u8]) {
        match scan::kind(json) {
            b"message" => self.message(json),
            b"sent" => self.sent(json),
            b"error" => self.error(json),
            b"head" => {
                let (mut room, mut seq) = (None, 0);
                scan::fields(json, |key, value| match key {
                    b"conversation" => room = self.room(scan::text(value)),
                    b"seq" => seq = scan::number(value).unwrap_or_default(),
                    _ => {}
                });
                if let Some(room) = room {
                    self.told(room, seq);
                }
            }
            b"page" if self.page(json) => {}
            b"receipt" => self.receipt(json),
            b"presence" | b"goodbye" => {}
            _ => self.other_answer(json),
        }
    }

    fn message(&mut self, json: &[u8]) {
        let at = clock::now();
        if self.recorded.is_none() && !self.is_looked_at() {
            // Which of several it is would have to be read; only who has one speaks by what it heard.
            if let ([room], Some(seq)) = (self.rooms.as_mut_slice(), quick_seq(json)) {
                room.known = room.known.max(seq);
            }
            let mut book = self.book.borrow_mut();
            let measures = book.measures(at);
            book.stats.delivered += u64::from(measures);
            return;
        }
        let fields = Fields::read(json);
        let Some(room) = self.room(fields.conversation) else { return };
        self.rooms[room].known = self.rooms[room].known.max(fields.seq);
        {
            let mut book = self.book.borrow_mut();
            if book.measures(at) {
                book.stats.delivered += 1;
                if let Some(since) = message::attempted_at(fields.body) {
                    book.stats.delivery.saturating_record(at.saturating_sub(since));
                }
            }
        }
        if let Some(session) = self.recorded {
            self.see(at, session, room, &fields, Seen::LIVE);
        }
    }

    /// Whether a message that is not for the judge is read for its latency; the others are only counted.
    fn is_looked_at(&mut self) -> bool {
        self.skipped += 1;
        self.skipped.is_multiple_of(LOOK_AT)
    }

    fn see(&mut self, at: Nanos, session: u32, room: usize, fields: &Fields<'_>, page: u32) {
        let mut book = self.book.borrow_mut();
        let conversation = self.rooms[room].number;
        let client = Uuid::try_parse_ascii(fields.client).map(|id| id.as_u128()).unwrap_or_default();
        let from = book.author(fields.from);
        if fields.kind == b"membership" {
            book.history.membership(conversation, fields.seq, || membership(fields.body));
        }
        let (seq, client, body) = (fields.seq, Seen::halves(client), Digest::of(fields.body));
        book.history.see(Seen { at, seq, client, body, session, conversation, from, page });
    }

    fn sent(&mut self, json: &[u8]) {
        let at = clock::now();
        let (mut id, mut seq) = (None, 0);
        scan::fields(json, |key, value| match key {
            b"id" => id = scan::number(value),
            b"seq" => seq = scan::number(value).unwrap_or_default(),
            _ => {}
        });
        let Some(place) = self.flights.iter().position(|flight| Some(flight.request) == id) else { return };
        let Some(flight) = self.flights.remove(place) else { return };
        let room = &mut self.rooms[flight.room];
        room.known = room.known.max(seq);
        self.answered(&flight, at, Outcome::Sent(seq));
        self.answered_lately = Some(flight.message);
        let Some(since) = flight.since else { return };
        let mut book = self.book.borrow_mut();
        if book.measures(at) {
            book.stats.sent += 1;
            book.stats.ack.saturating_record(at.saturating_sub(since));
        }
    }

    fn error(&mut self, json: &[u8]) {
        let at = clock::now();
        let (mut id, mut code, mut outcome): (_, &[u8], &[u8]) = (None, b"", b"");
        scan::fields(json, |key, value| match key {
            b"id" => id = scan::number(value),
            b"code" => code = scan::text(value),
            b"outcome" => outcome = scan::text(value),
            _ => {}
        });
        self.book.borrow_mut().stats.error(code);
        if let Some(place) = self.flights.iter().position(|flight| Some(flight.request) == id) {
            let Some(flight) = self.flights.remove(place) else { return };
            let refused = outcome == b"none";
            self.refused += u64::from(refused);
            if !refused {
                self.book.borrow_mut().stats.unknown += 1;
                self.unanswered.push(flight.message);
            }
            self.answered(&flight, at, if refused { Outcome::Refused } else { Outcome::Unknown });
            return;
        }
        self.pages.retain(|page| Some(page.id) != id);
        self.other_answer(json);
    }

    fn receipt(&mut self, json: &[u8]) {
        let Some(session) = self.recorded else { return };
        let (at, mut room, mut user, mut delivered, mut read) = (clock::now(), None, &b""[..], 0, 0);
        scan::fields(json, |key, value| match key {
            b"conversation" => room = self.room(scan::text(value)),
            b"user" => user = scan::text(value),
            b"delivered" => delivered = scan::number(value).unwrap_or_default(),
            b"read" => read = scan::number(value).unwrap_or_default(),
            _ => {}
        });
        let Some(room) = room else { return };
        let conversation = self.rooms[room].number;
        let mut book = self.book.borrow_mut();
        let user = book.author(user);
        book.history.receipt(Receipt { begun: 0, at, session, conversation, user, delivered, read });
    }

    /// The answer that is waited for.
    fn other_answer(&mut self, json: &[u8]) {
        let mut id = None;
        scan::fields(json, |key, value| {
            if key == b"id" {
                id = scan::number(value);
            }
        });
        if id.is_some() && id == self.awaited {
            self.awaited = None;
            self.answer = Some(json.to_vec());
        }
    }

    /// Takes in a page of messages, if it is one that was asked for.
    fn page(&mut self, json: &[u8]) -> bool {
        let at = clock::now();
        let (mut id, mut head, mut more, mut items): (_, _, _, &[u8]) = (None, 0, false, b"[]");
        scan::fields(json, |key, value| match key {
            b"id" => id = scan::number(value),
            b"head" => head = scan::number(value).unwrap_or_default(),
            b"more" => more = value == b"true",
            b"items" => items = value,
            _ => {}
        });
        let Some(place) = self.pages.iter().position(|page| Some(page.id) == id) else { return false };
        let PageRequest { room, way, position, last, begun, .. } = self.pages.remove(place);
        let page = self.recorded.map(|session| {
            let conversation = self.rooms[room].number;
            let page = Page { begun, at, position, head, session, conversation, way, more, last };
            (session, self.book.borrow_mut().history.page(page))
        });
        let mut end = position;
        scan::items(items, |item| {
            let fields = Fields::read(item);
            end = fields.seq;
            if let Some((session, page)) = page {
                self.see(at, session, room, &fields, page);
            }
        });
        if way == Way::After {
            self.rooms[room].known = self.rooms[room].known.max(end);
            // A head that was told meanwhile wants another sync.
            let behind = !more && !last && self.rooms[room].told > end.max(head);
            if more && end > position || behind {
                self.due.push((room, end, last));
            }
        }
        true
    }
}

/// The position of a live message, which servers write early in the frame.
fn quick_seq(json: &[u8]) -> Option<u64> {
    let head = &json[..json.len().min(128)];
    let digits = &head[memchr::memmem::find(head, b"\"seq\":")? + 6..];
    let end = digits.iter().position(|byte| !byte.is_ascii_digit())?;
    scan::number(&digits[..end])
}

/// What a membership entry says, in the judge's words.
fn membership(body: &[u8]) -> Membership {
    let Ok(body) = serde_json::from_slice::<Body>(body) else {
        return Membership { change: Change::Other, users: Vec::new(), full_history: false };
    };
    let change = match body.change {
        Changed::Created => Change::Created,
        Changed::Added => Change::Added,
        Changed::Removed | Changed::Left => Change::Gone,
        Changed::Role | Changed::Renamed => Change::Other,
    };
    let users = body.users.iter().map(|user| user.as_str().into()).collect();
    Membership { change, users, full_history: body.history == Some(HistoryAccess::Full) }
}
