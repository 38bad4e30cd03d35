//! A made-up server and its clients: small, correct by construction, and as untidy as real ones.
//!
//! Operations take random times, connections drop answers, readers fall behind and are told to sync, members come and
//! go, keys are sent twice. What the clients record of it is a good history.

mod clients;
mod server;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use uuid::Uuid;

use crate::history::{Digest, Entry, FORMAT, Line, Nanos};
use clients::{Client, Pending};
use server::Conversation;

/// How large a made-up history is.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Operations of clients.
    pub operations: usize,
    /// The longest way between a client and the server; operations begin about one unit apart.
    pub jitter: u64,
}

impl Default for Size {
    fn default() -> Self {
        Self { operations: 1000, jitter: 60 }
    }
}

/// What is going to happen at the server.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Arrival {
    /// A message, by the number of its attempt.
    Send(usize),
    /// A request for a page, by its number.
    Sync(usize),
    /// A change of a group, by its number.
    Change(usize),
}

/// The made-up server, its clients, and what they record.
struct World {
    rng: StdRng,
    jitter: u64,
    now: Nanos,
    arrivals: BinaryHeap<Reverse<(Nanos, Arrival)>>,
    conversations: Vec<Conversation>,
    clients: Vec<Client>,
    pending: Pending,
    lines: Vec<(Nanos, Line)>,
    sessions: u64,
    logged: Vec<Line>,
}

/// A good history.
pub fn good(seed: u64, size: Size) -> Vec<Line> {
    let mut world = World {
        rng: StdRng::seed_from_u64(seed),
        jitter: size.jitter,
        now: 1_000,
        arrivals: BinaryHeap::new(),
        conversations: Vec::new(),
        clients: Vec::new(),
        pending: Pending::default(),
        lines: Vec::new(),
        sessions: 0,
        logged: Vec::new(),
    };
    world.begin(seed);
    for operation in 0..size.operations {
        world.now += world.rng.random_range(1..3);
        world.arrive_until(world.now);
        if operation == size.operations / 2 {
            world.move_owners();
        }
        world.operate();
    }
    world.end()
}

impl World {
    fn begin(&mut self, seed: u64) {
        for number in 0..6 {
            self.clients.push(Client::new(&format!("user-{number}-of-{seed:x}")));
            self.open(number);
        }
        for (number, members, full, direct) in [
            (0, vec![0, 1], true, true),
            (1, vec![2, 3], true, true),
            (2, vec![0, 1, 2, 3], false, false),
            (3, vec![0, 3, 4], true, false),
        ] {
            let id = Uuid::from_u128(self.rng.random());
            self.conversations.push(Conversation::new(id, direct, full));
            self.claim(number, "n1", 1);
            if direct {
                let users = [members[0], members[1]].map(|member: usize| self.clients[member].user.clone());
                self.record(self.now, Line::Direct { conversation: id, users });
                self.conversations[number].members = members;
            } else {
                self.create(number, members);
            }
        }
        self.record(
            self.now + 500,
            Line::Fault { at: self.now + 500, until: self.now + 600, name: "cut".into(), effect: 3 },
        );
    }

    /// One client does something.
    fn operate(&mut self) {
        let client = self.rng.random_range(0..self.clients.len());
        let Some(conversation) = self.some_conversation_of(client) else { return };
        match self.rng.random_range(0..100) {
            0..62 => self.send(client, conversation),
            62..70 => self.resend(client),
            70..80 => self.sync(client, conversation, false),
            80..84 => self.reread(client, conversation),
            84..88 => self.read(client, conversation),
            88..92 => self.change(conversation),
            92..95 => self.reconnect(client),
            95..97 => self.look_at_members(client, conversation),
            _ => self.fall_behind(client, conversation),
        }
    }

    fn some_conversation_of(&mut self, client: usize) -> Option<usize> {
        let mine: Vec<usize> = (0..self.conversations.len())
            .filter(|number| self.conversations[*number].members.contains(&client))
            .collect();
        (!mine.is_empty()).then(|| mine[self.rng.random_range(0..mine.len())])
    }

    /// Lets everything happen at the server that has arrived by now.
    fn arrive_until(&mut self, until: Nanos) {
        while self.arrivals.peek().is_some_and(|Reverse((at, _))| *at <= until) {
            let Some(Reverse((at, arrival))) = self.arrivals.pop() else { return };
            match arrival {
                Arrival::Send(number) => self.send_arrives(number, at),
                Arrival::Sync(number) => self.sync_arrives(number, at),
                Arrival::Change(number) => self.change_arrives(number, at),
            }
        }
    }

    /// When something that leaves now arrives at the server.
    fn arrival(&mut self, client: usize) -> Nanos {
        let at = self.now + self.rng.random_range(1..=self.jitter);
        let client = &mut self.clients[client];
        // One connection keeps its order.
        client.last_arrival = at.max(client.last_arrival + 1);
        client.last_arrival
    }

    fn record(&mut self, at: Nanos, line: Line) {
        self.lines.push((at, line));
    }

    fn entry(&self, conversation: usize, seq: u64) -> Entry {
        self.conversations[conversation].log[usize::try_from(seq).unwrap_or(usize::MAX) - 1].clone()
    }

    /// Waits until all is quiet, syncs everything a last time, and writes down what was recorded.
    fn end(mut self) -> Vec<Line> {
        self.quiet();
        for client in 0..self.clients.len() {
            self.catch_up(client);
        }
        self.quiet();
        for client in 0..self.clients.len() {
            for conversation in 0..self.conversations.len() {
                self.sync(client, conversation, true);
            }
        }
        self.quiet();
        for client in 0..self.clients.len() {
            self.close(client, true);
        }
        let closed = std::mem::take(&mut self.pending.closed);
        self.lines.retain(|(at, line)| {
            let session = match line {
                Line::Message { session, .. } | Line::Head { session, .. } | Line::Page { session, .. } => {
                    session
                }
                Line::Sent { session, .. }
                | Line::Refused { session, .. }
                | Line::Changed { session, .. } => session,
                Line::Members { session, .. } | Line::Receipt { session, .. } => session,
                _ => return true,
            };
            // What was on its way when a connection broke never came.
            closed.get(session).is_none_or(|closed| at < closed)
        });
        self.lines.sort_by_key(|(at, _)| *at);
        let recorder = Line::Recorder { name: "world".into(), format: FORMAT };
        let lines = std::mem::take(&mut self.lines).into_iter().map(|(_, line)| line);
        let logged = std::mem::take(&mut self.logged);
        let end = Line::LogEnd { at: self.now };
        std::iter::once(recorder).chain(lines).chain(logged).chain([end]).collect()
    }

    fn quiet(&mut self) {
        self.now += 10 * self.jitter + 10;
        while !self.arrivals.is_empty() {
            self.arrive_until(self.now);
            self.now += 10 * self.jitter + 10;
        }
        let latest = self.clients.iter().map(|client| client.last_heard).max();
        self.now = self.now.max(latest.unwrap_or_default()) + 1;
    }
}

fn digest(text: &str) -> Digest {
    Digest::of(text.as_bytes())
}
