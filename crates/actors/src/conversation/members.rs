//! Creating groups, letting changes wait for their turn, and who is in a conversation.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use causerie_protocol::frame::down::{
    self, Change as Changed, ConversationKind, Done, EntryKind, HistoryAccess, MEMBERSHIP_CONTENT_TYPE,
    Membership, OneConversation, Role,
};
use causerie_protocol::frame::{Down, ErrorCode};
use causerie_protocol::{Body, ClientMessageId, Seq, Title, UserId};
use causerie_store::model::{ConversationRow, MemberRow, Projection};
use causerie_store::{Batch, Entry};

use super::batch::{author, direct_projections, ready};
use super::dedupe::Fingerprint;
use super::effect::{Answer, Effect};
use super::handle::{Env, not_found, refuse};
use super::input::{Change, Create, Origin};
use super::state::{Conversation, InFlight, Waiting};
use crate::metrics::Limit;
use crate::reply::Reply;
use crate::rules::Verdict;

/// Membership entries of one batch, as they are put together.
pub(super) struct Draft<'a> {
    pub(super) origin: &'a Origin,
    pub(super) batch: Batch,
    pub(super) fingerprints: Vec<Fingerprint>,
    pub(super) removed: Vec<UserId>,
}

impl Conversation {
    /// Lets a change wait for its turn, or refuses it.
    pub(super) fn admit_change(
        &mut self,
        origin: Arc<Origin>,
        change: Change,
        reply: Reply,
        env: &Env<'_>,
        effects: &mut Vec<Effect>,
    ) {
        if self.membership(&origin.user).is_none() {
            return not_found(reply, effects);
        }
        if self.is_full(env) {
            return refuse_full(reply, effects);
        }
        self.queue.push_back(Waiting::Change(origin, change, reply, env.now));
    }

    /// Lets a creation wait for its turn.
    pub(super) fn admit_create(
        &mut self,
        origin: Arc<Origin>,
        create: Create,
        reply: Reply,
        env: &Env<'_>,
        effects: &mut Vec<Effect>,
    ) {
        if self.row.is_some() && self.membership(&origin.user).is_none() {
            return not_found(reply, effects);
        }
        if self.is_full(env) {
            return refuse_full(reply, effects);
        }
        self.queue.push_back(Waiting::Create(origin, create, reply, env.now));
    }

    fn is_full(&self, env: &Env<'_>) -> bool {
        self.queue.len() >= env.settings.conversation_queue
    }

    /// Turns a creation into a batch; an existing conversation is answered as it is.
    pub(super) fn draft_create(
        &mut self,
        origin: &Arc<Origin>,
        create: Create,
        reply: Reply,
        env: &Env<'_>,
        effects: &mut Vec<Effect>,
    ) -> Option<(Batch, InFlight)> {
        if self.row.is_some() {
            match self.describe(&origin.user) {
                Some(conversation) => {
                    let created = OneConversation { id: reply.id().cloned(), conversation };
                    effects.push(Effect::Answer(reply, Box::new(Down::Created(Box::new(created)))));
                }
                None => not_found(reply, effects),
            }
            return None;
        }
        let kind = if matches!(create, Create::Direct(_)) {
            ConversationKind::Direct
        } else {
            ConversationKind::Group
        };
        let others: BTreeSet<UserId> = match &create {
            Create::Direct(user) => [user.clone()].into(),
            Create::Group { members, .. } => {
                members.iter().filter(|user| **user != origin.user).cloned().collect()
            }
        };
        if kind == ConversationKind::Direct && !self.blocked_by.is_empty() {
            refuse(reply, ErrorCode::Forbidden, "One of you has blocked the other.", effects);
            return None;
        }
        if let Some(why) = self.denied(&origin.user, &others, kind, env) {
            refuse(reply, ErrorCode::Forbidden, why, effects);
            return None;
        }
        match create {
            Create::Direct(user) => {
                let projections = direct_projections(&origin.user, &user, env);
                let batch = Batch {
                    conversation: self.id,
                    epoch: env.epoch?,
                    entries: Vec::new(),
                    projections,
                    check_keys: false,
                };
                Some(ready(batch, vec![self.created(reply)], Vec::new(), Vec::new()))
            }
            Create::Group { title, history, client_id, .. } => {
                self.draft_group(origin, (title, history, client_id), others, reply, env, effects)
            }
        }
    }

    fn draft_group(
        &mut self,
        origin: &Origin,
        (title, history, client_id): (Title, HistoryAccess, ClientMessageId),
        others: BTreeSet<UserId>,
        reply: Reply,
        env: &Env<'_>,
        effects: &mut Vec<Effect>,
    ) -> Option<(Batch, InFlight)> {
        let limit = env.settings.group_members;
        if others.len() >= limit {
            effects.push(Effect::LimitHit(Limit::GroupMembers));
            refuse(reply, ErrorCode::TooLarge, format!("A group has at most {limit} members."), effects);
            return None;
        }
        let mut draft = self.membership_draft(origin, env)?;
        let mut users = vec![origin.user.clone()];
        users.extend(others);
        draft.batch.projections.push(Projection::Conversation(ConversationRow {
            kind: ConversationKind::Group,
            created_by: origin.user.clone(),
            with: None,
            created: env.wall.0,
            title: Some(title.clone()),
            history,
            member_count: u32::try_from(users.len()).unwrap_or(u32::MAX),
        }));
        for user in &users {
            let role = if *user == origin.user { Role::Owner } else { Role::Member };
            draft
                .batch
                .projections
                .push(Projection::Member(user.clone(), MemberRow { role, join_seq: Seq(1), first: Seq(1) }));
        }
        let body =
            Membership { title: Some(title), history: Some(history), ..membership(Changed::Created, users) };
        if !self.add_entry(&mut draft, &body, Some(client_id), env) {
            refuse(reply, ErrorCode::Unavailable, "The node has no message ids at the moment.", effects);
            return None;
        }
        let answer = self.created(reply);
        Some(ready(draft.batch, vec![answer], draft.fingerprints, draft.removed))
    }

