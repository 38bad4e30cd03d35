//! Admitting, deduplicating and numbering messages, and what follows from a commit.

use std::time::Duration;

use causerie_planted::{Bug, planted};
use causerie_protocol::frame::down::{ConversationKind, EntryKind, HistoryAccess};
use causerie_protocol::frame::{Down, ErrorCode, ErrorFrame};
use causerie_protocol::{Seq, UserId};
use causerie_store::committed::AppendResult;
use causerie_store::model::{ConversationRow, Projection};
use causerie_store::port::messages::AppendError;
use causerie_store::{Batch, Entry, Epoch};

use super::dedupe::Fingerprint;
use super::effect::{Answer, Delivery, Effect};
use super::handle::{Env, not_found, refuse};
use super::input::{Origin, SendRequest};
use super::resend::{answer_resend, is_settled};
use super::state::{Conversation, DIRECT_MEMBER, InFlight, Known, Member, Numbered, Waiting, WaitingSend};
use crate::metrics::Limit;
use crate::reply::Reply;
use crate::rules::{SendContext, Verdict};

/// Every sender may have this many sends waiting, however full the queue is of others'.
const FAIR_SHARE_MIN: usize = 32;

/// A batch as it is put together.
struct Draft {
    batch: Batch,
    replies: Vec<Answer>,
    fingerprints: Vec<Fingerprint>,
    removed: Vec<UserId>,
    sends: Vec<Numbered>,
    bytes: usize,
}

impl Conversation {
    /// Lets a message wait for its turn, or refuses it.
    pub(super) fn admit(&mut self, request: SendRequest, env: &Env<'_>, effects: &mut Vec<Effect>) {
        let user = &request.from.user;
        let known = self.row.is_some() || request.to.is_some();
        if !known {
            return not_found(request.reply, effects);
        }
        if let Err(wait) = self.sends.take(env.now) {
            effects.push(Effect::LimitHit(Limit::ConversationSends));
            let message = "This conversation gets messages faster than it may.";
            let frame =
                ErrorFrame::new(request.reply.id().cloned(), ErrorCode::RateLimited, message).after_ms(wait);
            return effects.push(Effect::Answer(request.reply, Box::new(Down::Error(frame))));
        }
        let (limit, mine) = (env.settings.conversation_queue, self.queued.get(user).copied().unwrap_or(0));
        let share = (limit / (self.queued.len() + 1)).max(FAIR_SHARE_MIN);
        if self.queue.len() >= limit || (self.queue.len() > limit / 2 && mine >= share) {
            effects.push(Effect::LimitHit(Limit::ConversationQueue));
            return refuse(
                request.reply,
                ErrorCode::Busy,
                "This conversation has too many messages waiting.",
                effects,
            );
        }
        *self.queued.entry(user.clone()).or_default() += 1;
        let fingerprint = Fingerprint::of(user, request.client_message_id);
        self.queue.push_back(Waiting::Send(Box::new(WaitingSend {
            request,
            fingerprint,
            known: Known::Unknown,
        })));
        if planted(Bug::SendsReversed) {
            self.queue.rotate_right(1);
        }
    }

    /// Answers what is known, asks for what is not, and puts the next batch on its way if none is.
    pub(super) fn pump(&mut self, env: &Env<'_>, effects: &mut Vec<Effect>) {
        self.ask(effects);
        if self.in_flight.is_some() || self.queue.is_empty() {
            return;
        }
        let Some(epoch) = env.epoch else {
            return self.give_up_queue(effects);
        };
        let mut draft = Draft::new(self.id, epoch);
        while let Some(waiting) = self.queue.pop_front() {
            match waiting {
                Waiting::Send(send) if is_settled(&self.recent, &send) => {
                    if draft.is_full(&send) || draft.fingerprints.contains(&send.fingerprint) {
                        self.queue.push_front(Waiting::Send(send));
                        break;
                    }
                    self.number(*send, &mut draft, env, effects);
                }
                Waiting::Send(send) => {
                    self.queue.push_front(Waiting::Send(send));
                    break;
                }
                // A membership entry has a batch of its own, so that one encoding serves all its readers.
                other if !draft.replies.is_empty() => {
                    self.queue.push_front(other);
                    break;
                }
                Waiting::Change(origin, change, reply, _) => {
                    if let Some(draft) = self.draft_change(&origin, change, reply, env, effects) {
                        return self.put_under_way(draft, env, effects);
                    }
                }
                Waiting::Create(origin, create, reply, _) => {
                    if let Some(draft) = self.draft_create(&origin, create, reply, env, effects) {
                        return self.put_under_way(draft, env, effects);
                    }
                }
                Waiting::Erase(user, reply) => self.erase(user, reply, effects),
            }
        }
        if !draft.replies.is_empty() {
            self.put_under_way(draft.done(), env, effects);
        }
    }

