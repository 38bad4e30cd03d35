//! The made-up clients, and what they record.

use std::cmp::Reverse;
use std::collections::HashMap;

use rand::Rng as _;
use uuid::Uuid;

use super::{Arrival, World, digest};
use crate::history::{Change, Entry, Line, Nanos, Way};

/// One client: a user with one connection at a time.
pub(super) struct Client {
    pub(super) user: Box<str>,
    pub(super) session: u64,
    request: u64,
    pub(super) last_arrival: Nanos,
    pub(super) last_heard: Nanos,
    /// Up to where syncs have led.
    pub(super) reached: HashMap<usize, u64>,
    /// Conversations of which it was told to sync and has not yet.
    pub(super) behind: Vec<usize>,
}

impl Client {
    pub(super) fn new(user: &str) -> Self {
        Self {
            user: user.into(),
            session: 0,
            request: 0,
            last_arrival: 0,
            last_heard: 0,
            reached: HashMap::new(),
            behind: Vec::new(),
        }
    }
}

/// A message on its way.
#[derive(Clone)]
pub(super) struct Send {
    pub(super) client: usize,
    pub(super) session: u64,
    pub(super) request: u64,
    pub(super) conversation: usize,
    pub(super) entry: Entry,
    pub(super) refused: bool,
    pub(super) unanswered: bool,
}

/// A request for a page on its way.
#[derive(Clone)]
pub(super) struct Sync {
    pub(super) client: usize,
    pub(super) session: u64,
    pub(super) conversation: usize,
    pub(super) begun: Nanos,
    pub(super) way: Way,
    pub(super) position: u64,
    pub(super) last: bool,
}

/// A change of a group on its way.
#[derive(Clone)]
pub(super) struct GroupChange {
    pub(super) client: usize,
    pub(super) session: u64,
    pub(super) conversation: usize,
    pub(super) whom: usize,
    pub(super) begun: Nanos,
}

/// What was asked for so far.
#[derive(Default)]
pub(super) struct Pending {
    pub(super) sends: Vec<Send>,
    pub(super) syncs: Vec<Sync>,
    pub(super) changes: Vec<GroupChange>,
    /// When sessions ended.
    pub(super) closed: HashMap<u64, Nanos>,
}

impl World {
    pub(super) fn open(&mut self, client: usize) {
        self.sessions += 1;
        let (at, session) = (self.now.max(self.clients[client].last_heard) + 1, self.sessions);
        let node = if session.is_multiple_of(2) { "n2" } else { "n1" };
        let it = &mut self.clients[client];
        (it.session, it.last_arrival, it.last_heard) = (session, at, at);
        it.behind.clear();
        let user = it.user.clone();
        self.record(at, Line::Open { at, session, user, node: node.into() });
    }

    pub(super) fn close(&mut self, client: usize, settled: bool) {
        let session = self.clients[client].session;
        let at = self.now;
        self.pending.closed.insert(session, at);
        self.record(at, Line::Close { at, session, settled });
    }

    /// The connection breaks, and a new one syncs from where the client is.
    pub(super) fn reconnect(&mut self, client: usize) {
        self.close(client, false);
        self.open(client);
        self.now = self.now.max(self.clients[client].last_heard) + 1;
        for conversation in 0..self.conversations.len() {
            self.sync(client, conversation, false);
        }
    }

    pub(super) fn create(&mut self, conversation: usize, members: Vec<usize>) {
        let full = self.conversations[conversation].full;
        let entry = self.membership_entry(members[0], Change::Created, &members, full);
        let (begun, at) = (self.now, self.now + 1);
        let creator = members[0];
        self.conversations[conversation].members = members;
        let seq = self.commit(conversation, entry, at, None);
        let at = self.reply(creator, at);
        let (session, id) = (self.clients[creator].session, self.conversations[conversation].id);
        self.record(at, Line::Changed { begun, at, session, conversation: id, seq });
    }

    pub(super) fn send(&mut self, client: usize, conversation: usize) {
        // Several at once now and then, as clients with a window do.
        for _ in 0..self.rng.random_range(1..4) {
            let client_message_id = Uuid::from_u128(self.rng.random());
            let entry = Entry {
                seq: 0,
                from: self.clients[client].user.clone(),
                client_message_id,
                body: digest(&client_message_id.to_string()),
                membership: None,
            };
            let refused = self.rng.random_ratio(1, 15);
            let unanswered = self.rng.random_ratio(1, 20);
            self.attempt(client, conversation, entry, (refused, unanswered));
            self.now += 1;
        }
    }

