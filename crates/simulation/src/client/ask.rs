//! Conversations: made, looked at, changed.

use causerie_checker::history::{Changed, MembersView, Nanos};
use causerie_protocol::frame::down::{ConversationKind, HistoryAccess, Page as DownPage};
use causerie_protocol::frame::{ErrorCode, up};
use causerie_protocol::{ConversationId, Down, Seq, Title, Up, UserId};

use super::session::{Session, Trouble, lost};
use crate::stage::TopicKind;

impl Session {
    /// Makes a group, again if it is not known whether it is made.
    pub(super) async fn make_group(&mut self, topic: usize) -> Result<(), Trouble> {
        let stage = self.stage.clone();
        let (id, create, first) = {
            let mut topics = stage.topics.borrow_mut();
            let topic = &mut topics[topic];
            let TopicKind::Group(group) = &mut topic.kind else { return Ok(()) };
            let others = group.members.iter().filter(|member| **member != group.creator);
            let create = up::Create {
                id: None,
                kind: ConversationKind::Group,
                members: others.map(|member| stage.users[*member].clone()).collect(),
                title: Title::new("Together").ok(),
                client_id: Some(group.client_id),
                history: group.full_history.then_some(HistoryAccess::Full),
            };
            (topic.id, create, !std::mem::replace(&mut group.tried, true))
        };
        let begun = stage.book.borrow().stamp();
        let created = self.ask(|id| Up::Create(up::Create { id, ..create })).await?;
        let Down::Created(created) = created else { return Err(lost("`create` has another answer")) };
        if created.conversation.conversation != id {
            stage.book.borrow_mut().fail(format!("a group has another id than {id}"));
        }
        // A second answer says where the group stands, not where this request has put it.
        if first {
            self.changed(id, begun, Seq(1));
        }
        if let TopicKind::Group(group) = &mut stage.topics.borrow_mut()[topic].kind {
            group.made = true;
        }
        Ok(())
    }

    /// Lets a user in or out.
    pub(super) async fn change_member(&mut self, topic: usize, whom: usize) -> Result<(), Trouble> {
        let stage = self.stage.clone();
        let (conversation, there) = {
            let topics = stage.topics.borrow();
            (topics[topic].id, topics[topic].has(whom))
        };
        let users = vec![stage.users[whom].clone()];
        let begun = stage.book.borrow().stamp();
        let done = self
            .ask(|id| {
                let change = up::MembersChange { id, conversation, users };
                if there { Up::MembersRemove(change) } else { Up::MembersAdd(change) }
            })
            .await?;
        let Down::Ok(done) = done else { return Err(lost("a change has another answer")) };
        if let Some(seq) = done.seq {
            self.changed(conversation, begun, seq);
        }
        if let TopicKind::Group(group) = &mut stage.topics.borrow_mut()[topic].kind {
            group.members.retain(|member| *member != whom);
            if !there {
                group.members.push(whom);
            }
        }
        Ok(())
    }

    fn changed(&self, conversation: ConversationId, begun: Nanos, seq: Seq) {
        let mut book = self.stage.book.borrow_mut();
        let (at, place) = (book.stamp(), book.history.conversation(conversation.0.as_u128()));
        book.history.changed(Changed { begun, at, session: self.number, conversation: place, seq: seq.0 });
    }

    /// Asks who is in a conversation.
    pub(super) async fn look_at_members(&mut self, conversation: ConversationId) -> Result<(), Trouble> {
        let begun = self.stage.book.borrow().stamp();
        let page =
            self.ask(|id| Up::Members(up::Members { id, conversation, limit: None, after: None })).await?;
        let Down::Page(DownPage::Members { items, .. }) = page else {
            return Err(lost("`members` has another answer"));
        };
        let mut book = self.stage.book.borrow_mut();
        let (at, place) = (book.stamp(), book.history.conversation(conversation.0.as_u128()));
        let users = items.iter().map(|member| book.history.user(member.user.as_str())).collect();
        book.history.view(MembersView { begun, at, session: self.number, conversation: place, users });
        Ok(())
    }

    /// The head of a conversation; none if it is not this user's.
    pub(super) async fn head(&mut self, conversation: ConversationId) -> Result<Option<u64>, Trouble> {
        match self.ask(|id| Up::Conversation(up::OfConversation { id, conversation })).await {
            Ok(Down::Conversation(one)) => Ok(Some(one.conversation.head.0)),
            Ok(_) => Err(lost("`conversation` has another answer")),
            Err(Trouble::Refused(error)) if error.code == ErrorCode::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Lists the user's conversations.
    pub(super) async fn list(&mut self) -> Result<(), Trouble> {
        let mut after = None;
        loop {
            let (known, limit, from) = (Vec::new(), Some(2), after.take());
            let list = |id| Up::Conversations(up::Conversations { id, known, limit, after: from });
            let Down::Page(DownPage::Conversations { next, .. }) = self.ask(list).await? else {
                return Err(lost("`conversations` has another answer"));
            };
            match next {
                Some(next) => after = Some(next.into()),
                None => return Ok(()),
            }
        }
    }

    /// Asks to be told of the presence of all others.
    pub(super) async fn watch_others(&mut self) -> Result<(), Trouble> {
        let users: Vec<UserId> = self.stage.users.clone();
        self.ask(|id| Up::PresenceWatch(up::Users { id, users })).await.map(drop)
    }
}
