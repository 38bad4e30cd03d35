//! The requests of the protocol, one method each.

use causerie_protocol::frame::down::{Conversation, Member, Message, Page, Profile};
use causerie_protocol::frame::up::{
    self, Bare, ConversationKind, Create, HistoryAccess, MembersChange, OfConversation, OfUser, Role, Users,
};
use causerie_protocol::{ClientMessageId, ConversationId, Down, Seq, Title, Up, UserId};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::client::Client;
use crate::request::RequestError;

/// A page of something.
#[derive(Clone, Debug)]
pub struct Items<T, C> {
    /// The items.
    pub items: Vec<T>,
    /// Where the next page begins; none at the end.
    pub next: Option<C>,
}

/// A page of messages, rising by seq without a gap.
#[derive(Clone, Debug)]
pub struct Messages {
    /// The messages.
    pub items: Vec<Message>,
    /// The conversation's last position that this user may read.
    pub head: Seq,
    /// Whether there are more in the direction asked for.
    pub more: bool,
}

/// Takes the frame that a request asks for out of the answer.
macro_rules! expect {
    ($answer:expr, $pattern:pat => $value:expr) => {
        match $answer {
            $pattern => Ok($value),
            other => Err(RequestError::Unexpected(other.kind().tag())),
        }
    };
}

/// Each fails with [`RequestError`], which says whether a change may have been done.
#[expect(clippy::missing_errors_doc, reason = "said once for all of them")]
impl Client {
    /// The direct conversation with a user, begun if there was none.
    pub async fn create_direct(&self, with: UserId) -> Result<Conversation, RequestError> {
        self.create(Create {
            id: None,
            kind: ConversationKind::Direct,
            members: vec![with],
            title: None,
            client_id: None,
            history: None,
        })
        .await
    }

    /// A new group. Asking again with the same `client_id` finds the same one; without, a new id is made.
    pub async fn create_group(
        &self,
        title: Option<Title>,
        members: Vec<UserId>,
        history: HistoryAccess,
        client_id: Option<ClientMessageId>,
    ) -> Result<Conversation, RequestError> {
        self.create(Create {
            id: None,
            kind: ConversationKind::Group,
            members,
            title,
            client_id: Some(client_id.unwrap_or_else(|| ClientMessageId(Uuid::now_v7()))),
            history: Some(history),
        })
        .await
    }

    async fn create(&self, create: Create) -> Result<Conversation, RequestError> {
        expect!(self.request(Up::Create(create)).await?, Down::Created(created) => created.conversation)
    }

    /// One conversation, as this user sees it.
    pub async fn conversation(&self, conversation: ConversationId) -> Result<Conversation, RequestError> {
        let request = Up::Conversation(OfConversation { id: None, conversation });
        expect!(self.request(request).await?, Down::Conversation(one) => one.conversation)
    }

    /// A page of the user's conversations, the most recently active first; `after` is `next` of the page before.
    pub async fn conversations(
        &self,
        after: Option<String>,
        limit: Option<usize>,
    ) -> Result<Items<Conversation, String>, RequestError> {
        let after = after.map(String::into_boxed_str);
        let request = Up::Conversations(up::Conversations { id: None, known: Vec::new(), limit, after });
        expect!(self.request(request).await?, Down::Page(Page::Conversations { items, next, .. }) => Items { items, next })
    }

    /// A page of a conversation's members, by user id; `after` is `next` of the page before.
    pub async fn members(
        &self,
        conversation: ConversationId,
        after: Option<UserId>,
        limit: Option<usize>,
    ) -> Result<Items<Member, UserId>, RequestError> {
        let request = Up::Members(up::Members { id: None, conversation, limit, after });
        expect!(self.request(request).await?, Down::Page(Page::Members { items, next, .. }) => Items { items, next })
    }

    /// Adds users to a group; gives the position of the entry, if anything changed.
    pub async fn members_add(
        &self,
        conversation: ConversationId,
        users: Vec<UserId>,
    ) -> Result<Option<Seq>, RequestError> {
        self.change(Up::MembersAdd(MembersChange { id: None, conversation, users })).await
    }

    /// Removes users from a group.
    pub async fn members_remove(
        &self,
        conversation: ConversationId,
        users: Vec<UserId>,
    ) -> Result<Option<Seq>, RequestError> {
        self.change(Up::MembersRemove(MembersChange { id: None, conversation, users })).await
    }

