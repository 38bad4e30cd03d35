//! What waited too long, or waits in vain, is answered.

use std::time::Duration;

use causerie_planted::{Bug, planted};
use causerie_protocol::UserId;
use causerie_protocol::frame::ErrorCode;
use causerie_store::port::ReadError;

use super::effect::Effect;
use super::handle::{Env, refuse};
use super::state::{Conversation, Known, Waiting};
use crate::metrics::Limit;
use crate::reply::Reply;

impl Conversation {
    /// Ends what has waited too long.
    pub(super) fn expire(&mut self, env: &Env<'_>, effects: &mut Vec<Effect>) {
        let late = |since: Duration, limit: Duration| env.now.saturating_sub(since) >= limit;
        let limit = env.settings.send_deadline;
        if self.queue.iter().any(|waiting| waiting.since().is_some_and(|since| late(since, limit))) {
            for waiting in std::mem::take(&mut self.queue) {
                if waiting.since().is_some_and(|since| late(since, limit)) {
                    effects.push(Effect::LimitHit(Limit::SendDeadline));
                    self.refuse_late(waiting, effects);
                } else {
                    self.queue.push_back(waiting);
                }
            }
        }
        if let Some(in_flight) = &mut self.in_flight
            && late(in_flight.since, env.settings.outcome_deadline)
        {
            for answer in std::mem::take(&mut in_flight.replies) {
                let Some(reply) = answer.into_reply() else { continue };
                effects.push(Effect::LimitHit(Limit::OutcomeDeadline));
                let message =
                    "The store does not answer; the message may have been stored. Send it again to learn it.";
                let refuses = planted(Bug::DefiniteWhenUnknown);
                let code = if refuses { ErrorCode::Unavailable } else { ErrorCode::UnknownOutcome };
                refuse(reply, code, message, effects);
            }
        }
    }

    /// A message whose key is in the batch under way may yet be stored by that one.
    fn refuse_late(&mut self, waiting: Waiting, effects: &mut Vec<Effect>) {
        let under_way = self.in_flight.as_ref().is_some_and(|in_flight| match &waiting {
            Waiting::Send(send) => in_flight.fingerprints.contains(&send.fingerprint),
            _ => false,
        });
        let reply = self.taken_out(waiting);
        if under_way {
            let message = "The same message is on its way to the store, which does not answer.";
            refuse(reply, ErrorCode::UnknownOutcome, message, effects);
        } else {
            let message = "The store did not take it in time; nothing was stored.";
            refuse(reply, ErrorCode::Unavailable, message, effects);
        }
    }

    /// Refuses all that waits: this node may not append.
    pub(super) fn give_up_queue(&mut self, effects: &mut Vec<Effect>) {
        for waiting in std::mem::take(&mut self.queue) {
            let message = "This node does not own the conversation at the moment.";
            refuse(self.taken_out(waiting), ErrorCode::Unavailable, message, effects);
        }
    }

    /// Refuses what the store was asked about in vain.
    pub(super) fn refuse_asked(&mut self, error: &ReadError, effects: &mut Vec<Effect>) {
        let code = match error {
            ReadError::Corrupt(_) => ErrorCode::Internal,
            ReadError::Unavailable(_) => ErrorCode::Unavailable,
        };
        for waiting in std::mem::take(&mut self.queue) {
            match waiting {
                Waiting::Send(send) if matches!(send.known, Known::Asked(_)) => {
                    let message = format!("The message was not stored: {error}.");
                    refuse(self.taken_out(Waiting::Send(send)), code, message, effects);
                }
                other => self.queue.push_back(other),
            }
        }
    }

    fn taken_out(&mut self, waiting: Waiting) -> Reply {
        match waiting {
            Waiting::Send(send) => {
                self.dequeued(&send.request.from.user);
                send.request.reply
            }
            Waiting::Change(_, _, reply, _) | Waiting::Create(_, _, reply, _) | Waiting::Erase(_, reply) => {
                reply
            }
        }
    }

    /// One send of this user waits no more.
    pub(super) fn dequeued(&mut self, user: &UserId) {
        if let Some(count) = self.queued.get_mut(user) {
            *count -= 1;
            if *count == 0 {
                self.queued.remove(user);
            }
        }
    }
}

impl Waiting {
    /// Since when it waits, if it may be given up: not while the store is asked about it, whose answers come in order.
    fn since(&self) -> Option<Duration> {
        match self {
            Self::Send(send) => (!matches!(send.known, Known::Asked(_))).then_some(send.request.since),
            Self::Change(.., since) | Self::Create(.., since) => Some(*since),
            Self::Erase(..) => None,
        }
    }
}
