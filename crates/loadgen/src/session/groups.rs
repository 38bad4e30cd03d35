//! Conversations: made, looked at, changed.

use anyhow::Context as _;
use causerie_checker::history::{MembersView, Receipt};
use causerie_protocol::{ClientMessageId, ConversationId, UserId};
use serde::Deserialize;
use uuid::Uuid;

use super::Session;
use crate::clock;

/// Users in one request.
const AT_ONCE: usize = 200;

/// A conversation as answers tell it.
#[derive(Deserialize)]
pub(super) struct Conversation {
    conversation: Uuid,
    pub(super) head: u64,
}

impl Session {
    /// Creates a direct conversation with another user, and follows it.
    pub(crate) async fn create_direct(&mut self, with: &str) -> anyhow::Result<usize> {
        let fields = format!("\"kind\":\"direct\",\"members\":[{}]", serde_json::to_string(with)?);
        let answer = self.ask("create", &fields).await.context("create")?;
        let created = conversation(&answer)?;
        Ok(self.join(created.conversation, created.head))
    }

    /// Creates a group, and follows it: from before, since its first entry may come before the answer.
    pub(crate) async fn create_group(&mut self, group: &NewGroup<'_>) -> anyhow::Result<usize> {
        let begun = clock::now();
        let id = group.id(&self.state.user)?;
        let room = self.join(id, 0);
        let (first, rest) = group.members.split_at(group.members.len().min(AT_ONCE));
        let fields = format!(
            "\"kind\":\"group\",\"title\":\"Load\",\"client_id\":\"{}\",\"history\":\"{}\",\"members\":{}",
            group.client_id,
            if group.full_history { "full" } else { "since_join" },
            serde_json::to_string(first)?
        );
        let answer = self.ask("create", &fields).await.context("create")?;
        anyhow::ensure!(
            conversation(&answer)?.conversation == id,
            "the server derives another id for a group"
        );
        self.state.changed(room, begun, 1);
        for users in rest.chunks(AT_ONCE) {
            self.change_members(room, "members.add", users).await?;
        }
        Ok(room)
    }

    /// Adds or removes members, as `kind` says.
    pub(crate) async fn change_members(
        &mut self,
        room: usize,
        kind: &str,
        users: &[Box<str>],
    ) -> anyhow::Result<()> {
        #[derive(Deserialize)]
        struct Done {
            seq: Option<u64>,
        }
        let begun = clock::now();
        let id = self.state.rooms[room].id;
        let fields = format!("\"conversation\":\"{id}\",\"users\":{}", serde_json::to_string(users)?);
        let answer = self.ask(kind, &fields).await?;
        let done: Done = serde_json::from_slice(&answer)?;
        if let Some(seq) = done.seq {
            self.state.changed(room, begun, seq);
        }
        Ok(())
    }

    /// Asks who is in a group of at most 200, for the judge.
    pub(crate) async fn look_at_members(&mut self, room: usize) -> anyhow::Result<()> {
        #[derive(Deserialize)]
        struct Member {
            user: Box<str>,
            delivered: u64,
            read: u64,
        }
        #[derive(Deserialize)]
        struct Page {
            items: Vec<Member>,
            next: Option<Box<str>>,
        }
        let begun = clock::now();
        let to = &self.state.rooms[room];
        let (id, conversation) = (to.id, to.number);
        let answer = self.ask("members", &format!("\"conversation\":\"{id}\",\"limit\":{AT_ONCE}")).await?;
        let page: Page = serde_json::from_slice(&answer)?;
        anyhow::ensure!(page.next.is_none(), "a group of more than {AT_ONCE}");
        if let Some(session) = self.state.recorded {
            let (history, at) = (&mut self.state.book.borrow_mut().history, clock::now());
            let users: Vec<u32> = page.items.iter().map(|member| history.user(&member.user)).collect();
            for (user, Member { delivered, read, .. }) in users.iter().copied().zip(page.items) {
                history.receipt(Receipt { begun, at, session, conversation, user, delivered, read });
            }
            history.view(MembersView { begun, at, session, conversation, users });
        }
        Ok(())
    }

    /// The head of a conversation; none if it is not this user's.
    pub(super) async fn head(&mut self, room: usize) -> anyhow::Result<Option<u64>> {
        let id = self.state.rooms[room].id;
        match self.ask("conversation", &format!("\"conversation\":\"{id}\"")).await {
            Ok(answer) => Ok(Some(conversation(&answer)?.head)),
            Err(error) if error.is::<super::Refused>() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// A group that is to be made.
pub(crate) struct NewGroup<'a> {
    /// With its creator it gives the group's id.
    pub(crate) client_id: Uuid,
    /// Besides the creator.
    pub(crate) members: &'a [Box<str>],
    /// Whether later members may read what was before them.
    pub(crate) full_history: bool,
}

impl NewGroup<'_> {
    /// The group's id, known before it is made.
    pub(crate) fn id(&self, creator: &str) -> anyhow::Result<Uuid> {
        Ok(ConversationId::group(&UserId::new(creator)?, &ClientMessageId(self.client_id)).0)
    }
}

fn conversation(answer: &[u8]) -> anyhow::Result<Conversation> {
    #[derive(Deserialize)]
    struct Answer {
        conversation: Conversation,
    }
    let answer: Answer = serde_json::from_slice(answer).context("a conversation")?;
    Ok(answer.conversation)
}