    /// The answer to a creation; it is filled in when the conversation exists.
    fn created(&self, reply: Reply) -> Answer {
        let placeholder = Down::Ok(Done { id: None, seq: None });
        Answer::Frame(reply, Box::new(placeholder))
    }

    /// Fills in what answers say of a conversation that exists by now.
    pub(super) fn finish_answers(&self, replies: Vec<Answer>) -> Vec<Answer> {
        let fill = |answer| match answer {
            Answer::Frame(reply, frame) => {
                let user = self.row.as_ref().map(|row| &row.created_by);
                match user.and_then(|user| self.describe(user)) {
                    Some(conversation) => {
                        let created = OneConversation { id: reply.id().cloned(), conversation };
                        Answer::Frame(reply, Box::new(Down::Created(Box::new(created))))
                    }
                    None => Answer::Frame(reply, frame),
                }
            }
            other => other,
        };
        replies.into_iter().map(fill).collect()
    }

    pub(super) fn denied(
        &self,
        by: &UserId,
        users: &BTreeSet<UserId>,
        kind: ConversationKind,
        env: &Env<'_>,
    ) -> Option<String> {
        users.iter().find_map(|user| match env.rules.may_add(by, user, kind) {
            Verdict::Allow => None,
            Verdict::Deny(why) => Some(why),
        })
    }

    pub(super) fn membership_draft<'a>(&self, origin: &'a Origin, env: &Env<'_>) -> Option<Draft<'a>> {
        let batch = Batch {
            conversation: self.id,
            epoch: env.epoch?,
            entries: Vec::new(),
            projections: Vec::new(),
            check_keys: false,
        };
        Some(Draft { origin, batch, fingerprints: Vec::new(), removed: Vec::new() })
    }

    pub(super) fn add_entry(
        &self,
        draft: &mut Draft<'_>,
        body: &Membership,
        key: Option<ClientMessageId>,
        env: &Env<'_>,
    ) -> bool {
        let tail = draft.batch.entries.last().or(self.last.as_ref()).map(|entry| entry.message_id);
        let Some(message_id) = env.ids.lock().next(env.wall, tail) else { return false };
        let seq = Seq(self.head.0 + draft.batch.entries.len() as u64 + 1);
        let (from, device) = author(draft.origin);
        // A change has no client id of its own; its message id is as unique.
        let derived = || {
            ClientMessageId(
                uuid::Builder::from_custom_bytes((u128::from(message_id.0)).to_be_bytes()).into_uuid(),
            )
        };
        let client_message_id = key.unwrap_or_else(derived);
        draft.fingerprints.push(Fingerprint::of(&from, client_message_id));
        let body = serde_json::to_value(body).expect("a membership body has text keys and always serializes");
        let kind = EntryKind::Membership;
        draft.batch.entries.push(Entry {
            seq,
            message_id,
            kind,
            from,
            device,
            client_message_id,
            body: Body::json(&body),
        });
        true
    }

    /// Answers with a page of members, by user id.
    pub(super) fn list_members(
        &self,
        user: &UserId,
        after: Option<&UserId>,
        limit: usize,
        reply: Reply,
        effects: &mut Vec<Effect>,
    ) {
        if self.membership(user).is_none() {
            return not_found(reply, effects);
        }
        let mut users: Vec<_> =
            self.members.keys().filter(|user| after.is_none_or(|after| *user > after)).collect();
        let more = users.len() > limit;
        if more {
            users.select_nth_unstable(limit);
            users.truncate(limit);
        }
        users.sort_unstable();
        let counts = self.members.len() <= causerie_protocol::limits::RECEIPT_MEMBERS;
        let item = |listed: &UserId| {
            let member = self.members.get(listed)?;
            let cursor = if counts || listed == user { member.cursor } else { Default::default() };
            let (role, join_seq) = (member.row.role, member.row.join_seq);
            Some(down::Member {
                user: listed.clone(),
                role,
                join_seq,
                delivered: cursor.delivered,
                read: cursor.read,
            })
        };
        let items: Vec<_> = users.into_iter().filter_map(item).collect();
        let next = if more { items.last().map(|member| member.user.clone()) } else { None };
        let page = down::Page::Members { id: reply.id().cloned(), items, next };
        effects.push(Effect::Answer(reply, Box::new(Down::Page(page))));
    }
}

fn refuse_full(reply: Reply, effects: &mut Vec<Effect>) {
    effects.push(Effect::LimitHit(Limit::ConversationQueue));
    refuse(reply, ErrorCode::Busy, "This conversation has too many changes waiting.", effects);
}

pub(super) fn membership(change: Changed, users: Vec<UserId>) -> Membership {
    let content_type = Cow::Borrowed(MEMBERSHIP_CONTENT_TYPE);
    Membership { content_type, change, users, role: None, title: None, history: None }
}