    /// Sends a message again whose outcome may not be known.
    pub(super) fn resend(&mut self, client: usize) {
        let open = |send: &&Send| send.client == client && send.unanswered && !send.refused;
        let Some(send) = self.pending.sends.iter().rev().find(open).cloned() else { return };
        let refused = self.rng.random_ratio(1, 5);
        self.attempt(client, send.conversation, send.entry, (refused, false));
    }

    fn attempt(&mut self, client: usize, conversation: usize, entry: Entry, fate: (bool, bool)) {
        let arrival = self.arrival(client);
        let it = &mut self.clients[client];
        it.request += 1;
        let (session, request, at) = (it.session, it.request, self.now);
        let (id, client_message_id, body) =
            (self.conversations[conversation].id, entry.client_message_id, entry.body);
        self.record(at, Line::Attempt { at, session, request, conversation: id, client_message_id, body });
        self.arrivals.push(Reverse((arrival, Arrival::Send(self.pending.sends.len()))));
        let (refused, unanswered) = fate;
        self.pending.sends.push(Send { client, session, request, conversation, entry, refused, unanswered });
    }

    pub(super) fn sync(&mut self, client: usize, conversation: usize, last: bool) {
        let reached = self.clients[client].reached.get(&conversation).copied().unwrap_or_default();
        let position = if last { 0 } else { reached };
        self.ask_at(self.now, client, conversation, (Way::After, position), last);
    }

    /// Reads what it has read before, in either direction.
    pub(super) fn reread(&mut self, client: usize, conversation: usize) {
        let way =
            if self.rng.random() { (Way::After, 0) } else { (Way::Before, self.rng.random_range(0..60)) };
        self.ask_at(self.now, client, conversation, way, false);
    }

    pub(super) fn ask_at(
        &mut self,
        begun: Nanos,
        client: usize,
        conversation: usize,
        (way, position): (Way, u64),
        last: bool,
    ) {
        let at = self.arrival(client).max(begun + 1);
        let session = self.clients[client].session;
        self.arrivals.push(Reverse((at, Arrival::Sync(self.pending.syncs.len()))));
        self.pending.syncs.push(Sync { client, session, conversation, begun, way, position, last });
    }

    /// Says how far it has read: as far as its syncs have led.
    pub(super) fn read(&mut self, client: usize, conversation: usize) {
        let Some(seq) = self.clients[client].reached.get(&conversation).copied() else { return };
        let at = self.now.max(self.clients[client].last_heard) + 1;
        let (session, id) = (self.clients[client].session, self.conversations[conversation].id);
        self.record(at, Line::Read { at, session, conversation: id, seq });
        self.tell_receipt(client, conversation, seq);
    }

    /// The first member lets somebody in or out of a group.
    pub(super) fn change(&mut self, conversation: usize) {
        if self.conversations[conversation].direct {
            return;
        }
        let client = self.conversations[conversation].members[0];
        let whom = self.rng.random_range(0..self.clients.len());
        if whom == client {
            return;
        }
        let (at, begun, session) = (self.arrival(client), self.now, self.clients[client].session);
        self.arrivals.push(Reverse((at, Arrival::Change(self.pending.changes.len()))));
        self.pending.changes.push(GroupChange { client, session, conversation, whom, begun });
    }

    pub(super) fn look_at_members(&mut self, client: usize, conversation: usize) {
        let (begun, session) = (self.now, self.clients[client].session);
        // As if the question had no way to go: it is asked and read in one moment.
        let at = self.reply(client, self.now);
        let log = &self.conversations[conversation];
        let users = log.members.iter().map(|member| self.clients[*member].user.clone()).collect();
        let (conversation, read) = (log.id, log.read.clone());
        self.record(at, Line::Members { begun, at, session, conversation, users });
        for (member, read) in read {
            let user = self.clients[member].user.clone();
            self.record(at, Line::Receipt { begun, at, session, conversation, user, delivered: read, read });
        }
    }

    /// The server gives up telling a slow client each message; it tells where to sync to instead.
    pub(super) fn fall_behind(&mut self, client: usize, conversation: usize) {
        if self.clients[client].behind.contains(&conversation) {
            return;
        }
        let at = self.reply(client, self.now);
        let (session, id) = (self.clients[client].session, self.conversations[conversation].id);
        let seq = self.conversations[conversation].head();
        self.record(at, Line::Head { at, session, conversation: id, seq });
        self.clients[client].behind.push(conversation);
        self.ask_at(at + 1, client, conversation, (Way::After, 0), false);
    }

    /// Syncs what it was told to sync.
    pub(super) fn catch_up(&mut self, client: usize) {
        for conversation in self.clients[client].behind.clone() {
            self.sync(client, conversation, false);
        }
    }
}
