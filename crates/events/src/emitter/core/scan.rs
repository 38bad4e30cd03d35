//! Looking for marks: at the start, when a shard is taken over, and again when something could not be followed.

use std::collections::VecDeque;

use causerie_protocol::ConversationId;
use causerie_store::model::Shard;

/// Which shards are still to be looked at.
#[derive(Debug)]
pub(super) struct Scan {
    shards: Vec<Shard>,
    left: VecDeque<(Shard, Option<ConversationId>)>,
    asked: usize,
    /// Something could not be read: it is not asked again at once.
    paused: bool,
    /// Conversations were not followed since the last scan began.
    again: bool,
}

impl Scan {
    pub(super) fn new(shards: Vec<Shard>) -> Self {
        let left = shards.iter().map(|shard| (*shard, None)).collect();
        Self { shards, left, asked: 0, paused: false, again: false }
    }

    /// What to ask for next, if there is room for what comes: for `room` more conversations, in pages of
    /// this size.
    pub(super) fn next(&mut self, page: usize, room: usize) -> Option<(Shard, Option<ConversationId>)> {
        if self.paused || room < (self.asked + 1) * page {
            return None;
        }
        if self.left.is_empty() && self.asked == 0 && self.again {
            self.again = false;
            self.left = self.shards.iter().map(|shard| (*shard, None)).collect();
        }
        let next = self.left.pop_front()?;
        self.asked += 1;
        Some(next)
    }

    /// A page was answered; `after` is where its shard goes on, if it does.
    pub(super) fn answered(&mut self, shard: Shard, after: Option<ConversationId>) {
        self.asked -= 1;
        if after.is_some() {
            self.left.push_front((shard, after));
        }
    }

    /// A page could not be read.
    pub(super) fn failed(&mut self, shard: Shard, after: Option<ConversationId>) {
        self.asked -= 1;
        self.paused = true;
        self.left.push_back((shard, after));
    }

    /// Some time has passed.
    pub(super) fn resume(&mut self) {
        self.paused = false;
    }

    /// A shard is owned from now on.
    pub(super) fn add(&mut self, shard: Shard) {
        self.left.push_back((shard, None));
    }

    /// Something could not be followed.
    pub(super) fn again(&mut self) {
        self.again = true;
    }

    /// Whether all marks were seen.
    pub(super) fn done(&self) -> bool {
        self.left.is_empty() && self.asked == 0 && !self.again
    }
}
