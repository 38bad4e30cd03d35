//! What is known of each message, by its key.

use std::collections::hash_map::Entry as Slot;
use std::collections::{HashMap, HashSet};

use super::entries::Entries;
use crate::History;
use crate::history::{Attempt, Digest, Nanos, Outcome};

/// What makes a message the same message: conversation, sender, client message id.
pub(crate) type Key = (u32, u32, u128);

/// All attempts of one key taken together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts {
    /// The first attempt.
    pub(crate) first: u32,
    /// Before the bytes of the first attempt left.
    pub(crate) begun: Nanos,
    /// What was sent.
    pub(crate) body: Digest,
    /// How many attempts there were.
    pub(crate) attempts: u32,
    /// Whether every attempt was refused.
    pub(crate) refused: bool,
    /// The first acknowledgement, and when it came.
    pub(crate) sent: Option<(u64, Nanos)>,
    /// Another position in another acknowledgement.
    pub(crate) sent_elsewhere: Option<u64>,
    /// Where it stands: as acknowledged, or else as seen.
    pub(crate) seq: Option<u64>,
    /// Another position where it was seen.
    pub(crate) seen_elsewhere: Option<u64>,
}

/// The facts by key.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    all: HashMap<Key, Facts>,
    /// Attempts after the first one of their key, with the session that made them.
    resends: HashSet<(u32, Key)>,
}

impl Keys {
    pub(super) fn of(history: &History) -> Self {
        let mut keys = HashMap::with_capacity(history.attempts.len());
        let mut resends = HashSet::new();
        for (number, attempt) in (0..).zip(&history.attempts) {
            let user = history.sessions[attempt.session as usize].user;
            let key = (attempt.conversation, user, attempt.client);
            let facts = match keys.entry(key) {
                Slot::Vacant(slot) => slot.insert(Facts::of(number, attempt)),
                Slot::Occupied(slot) => {
                    resends.insert((attempt.session, key));
                    slot.into_mut()
                }
            };
            if attempt.at < facts.begun {
                (facts.begun, facts.first) = (attempt.at, number);
            }
            facts.attempts += 1;
            facts.refused &= attempt.outcome == Outcome::Refused;
            if let Outcome::Sent(seq) = attempt.outcome {
                facts.acknowledged(seq, attempt.answered);
            }
        }
        Self { all: keys, resends }
    }

    /// Learns where messages stand from those who saw them.
    pub(super) fn place(&mut self, entries: &mut Entries) {
        for entry in entries.all.iter_mut().filter(|entry| !entry.divergent && entry.body.is_some()) {
            let Some((user, client)) = entry.author else { continue };
            if let Some(facts) = self.all.get_mut(&(entry.conversation, user, client)) {
                entry.begun = Some(facts.begun);
                match facts.seq {
                    None => facts.seq = Some(entry.seq),
                    Some(seq) if seq != entry.seq => facts.seen_elsewhere = Some(entry.seq),
                    Some(_) => {}
                }
            }
        }
    }

    /// What is known of a key.
    pub(crate) fn get(&self, key: Key) -> Option<&Facts> {
        self.all.get(&key)
    }

    /// Whether this session made any attempt of a key.
    pub(crate) fn sent_by(&self, session: u32, key: Key, history: &History) -> bool {
        let first = self.all.get(&key).map(|facts| history.attempts[facts.first as usize].session);
        first == Some(session) || self.resends.contains(&(session, key))
    }

    /// All keys, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Key, &Facts)> {
        self.all.iter()
    }
}

impl Facts {
    fn of(number: u32, attempt: &Attempt) -> Self {
        Self {
            first: number,
            begun: attempt.at,
            body: attempt.body,
            attempts: 0,
            refused: true,
            sent: None,
            sent_elsewhere: None,
            seq: None,
            seen_elsewhere: None,
        }
    }

    fn acknowledged(&mut self, seq: u64, at: Nanos) {
        match &mut self.sent {
            None => {
                self.sent = Some((seq, at));
                self.seq = Some(seq);
            }
            Some((first, _)) if *first != seq => self.sent_elsewhere = Some(seq),
            Some((_, earliest)) => *earliest = at.min(*earliest),
        }
    }
}