    /// Gives a message its position, or answers it.
    fn number(&mut self, send: WaitingSend, draft: &mut Draft, env: &Env<'_>, effects: &mut Vec<Effect>) {
        let WaitingSend { request, fingerprint, known } = send;
        self.dequeued(&request.from.user);
        if let Known::Existing(entry) = known {
            return answer_resend(self.id, request, &entry, effects);
        }
        if let Err((code, message)) = self.permission(&request, env) {
            return refuse(request.reply, code, message, effects);
        }
        let tail = draft.batch.entries.last().or(self.last.as_ref()).map(|entry| entry.message_id);
        let Some(message_id) = env.ids.lock().next(env.wall, tail) else {
            let message = "The node has no message ids at the moment.";
            return refuse(request.reply, ErrorCode::Unavailable, message, effects);
        };
        if self.row.is_none() && draft.batch.projections.is_empty() {
            let Some(to) = &request.to else { return not_found(request.reply, effects) };
            draft.batch.projections = direct_projections(&request.from.user, to, env);
        }
        let seq = Seq(self.head.0 + draft.batch.entries.len() as u64 + 1);
        draft.bytes += request.body.as_json().len();
        draft.fingerprints.push(fingerprint);
        draft.batch.check_keys |= self.recent.may_be_older(request.client_message_id);
        draft.batch.entries.push(Entry {
            seq,
            message_id,
            kind: EntryKind::Message,
            from: request.from.user.clone(),
            device: request.from.device.clone(),
            client_message_id: request.client_message_id,
            body: request.body,
        });
        draft.replies.push(Answer::Sent(request.reply));
        draft.sends.push(Numbered { origin: request.from, since: request.since, permit: request.bytes });
    }

    /// May this message be written here now?
    fn permission(&self, request: &SendRequest, env: &Env<'_>) -> Result<(), (ErrorCode, String)> {
        let user = &request.from.user;
        let absent =
            || (ErrorCode::NotFound, "There is no such conversation, or you are not in it.".to_owned());
        let (kind, role, peer) = match &self.row {
            Some(row) => {
                let member = self.members.get(user).ok_or_else(absent)?;
                (row.kind, member.row.role, row.peer(user))
            }
            None => {
                (ConversationKind::Direct, DIRECT_MEMBER.role, Some(request.to.as_ref().ok_or_else(absent)?))
            }
        };
        if kind == ConversationKind::Direct && !self.blocked_by.is_empty() {
            let whose = if self.blocked_by.contains(user) {
                "You have blocked this user."
            } else {
                "This user does not accept your messages."
            };
            return Err((ErrorCode::Forbidden, whose.to_owned()));
        }
        if self.row.is_none()
            && let Some(to) = peer
            && let Verdict::Deny(why) = env.rules.may_add(user, to, kind)
        {
            return Err((ErrorCode::Forbidden, why));
        }
        let context = SendContext {
            conversation: self.id,
            kind,
            from: user,
            device: &request.from.device,
            role,
            to: peer,
            body: &request.body,
        };
        match env.rules.may_send(&context) {
            Verdict::Allow => Ok(()),
            Verdict::Deny(why) => Err((ErrorCode::Forbidden, why)),
        }
    }

    pub(super) fn put_under_way(
        &mut self,
        (batch, mut in_flight): (Batch, InFlight),
        env: &Env<'_>,
        effects: &mut Vec<Effect>,
    ) {
        in_flight.since = env.now;
        self.in_flight = Some(in_flight);
        effects.push(Effect::Append(batch));
    }

