//! Changing a group: who may, and what follows. Every change is an entry of the log.

use std::collections::BTreeSet;
use std::sync::Arc;

use causerie_protocol::frame::down::{
    Change as Changed, ConversationKind, Done, HistoryAccess, Membership, Role,
};
use causerie_protocol::frame::{Down, ErrorCode};
use causerie_protocol::{Seq, Title, UserId};
use causerie_store::Batch;
use causerie_store::model::{ConversationRow, MemberRow, Projection};

use super::batch::ready;
use super::effect::{Answer, Effect};
use super::handle::{Env, not_found, refuse};
use super::input::{Change, Origin};
use super::members::{Draft, membership};
use super::state::{Conversation, InFlight};
use crate::metrics::Limit;
use crate::reply::Reply;

/// Done, or the error that the asker gets.
type Refusable = Result<(), (ErrorCode, String)>;

fn need(condition: bool, message: &str) -> Refusable {
    if condition { Ok(()) } else { Err((ErrorCode::Forbidden, message.to_owned())) }
}

impl Conversation {
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
}
