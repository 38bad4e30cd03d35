//! The made-up server: one log a conversation, numbered at once, told to members in order.

use std::collections::HashMap;

use rand::Rng as _;
use uuid::Uuid;

use super::{World, digest};
use crate::history::{Change, Entry, Line, Membership, Nanos, Way};

/// One conversation as the server has it.
pub(super) struct Conversation {
    pub(super) id: Uuid,
    pub(super) direct: bool,
    pub(super) full: bool,
    pub(super) members: Vec<usize>,
    /// The first position that a present member may read.
    pub(super) first: HashMap<usize, u64>,
    /// How far members have read.
    pub(super) read: HashMap<usize, u64>,
    pub(super) log: Vec<Entry>,
    pub(super) keys: HashMap<(usize, Uuid), u64>,
    pub(super) owner: (Box<str>, u64),
}

impl Conversation {
    pub(super) fn new(id: Uuid, direct: bool, full: bool) -> Self {
        Self {
            id,
            direct,
            full,
            members: Vec::new(),
            first: HashMap::new(),
            read: HashMap::new(),
            log: Vec::new(),
            keys: HashMap::new(),
            owner: ("n1".into(), 1),
        }
    }

    pub(super) fn head(&self) -> u64 {
        self.log.len() as u64
    }
}

impl World {
    /// A node takes a conversation over.
    pub(super) fn claim(&mut self, conversation: usize, node: &str, epoch: u64) {
        self.conversations[conversation].owner = (node.into(), epoch);
        let (at, conversation) = (self.now, self.conversations[conversation].id);
        self.record(at, Line::Owner { at, node: node.into(), conversation, epoch });
    }

    pub(super) fn move_owners(&mut self) {
        (0..self.conversations.len()).for_each(|conversation| self.claim(conversation, "n2", 2));
    }

    /// Numbers an entry, writes it to the event log, and tells the members that are connected.
    pub(super) fn commit(
        &mut self,
        conversation: usize,
        mut entry: Entry,
        at: Nanos,
        writer: Option<u64>,
    ) -> u64 {
        let log = &mut self.conversations[conversation];
        let seq = log.head() + 1;
        entry.seq = seq;
        let (id, owner, key) = (log.id, log.owner.clone(), entry.client_message_id);
        log.log.push(entry);
        let (node, epoch) = owner;
        self.record(at, Line::Commit { at, node, conversation: id, epoch, first: seq, last: seq });
        let logged = Line::Logged { conversation: id, seq, client_message_id: key };
        // An event may come twice.
        if self.rng.random_ratio(1, 20) {
            self.logged.push(logged.clone());
        }
        self.logged.push(logged);
        for member in self.conversations[conversation].members.clone() {
            if Some(self.clients[member].session) != writer {
                self.tell(member, conversation, seq, at);
            }
        }
        seq
    }

    /// Tells one client of an entry, unless it has fallen behind.
    pub(super) fn tell(&mut self, client: usize, conversation: usize, seq: u64, at: Nanos) {
        let id = self.conversations[conversation].id;
        if self.clients[client].behind.contains(&conversation) {
            return;
        }
        let arrival = self.reply(client, at);
        let (session, entry) = (self.clients[client].session, self.entry(conversation, seq));
        self.record(arrival, Line::Message { at: arrival, session, conversation: id, entry });
    }

    /// Tells the members how far one of them has read, if that is further than before.
    pub(super) fn tell_receipt(&mut self, reader: usize, conversation: usize, seq: u64) {
        let log = &mut self.conversations[conversation];
        let before = log.read.entry(reader).or_default();
        if seq <= *before || !log.members.contains(&reader) {
            return;
        }
        *before = seq;
        let (id, members) = (log.id, log.members.clone());
        for member in members {
            let at = self.reply(member, self.now);
            let (session, user) = (self.clients[member].session, self.clients[reader].user.clone());
            self.record(
                at,
                Line::Receipt { begun: 0, at, session, conversation: id, user, delivered: seq, read: seq },
            );
        }
    }

    /// When something that the server says now is heard.
    pub(super) fn reply(&mut self, client: usize, at: Nanos) -> Nanos {
        let heard = at + self.rng.random_range(1..=self.jitter);
        let client = &mut self.clients[client];
        client.last_heard = heard.max(client.last_heard + 1);
        client.last_heard
    }

