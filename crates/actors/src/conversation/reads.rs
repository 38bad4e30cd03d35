//! Pages of messages: what to read, as of the head at the time of the question.

use causerie_planted::{Bug, planted};
use causerie_protocol::frame::ErrorCode;
use causerie_protocol::{Seq, UserId};

use super::effect::{Effect, Read};
use super::handle::{Env, not_found, refuse};
use super::state::Conversation;
use crate::reply::Reply;

impl Conversation {
    /// Messages after a position, oldest first.
    pub(super) fn sync(
        &self,
        user: &UserId,
        after: Seq,
        limit: usize,
        reply: Reply,
        env: &Env<'_>,
        effects: &mut Vec<Effect>,
    ) {
        let Some((lowest, reply)) = self.readable(user, reply, env, effects) else { return };
        let first = Seq(after.0.saturating_add(first_after(after))).max(lowest);
        let last = if planted(Bug::StaleSync) { Seq(self.head.0 & !7) } else { self.head };
        let head = if planted(Bug::HeadAhead) { last.next() } else { last };
        effects.push(Effect::Read(Read { reply, first, last, limit, back: false, head }));
    }

    /// Messages before a position, the last ones for `None`.
    pub(super) fn history(
        &self,
        user: &UserId,
        before: Option<Seq>,
        limit: usize,
        reply: Reply,
        env: &Env<'_>,
        effects: &mut Vec<Effect>,
    ) {
        let Some((lowest, reply)) = self.readable(user, reply, env, effects) else { return };
        let last = before.map_or(self.head, |before| Seq(before.0.saturating_sub(1)).min(self.head));
        effects.push(Effect::Read(Read { reply, first: lowest, last, limit, back: true, head: self.head }));
    }

    /// The lowest position that a user may read, or the refusal. A head is told only by its owner.
    fn readable(
        &self,
        user: &UserId,
        reply: Reply,
        env: &Env<'_>,
        effects: &mut Vec<Effect>,
    ) -> Option<(Seq, Reply)> {
        if env.epoch.is_none() {
            let message = "This node does not own the conversation at the moment.";
            refuse(reply, ErrorCode::Unavailable, message, effects);
            return None;
        }
        match self.membership(user) {
            Some(first) => Some((first.max(Seq(1)), reply)),
            None if planted(Bug::NoMemberCheck) => Some((Seq(1), reply)),
            None => {
                not_found(reply, effects);
                None
            }
        }
    }
}

/// How far a page begins behind what its reader has: one, unless a bug is planted.
fn first_after(after: Seq) -> u64 {
    match after {
        Seq::ZERO => 1,
        _ if planted(Bug::PageSkips) => 2,
        _ if planted(Bug::PageRepeats) => 0,
        _ => 1,
    }
}