    /// Gives a member another role.
    pub async fn members_role(
        &self,
        conversation: ConversationId,
        user: UserId,
        role: Role,
    ) -> Result<Option<Seq>, RequestError> {
        self.change(Up::MembersRole(up::MembersRole { id: None, conversation, user, role })).await
    }

    /// Gives a group another title.
    pub async fn rename(
        &self,
        conversation: ConversationId,
        title: Title,
    ) -> Result<Option<Seq>, RequestError> {
        self.change(Up::Rename(up::Rename { id: None, conversation, title })).await
    }

    /// Leaves a group.
    pub async fn leave(&self, conversation: ConversationId) -> Result<Option<Seq>, RequestError> {
        self.change(Up::Leave(OfConversation { id: None, conversation })).await
    }

    /// Refuses direct messages of a user.
    pub async fn block(&self, user: UserId) -> Result<(), RequestError> {
        self.change(Up::Block(OfUser { id: None, user })).await.map(drop)
    }

    /// Accepts them again.
    pub async fn unblock(&self, user: UserId) -> Result<(), RequestError> {
        self.change(Up::Unblock(OfUser { id: None, user })).await.map(drop)
    }

    /// Whom this user has blocked.
    pub async fn blocks(&self) -> Result<Vec<UserId>, RequestError> {
        expect!(self.request(Up::Blocks(Bare { id: None })).await?, Down::Blocks(blocks) => blocks.users)
    }

    /// A page of messages after a position, oldest first.
    pub async fn sync(
        &self,
        conversation: ConversationId,
        after: Seq,
        limit: Option<usize>,
    ) -> Result<Messages, RequestError> {
        self.messages(Up::Sync(up::Sync { id: None, conversation, after, limit })).await
    }

    /// A page of messages before a position, or the last ones; oldest first.
    pub async fn history(
        &self,
        conversation: ConversationId,
        before: Option<Seq>,
        limit: Option<usize>,
    ) -> Result<Messages, RequestError> {
        self.messages(Up::History(up::History { id: None, conversation, before, limit })).await
    }

    /// Hears from now on when these users come and go; the present state comes at once. Ends with the connection.
    pub async fn watch(&self, users: Vec<UserId>) -> Result<(), RequestError> {
        self.change(Up::PresenceWatch(Users { id: None, users })).await.map(drop)
    }

    /// Hears it no longer.
    pub async fn unwatch(&self, users: Vec<UserId>) -> Result<(), RequestError> {
        self.change(Up::PresenceUnwatch(Users { id: None, users })).await.map(drop)
    }

    /// The profiles of users, in the order asked for.
    pub async fn profiles(&self, users: Vec<UserId>) -> Result<Vec<Profile>, RequestError> {
        let request = Up::ProfileGet(Users { id: None, users });
        expect!(self.request(request).await?, Down::Profiles(profiles) => profiles.items)
    }

    /// Replaces this user's profile.
    pub async fn set_profile(
        &self,
        display_name: Option<&str>,
        picture: Option<&str>,
    ) -> Result<(), RequestError> {
        let (display_name, picture) = (display_name.map(Into::into), picture.map(Into::into));
        self.change(Up::ProfileSet(up::ProfileSet { id: None, display_name, picture })).await.map(drop)
    }

    /// This user's settings, a JSON object.
    pub async fn settings(&self) -> Result<Box<RawValue>, RequestError> {
        expect!(self.request(Up::SettingsGet(Bare { id: None })).await?, Down::Settings(it) => it.settings)
    }

    /// Replaces this user's settings, a JSON object.
    pub async fn set_settings(&self, settings: Box<RawValue>) -> Result<(), RequestError> {
        self.change(Up::SettingsSet(up::SettingsSet { id: None, settings })).await.map(drop)
    }

    async fn change(&self, frame: Up) -> Result<Option<Seq>, RequestError> {
        expect!(self.request(frame).await?, Down::Ok(done) => done.seq)
    }

    async fn messages(&self, frame: Up) -> Result<Messages, RequestError> {
        expect!(
            self.request(frame).await?,
            Down::Page(Page::Messages { items, head, more, .. }) => Messages { items, head, more }
        )
    }
}
