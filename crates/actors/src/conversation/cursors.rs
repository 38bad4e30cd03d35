//! Delivered and read: cumulative, monotone, kept before they are told.

use causerie_planted::{Bug, planted};
use causerie_protocol::frame::down::Receipt;
use causerie_protocol::frame::{Down, ErrorCode, ErrorFrame};
use causerie_protocol::{Seq, UserId, limits};
use causerie_store::model::{Cursor, CursorUpdate};

use super::effect::Effect;
use super::handle::Env;
use super::input::Origin;
use super::state::Conversation;

impl Conversation {
    /// A device has received and read up to here.
    pub(super) fn cursor(&mut self, origin: &Origin, delivered: Seq, read: Seq, effects: &mut Vec<Effect>) {
        let problem = match self.members.get(&origin.user) {
            None => Some((ErrorCode::NotFound, "There is no such conversation, or you are not in it.")),
            Some(_) if delivered.max(read) > self.head => {
                Some((ErrorCode::InvalidFrame, "The position is above the last message of the conversation."))
            }
            Some(_) => None,
        };
        if let Some((code, message)) = problem {
            if let Some(connection) = &origin.connection {
                let frame = Down::Error(ErrorFrame::new(None, code, message));
                effects.push(Effect::Notice(connection.clone(), Box::new(frame)));
            }
            return;
        }
        let cursor = Cursor::default().max(Cursor { delivered, read });
        let waiting = self.cursors.entry((origin.user.clone(), origin.device.clone())).or_default();
        *waiting = waiting.max(cursor);
    }

    /// Puts the cursors that wait on their way, one batch at a time and not too often.
    pub(super) fn store_cursors(&mut self, env: &Env<'_>, effects: &mut Vec<Effect>) {
        let too_soon = self.cursors_stored.is_some_and(|at| env.now < at + env.settings.cursor_interval);
        if self.cursors.is_empty() || !self.cursors_in_flight.is_empty() || too_soon {
            return;
        }
        // Who is being removed has none to keep: it would outlive the removal.
        if let Some(in_flight) = &self.in_flight {
            self.cursors.retain(|(user, _), _| !in_flight.removed.contains(user));
        }
        if self.cursors.is_empty() {
            return;
        }
        self.cursors_stored = Some(env.now);
        let taken = std::mem::take(&mut self.cursors);
        self.cursors_in_flight =
            taken.into_iter().map(|((user, device), cursor)| (user, device, cursor)).collect();
        self.cursors_in_flight.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
        let update = |(user, device, cursor): &(UserId, _, _)| CursorUpdate {
            conversation: self.id,
            user: user.clone(),
            device: causerie_protocol::DeviceId::clone(device),
            cursor: *cursor,
        };
        effects.push(Effect::StoreCursors(self.cursors_in_flight.iter().map(update).collect()));
    }

    /// Tells what is kept by now, or lets it wait for another try.
    pub(super) fn cursors_stored(&mut self, stored: bool, effects: &mut Vec<Effect>) {
        for (user, device, cursor) in std::mem::take(&mut self.cursors_in_flight) {
            let Some(member) = self.members.get_mut(&user) else { continue };
            if !stored {
                let waiting = self.cursors.entry((user, device)).or_default();
                *waiting = waiting.max(cursor);
                continue;
            }
            let before = member.cursor;
            member.cursor = if planted(Bug::CursorBack) { cursor } else { before.max(cursor) };
            if member.cursor == before {
                continue;
            }
            let receipt = Receipt {
                conversation: self.id,
                user: user.clone(),
                delivered: member.cursor.delivered,
                read: member.cursor.read,
            };
            effects.push(Effect::Receipt(receipt, self.interested(&user, before)));
        }
    }

    /// Who is told how far a user is: the user itself, and those whose messages the step covers.
    fn interested(&self, user: &UserId, before: Cursor) -> Vec<UserId> {
        let counts = self.members.len() <= limits::RECEIPT_MEMBERS;
        let writes = |(other, member): &(&UserId, &super::state::Member)| {
            *other == user
                || self.is_direct()
                || (counts && member.last_sent > before.read.min(before.delivered))
        };
        self.members.iter().filter(writes).map(|(other, _)| other.clone()).collect()
    }
}
