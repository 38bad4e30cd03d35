//! Creating groups and changing who is in them. Every change is an entry of the log.

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
struct Draft<'a> {
    origin: &'a Origin,
    batch: Batch,
    fingerprints: Vec<Fingerprint>,
    removed: Vec<UserId>,
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
                let batch =
                    Batch { conversation: self.id, epoch: env.epoch?, entries: Vec::new(), projections };
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

    /// Turns a change into a batch, or answers it.
    pub(super) fn draft_change(
        &mut self,
        origin: &Arc<Origin>,
        change: Change,
        reply: Reply,
        env: &Env<'_>,
        effects: &mut Vec<Effect>,
    ) -> Option<(Batch, InFlight)> {
        let Some(role) = self.members.get(&origin.user).map(|member| member.row.role) else {
            not_found(reply, effects);
            return None;
        };
        if self.is_direct() {
            refuse(reply, ErrorCode::Forbidden, "A direct conversation has just its two users.", effects);
            return None;
        }
        let mut draft = self.membership_draft(origin, env)?;
        let made = match change {
            Change::Add(users) => self.add(&mut draft, role, users, env),
            Change::Remove(users) => self.remove(&mut draft, role, users, env),
            Change::Role(user, to) => self.give_role(&mut draft, role, user, to, env),
            Change::Rename(title) => self.rename(&mut draft, role, title, env),
            Change::Leave => self.leave(&mut draft, env),
        };
        match made {
            Ok(()) if draft.batch.entries.is_empty() => {
                let done = Done { id: reply.id().cloned(), seq: None };
                effects.push(Effect::Answer(reply, Box::new(Down::Ok(done))));
                None
            }
            Ok(()) => {
                let mut replies: Vec<_> = draft.batch.entries.iter().map(|_| Answer::Nobody).collect();
                if let Some(last) = replies.last_mut() {
                    *last = Answer::Done(reply);
                }
                Some(ready(draft.batch, replies, draft.fingerprints, draft.removed))
            }
            Err((code, message)) => {
                if code == ErrorCode::TooLarge {
                    // The one thing of a change that has a bound.
                    effects.push(Effect::LimitHit(Limit::GroupMembers));
                }
                refuse(reply, code, message, effects);
                None
            }
        }
    }

    fn add(&self, draft: &mut Draft<'_>, role: Role, users: Vec<UserId>, env: &Env<'_>) -> Refusable {
        need(role >= Role::Admin, "Only admins and the owner add members.")?;
        let new: BTreeSet<_> = users.into_iter().filter(|user| !self.members.contains_key(user)).collect();
        if new.is_empty() {
            return Ok(());
        }
        let limit = env.settings.group_members;
        if self.members.len() + new.len() > limit {
            return Err((ErrorCode::TooLarge, format!("A group has at most {limit} members.")));
        }
        if let Some(why) = self.denied(&draft.origin.user, &new, ConversationKind::Group, env) {
            return Err((ErrorCode::Forbidden, why));
        }
        let seq = self.head.next();
        let full = self.row.as_ref().is_some_and(|row| row.history == HistoryAccess::Full);
        let first = if full { Seq(1) } else { seq };
        self.project_row(draft, |row| row.member_count += u32::try_from(new.len()).unwrap_or(u32::MAX));
        for user in &new {
            let row = MemberRow { role: Role::Member, join_seq: seq, first };
            draft.batch.projections.push(Projection::Member(user.clone(), row));
        }
        self.entry(draft, &membership(Changed::Added, new.into_iter().collect()), env)
    }

    fn remove(&self, draft: &mut Draft<'_>, role: Role, users: Vec<UserId>, env: &Env<'_>) -> Refusable {
        need(role >= Role::Admin, "Only admins and the owner remove members.")?;
        let gone: BTreeSet<_> = users.into_iter().filter(|user| self.members.contains_key(user)).collect();
        if gone.is_empty() {
            return Ok(());
        }
        need(!gone.contains(&draft.origin.user), "To go yourself, leave.")?;
        let allowed =
            gone.iter().filter_map(|user| self.members.get(user)).all(|member| member.row.role < role);
        need(allowed, "You can only remove those whose role is below yours.")?;
        self.project_removal(draft, gone.iter().cloned().collect());
        self.entry(draft, &membership(Changed::Removed, gone.into_iter().collect()), env)
    }

    fn give_role(
        &self,
        draft: &mut Draft<'_>,
        role: Role,
        user: UserId,
        to: Role,
        env: &Env<'_>,
    ) -> Refusable {
        need(role == Role::Owner, "Only the owner gives roles.")?;
        let Some(member) = self.members.get(&user) else {
            return Err((ErrorCode::NotFound, "There is no such member.".to_owned()));
        };
        need(user != draft.origin.user, "To give up ownership, make somebody else the owner.")?;
        if member.row.role == to {
            return Ok(());
        }
        draft.batch.projections.push(Projection::Member(user.clone(), MemberRow { role: to, ..member.row }));
        let body = Membership { role: Some(to), ..membership(Changed::Role, vec![user]) };
        self.entry(draft, &body, env)?;
        // There is one owner: the old one stays as an admin.
        if to == Role::Owner
            && let Some(me) = self.members.get(&draft.origin.user)
        {
            let me = (draft.origin.user.clone(), MemberRow { role: Role::Admin, ..me.row });
            let body =
                Membership { role: Some(Role::Admin), ..membership(Changed::Role, vec![me.0.clone()]) };
            draft.batch.projections.push(Projection::Member(me.0, me.1));
            self.entry(draft, &body, env)?;
        }
        Ok(())
    }

    fn rename(&self, draft: &mut Draft<'_>, role: Role, title: Title, env: &Env<'_>) -> Refusable {
        need(role >= Role::Admin, "Only admins and the owner rename a group.")?;
        if self.row.as_ref().is_some_and(|row| row.title.as_ref() == Some(&title)) {
            return Ok(());
        }
        self.project_row(draft, |row| row.title = Some(title.clone()));
        self.entry(draft, &Membership { title: Some(title), ..membership(Changed::Renamed, Vec::new()) }, env)
    }

    /// An owner that leaves hands on to the admin, or else the member, that has been there longest.
    fn leave(&self, draft: &mut Draft<'_>, env: &Env<'_>) -> Refusable {
        let me = draft.origin.user.clone();
        let owner = self.members.get(&me).is_some_and(|member| member.row.role == Role::Owner);
        let heir = self.members.iter().filter(|(user, _)| **user != me).min_by_key(|(user, member)| {
            (std::cmp::Reverse(member.row.role), member.row.join_seq, (*user).clone())
        });
        if owner && let Some((heir, member)) = heir {
            let row = MemberRow { role: Role::Owner, ..member.row };
            draft.batch.projections.push(Projection::Member(heir.clone(), row));
            let body =
                Membership { role: Some(Role::Owner), ..membership(Changed::Role, vec![heir.clone()]) };
            self.entry(draft, &body, env)?;
        }
        self.project_removal(draft, vec![me.clone()]);
        self.entry(draft, &membership(Changed::Left, vec![me]), env)
    }

    fn denied(
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

    fn membership_draft<'a>(&self, origin: &'a Origin, env: &Env<'_>) -> Option<Draft<'a>> {
        let batch =
            Batch { conversation: self.id, epoch: env.epoch?, entries: Vec::new(), projections: Vec::new() };
        Some(Draft { origin, batch, fingerprints: Vec::new(), removed: Vec::new() })
    }

    fn project_row(&self, draft: &mut Draft<'_>, change: impl FnOnce(&mut ConversationRow)) {
        if let Some(row) = &self.row {
            let mut row = row.clone();
            change(&mut row);
            draft.batch.projections.push(Projection::Conversation(row));
        }
    }

    fn project_removal(&self, draft: &mut Draft<'_>, users: Vec<UserId>) {
        let gone = u32::try_from(users.len()).unwrap_or(u32::MAX);
        self.project_row(draft, |row| row.member_count = row.member_count.saturating_sub(gone));
        draft.batch.projections.extend(users.iter().cloned().map(Projection::Removed));
        draft.removed = users;
    }

    fn entry(&self, draft: &mut Draft<'_>, body: &Membership, env: &Env<'_>) -> Refusable {
        if self.add_entry(draft, body, None, env) {
            Ok(())
        } else {
            Err((ErrorCode::Unavailable, "The node has no message ids at the moment.".to_owned()))
        }
    }

    fn add_entry(
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

/// Done, or the error that the asker gets.
type Refusable = Result<(), (ErrorCode, String)>;

fn need(condition: bool, message: &str) -> Refusable {
    if condition { Ok(()) } else { Err((ErrorCode::Forbidden, message.to_owned())) }
}

fn membership(change: Changed, users: Vec<UserId>) -> Membership {
    let content_type = Cow::Borrowed(MEMBERSHIP_CONTENT_TYPE);
    Membership { content_type, change, users, role: None, title: None, history: None }
}
