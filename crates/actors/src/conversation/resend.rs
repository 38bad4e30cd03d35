//! Whether a message was stored before: one key has one position, however often it is sent.

use causerie_protocol::ConversationId;
use causerie_protocol::Seq;
use causerie_protocol::frame::down::Sent;
use causerie_protocol::frame::{Down, ErrorCode};
use causerie_store::port::ReadError;
use causerie_store::{Batch, Entry};

use super::dedupe::Recent;
use super::effect::Effect;
use super::handle::refuse;
use super::input::SendRequest;
use super::state::{Conversation, InFlight, Known, Waiting, WaitingSend};

impl Conversation {
    /// Asks the store for the keys that can neither be found nor excluded here.
    pub(super) fn ask(&mut self, effects: &mut Vec<Effect>) {
        if self.finding > 0 || (self.recent.floor() == Seq::ZERO && self.recent.is_empty()) {
            return;
        }
        let (recent, mut keys) = (&self.recent, Vec::new());
        for waiting in &mut self.queue {
            let Waiting::Send(send) = waiting else { continue };
            if keys.len() < Batch::MAX_ENTRIES && needs_asking(recent, send) {
                send.known = Known::Asked(self.head);
                keys.push((send.request.from.user.clone(), send.request.client_message_id));
            }
        }
        if !keys.is_empty() {
            self.finding = keys.len();
            effects.push(Effect::Find(keys));
        }
    }

    /// Takes in what the store has of the keys that it was asked for, in their order.
    pub(super) fn found(&mut self, found: Result<Vec<Option<Entry>>, ReadError>, effects: &mut Vec<Effect>) {
        self.finding = 0;
        let mut answers = match found {
            Ok(entries) => entries.into_iter(),
            Err(error) => return self.refuse_asked(&error, effects),
        };
        for waiting in &mut self.queue {
            let Waiting::Send(send) = waiting else { continue };
            if let Known::Asked(head) = send.known
                && let Some(answer) = answers.next()
            {
                // What was committed while the store looked may have been missed: the head of the question counts.
                send.known = answer.map_or(Known::NewAt(head), |entry| Known::Existing(Box::new(entry)));
            }
        }
    }

    /// Nothing of the batch was stored, since the keys of `existing` are in the log already. All its messages wait again,
    /// in their order; those are resends, whatever their attempt says.
    pub(super) fn number_anew(&mut self, batch: Batch, in_flight: InFlight, existing: &[usize]) {
        let InFlight { replies, fingerprints, sends, .. } = in_flight;
        let messages = batch.entries.into_iter().zip(replies).zip(fingerprints.into_iter().zip(sends));
        for (at, ((entry, answer), (fingerprint, send))) in messages.enumerate().rev() {
            let Some(reply) = answer.into_reply() else { continue };
            *self.queued.entry(entry.from).or_default() += 1;
            let request = SendRequest {
                reply,
                from: send.origin,
                to: None,
                client_message_id: entry.client_message_id,
                attempt: u32::from(existing.contains(&at)),
                body: entry.body,
                since: send.since,
                bytes: send.permit,
            };
            let waiting = WaitingSend { request, fingerprint, known: Known::Unknown };
            self.queue.push_front(Waiting::Send(Box::new(waiting)));
        }
    }
}

/// Whether it is known if the message is new, or the store will see.
pub(super) fn is_settled(recent: &Recent, send: &WaitingSend) -> bool {
    !matches!(send.known, Known::Asked(_)) && !needs_asking(recent, send)
}

/// A key that is among the last ones may be this very message. One that is not there may be older than they are: a resend
/// is asked for, and for the rest the store looks when it writes, so that nobody has to be believed.
fn needs_asking(recent: &Recent, send: &WaitingSend) -> bool {
    let here = recent.position(send.fingerprint);
    match send.known {
        Known::Asked(_) | Known::Existing(_) => false,
        // Something with this fingerprint was committed since the store was asked.
        Known::NewAt(head) => here.is_some_and(|seq| seq > head),
        Known::Unknown => here.is_some() || (send.request.attempt > 0 && recent.floor() > Seq::ZERO),
    }
}

/// The same message gets the same answer; another one under the same key is a mistake of the client.
pub(super) fn answer_resend(
    conversation: ConversationId,
    request: SendRequest,
    entry: &Entry,
    effects: &mut Vec<Effect>,
) {
    if entry.body != request.body && entry.body.content().ok() != request.body.content().ok() {
        let message = "Another message was sent with this client_message_id; nothing was stored.";
        return refuse(request.reply, ErrorCode::Conflict, message, effects);
    }
    let sent = Sent {
        id: request.reply.id().cloned(),
        conversation,
        client_message_id: entry.client_message_id,
        seq: entry.seq,
        message_id: entry.message_id,
        time: entry.time(),
    };
    effects.push(Effect::Answer(request.reply, Box::new(Down::Sent(sent))));
}