    /// Takes in how an append ended.
    pub(super) fn appended(&mut self, result: AppendResult, effects: &mut Vec<Effect>) {
        let Some(mut in_flight) = self.in_flight.take() else { return };
        match result {
            Ok(committed) => {
                let batch = committed.batch();
                for (entry, fingerprint) in batch.entries.iter().zip(&in_flight.fingerprints) {
                    self.recent.push(entry.seq, *fingerprint, entry.client_message_id);
                    if let Some(member) = self.members.get_mut(&entry.from) {
                        member.last_sent = entry.seq;
                    }
                }
                if let Some(last) = batch.entries.last() {
                    self.head = last.seq;
                    self.last = Some(last.clone());
                }
                self.project(&batch.projections);
                let replies = self.finish_answers(in_flight.replies);
                effects.push(Effect::Deliver(Delivery { committed, replies, also: in_flight.removed }));
            }
            // A second attempt that is refused says nothing of the first.
            Err((batch, AppendError::Refused(_) | AppendError::Exists(_))) if in_flight.doubtful => {
                in_flight.again = Some(batch);
                self.in_flight = Some(in_flight);
            }
            Err((_, AppendError::Refused(why))) => {
                for answer in in_flight.replies {
                    if let Some(reply) = answer.into_reply() {
                        refuse(
                            reply,
                            ErrorCode::Unavailable,
                            format!("The message was not stored: {why}."),
                            effects,
                        );
                    }
                }
            }
            Err((batch, AppendError::Exists(existing))) => self.number_anew(batch, in_flight, &existing),
            Err((batch, AppendError::Unknown(_))) => {
                in_flight.doubtful = true;
                in_flight.again = Some(batch);
                self.in_flight = Some(in_flight);
            }
        }
    }

    /// Applies what follows from a batch to what is known here.
    fn project(&mut self, projections: &[Projection]) {
        for projection in projections {
            match projection {
                Projection::Conversation(row) => self.row = Some(row.clone()),
                Projection::Member(user, row) => {
                    let member = Member {
                        row: *row,
                        cursor: causerie_store::model::Cursor::default(),
                        last_sent: Seq::ZERO,
                    };
                    self.members.entry(user.clone()).or_insert(member).row = *row;
                }
                Projection::Removed(user) => {
                    self.members.swap_remove(user);
                    self.cursors.retain(|(owner, _), _| owner != user);
                }
            }
        }
    }
}

/// What begins a direct conversation.
pub(super) fn direct_projections(by: &UserId, with: &UserId, env: &Env<'_>) -> Vec<Projection> {
    let mut projections = vec![
        Projection::Conversation(ConversationRow {
            kind: ConversationKind::Direct,
            created_by: by.clone(),
            with: Some(with.clone()),
            created: env.wall.0,
            title: None,
            history: HistoryAccess::Full,
            member_count: if by == with { 1 } else { 2 },
        }),
        Projection::Member(by.clone(), DIRECT_MEMBER),
    ];
    if by != with {
        projections.push(Projection::Member(with.clone(), DIRECT_MEMBER));
    }
    projections
}

/// A batch that is ready, and what has to be remembered of it.
pub(super) fn ready(
    batch: Batch,
    replies: Vec<Answer>,
    fingerprints: Vec<Fingerprint>,
    removed: Vec<UserId>,
) -> (Batch, InFlight) {
    let in_flight = InFlight {
        replies,
        fingerprints,
        removed,
        sends: Vec::new(),
        since: Duration::ZERO,
        doubtful: false,
        again: None,
    };
    (batch, in_flight)
}

impl Draft {
    fn new(conversation: causerie_protocol::ConversationId, epoch: Epoch) -> Self {
        Self {
            batch: Batch {
                conversation,
                epoch,
                entries: Vec::new(),
                projections: Vec::new(),
                check_keys: false,
            },
            replies: Vec::new(),
            fingerprints: Vec::new(),
            removed: Vec::new(),
            sends: Vec::new(),
            bytes: 0,
        }
    }

    fn is_full(&self, next: &WaitingSend) -> bool {
        let entries = &self.batch.entries;
        entries.len() >= Batch::MAX_ENTRIES
            || (!entries.is_empty() && self.bytes + next.request.body.as_json().len() > Batch::MAX_BYTES)
    }

    fn done(self) -> (Batch, InFlight) {
        let (batch, in_flight) = ready(self.batch, self.replies, self.fingerprints, self.removed);
        (batch, InFlight { sends: self.sends, ..in_flight })
    }
}

impl Answer {
    pub(super) fn into_reply(self) -> Option<Reply> {
        match self {
            Self::Sent(reply) | Self::Done(reply) | Self::Frame(reply, _) => Some(reply),
            Self::Nobody => None,
        }
    }
}

/// Who asks for a change, and on which device, for the entry that it makes.
pub(super) fn author(origin: &Origin) -> (UserId, causerie_protocol::DeviceId) {
    (origin.user.clone(), origin.device.clone())
}