    pub(super) fn send_arrives(&mut self, number: usize, at: Nanos) {
        let send = self.pending.sends[number].clone();
        let (client, session, request) = (send.client, send.session, send.request);
        let connected = self.clients[client].session == session;
        let log = &self.conversations[send.conversation];
        let key = (client, send.entry.client_message_id);
        let refused = send.refused || !log.members.contains(&client);
        let known = log.keys.get(&key).copied();
        if let (None, true) = (known, refused) {
            if connected {
                let at = self.reply(client, at);
                self.record(at, Line::Refused { at, session, request });
            }
            return;
        }
        let seq = known.unwrap_or_else(|| {
            let seq = self.commit(send.conversation, send.entry, at, Some(session));
            self.conversations[send.conversation].keys.insert(key, seq);
            seq
        });
        if connected && !send.unanswered {
            let at = self.reply(client, at);
            self.record(at, Line::Sent { at, session, request, seq });
        }
    }

    pub(super) fn sync_arrives(&mut self, number: usize, at: Nanos) {
        let sync = self.pending.syncs[number].clone();
        let log = &self.conversations[sync.conversation];
        let (session, client) = (sync.session, sync.client);
        if self.clients[client].session != session || !log.members.contains(&client) {
            return;
        }
        let (id, head) = (log.id, log.head());
        let first = log.first.get(&client).copied().unwrap_or(1);
        let limit = 20;
        let (range, more) = match sync.way {
            Way::After => {
                let start = first.max(sync.position + 1);
                let end = head.min(start + limit - 1);
                (start..end + 1, end < head)
            }
            Way::Before => {
                let end = sync.position.checked_sub(1).map_or(head, |end| end.min(head));
                let start = first.max((end + 1).saturating_sub(limit));
                (start..end + 1, start > first)
            }
        };
        let next = range.end - 1;
        let items = range.map(|seq| self.entry(sync.conversation, seq)).collect();
        let heard = self.reply(client, at);
        let (begun, way, position, last) = (sync.begun, sync.way, sync.position, sync.last);
        let line = Line::Page {
            begun,
            at: heard,
            session,
            conversation: id,
            way,
            position,
            items,
            head,
            more,
            last,
        };
        self.record(heard, line);
        if way == Way::After {
            self.clients[client].reached.insert(sync.conversation, next.max(position));
            if more {
                self.ask_at(heard + 1, client, sync.conversation, (way, next), last);
            } else {
                self.clients[client].behind.retain(|conversation| *conversation != sync.conversation);
            }
        }
    }

    pub(super) fn change_arrives(&mut self, number: usize, at: Nanos) {
        let change = self.pending.changes[number].clone();
        let (conversation, by, whom) = (change.conversation, change.client, change.whom);
        if !self.conversations[conversation].members.contains(&by) {
            return;
        }
        let there = self.conversations[conversation].members.contains(&whom);
        let kind = if there { Change::Gone } else { Change::Added };
        let entry = self.membership_entry(by, kind, &[whom], false);
        let log = &mut self.conversations[conversation];
        let seq = log.head() + 1;
        if there {
            // The one that goes still gets the entry that says so.
            let seq = self.commit(conversation, entry, at, None);
            debug_assert!(seq > 0);
            self.conversations[conversation].members.retain(|member| *member != whom);
            self.conversations[conversation].read.remove(&whom);
            self.clients[whom].behind.retain(|behind| *behind != conversation);
        } else {
            let first = if log.full { 1 } else { seq };
            log.first.insert(whom, first);
            log.members.push(whom);
            self.commit(conversation, entry, at, None);
        }
        if self.clients[by].session == change.session {
            let id = self.conversations[conversation].id;
            let at = self.reply(by, at);
            self.record(
                at,
                Line::Changed { begun: change.begun, at, session: change.session, conversation: id, seq },
            );
        }
    }

    pub(super) fn membership_entry(
        &mut self,
        by: usize,
        change: Change,
        users: &[usize],
        full: bool,
    ) -> Entry {
        let client_message_id = Uuid::from_u128(self.rng.random());
        let users = users.iter().map(|user| self.clients[*user].user.clone()).collect();
        Entry {
            seq: 0,
            from: self.clients[by].user.clone(),
            client_message_id,
            body: digest(&client_message_id.to_string()),
            membership: Some(Membership { change, users, full_history: full }),
        }
    }
}
