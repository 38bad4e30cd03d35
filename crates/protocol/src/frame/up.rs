//! What a client says.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::macros::frames;
use crate::id::{ClientMessageId, ConversationId, RequestId, Seq};
use crate::text::{DeviceId, Title, UserId};

frames! {
    /// A frame from a client.
    Up, UpKind {
        /// The first frame: who speaks.
        "hello" Hello(Hello),
        /// A new token before the old one expires.
        "refresh" Refresh(Refresh),
        /// A heartbeat that wants an answer.
        "ping" Ping(Bare),
        /// Begins a direct conversation or a group; the same again finds the same one.
        "create" Create(Create),
        /// One conversation as its member sees it.
        "conversation" Conversation(OfConversation),
        /// The user's conversations, the most recently active first.
        "conversations" Conversations(Conversations),
        /// Who is in a conversation.
        "members" Members(Members),
        /// Adds users to a group.
        "members.add" MembersAdd(MembersChange),
        /// Removes users from a group.
        "members.remove" MembersRemove(MembersChange),
        /// Gives a member another role.
        "members.role" MembersRole(MembersRole),
        /// Gives a group another title.
        "rename" Rename(Rename),
        /// Leaves a group.
        "leave" Leave(OfConversation),
        /// Refuses direct messages of a user from now on.
        "block" Block(OfUser),
        /// Accepts them again.
        "unblock" Unblock(OfUser),
        /// Whom I have blocked.
        "blocks" Blocks(Bare),
        /// A message.
        "send" Send(Send),
        /// Messages after a position, oldest first.
        "sync" Sync(Sync),
        /// Messages before a position.
        "history" History(History),
        /// Everything up to here has reached this device.
        "delivered" Delivered(Cursor),
        /// Everything up to here has been read.
        "read" Read(Cursor),
        /// Tell me when these users come and go.
        "presence.watch" PresenceWatch(Users),
        /// Tell me no longer.
        "presence.unwatch" PresenceUnwatch(Users),
        /// The profiles of users.
        "profile.get" ProfileGet(Users),
        /// My own profile.
        "profile.set" ProfileSet(ProfileSet),
        /// My settings.
        "settings.get" SettingsGet(Bare),
        /// Replaces my settings.
        "settings.set" SettingsSet(SettingsSet),
    }
}

/// Declares the body of a frame, with its request id.
macro_rules! request {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $field:ident: $type:ty),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        pub struct $name {
            /// What the client calls this request.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub id: Option<RequestId>,
            $($(#[$doc])* pub $field: $type,)*
        }
    };
}

request! {
    /// Nothing but the request.
    Bare {}
}

/// Who speaks. Must come within 5 seconds of the open socket.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Hello {
    /// What the client calls this request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<RequestId>,
    /// The JWT; may be left out where the handshake carried it in `Authorization`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<Box<str>>,
    /// Which of the user's devices this is.
    pub device: DeviceId,
    /// The client's name and version, for the operator's eyes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<Box<str>>,
}

/// A new token of the same user.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Refresh {
    /// What the client calls this request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<RequestId>,
    /// The JWT.
    pub token: Box<str>,
}

/// Tokens are secrets: they are never printed.
macro_rules! redacted {
    ($($name:ident),+) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name)).field("id", &self.id).finish_non_exhaustive()
            }
        }
    )+};
}
redacted!(Hello, Refresh);

/// What kind a conversation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum ConversationKind {
    /// Of two users.
    Direct,
    /// Of any number, with roles and a title.
    Group,
}

/// What a new member of a group may read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum HistoryAccess {
    /// What is written from its joining on.
    #[default]
    SinceJoin,
    /// Everything.
    Full,
}

/// What a member of a group may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Role {
    /// Reads and writes.
    Member,
    /// Also adds and removes members and renames.
    Admin,
    /// Also gives roles.
    Owner,
}

request! {
    /// Begins a conversation.
    Create {
        /// Direct or group.
        kind: ConversationKind,
        /// The others; exactly one for a direct conversation.
        members: Vec<UserId>,
        /// The title of a group.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        title: Option<Title>,
        /// Needed for a group: the same id again finds the same group.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        client_id: Option<ClientMessageId>,
        /// What later members may read.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        history: Option<HistoryAccess>,
    }
}

request! {
    /// Names a conversation.
    OfConversation {
        /// The conversation.
        conversation: ConversationId,
    }
}

request! {
    /// Names a user.
    OfUser {
        /// The user.
        user: UserId,
    }
}

request! {
    /// Names users.
    Users {
        /// At most 256.
        users: Vec<UserId>,
    }
}

/// A position that a client has.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Known {
    /// The conversation.
    pub conversation: ConversationId,
    /// The highest seq that the client has of it.
    pub seq: Seq,
}

request! {
    /// A page of the user's conversations.
    Conversations {
        /// What the client has already: answered only where it moved.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        known: Vec<Known>,
        /// At most so many.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit: Option<usize>,
        /// `next` of the page before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<Box<str>>,
    }
}

request! {
    /// A page of a conversation's members, by user id.
    Members {
        /// The conversation.
        conversation: ConversationId,
        /// At most so many.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit: Option<usize>,
        /// `next` of the page before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<UserId>,
    }
}

request! {
    /// Adds or removes users.
    MembersChange {
        /// The group.
        conversation: ConversationId,
        /// At most 256.
        users: Vec<UserId>,
    }
}

request! {
    /// Gives a member another role.
    MembersRole {
        /// The group.
        conversation: ConversationId,
        /// The member.
        user: UserId,
        /// What it is from now on.
        role: Role,
    }
}

request! {
    /// Gives a group another title.
    Rename {
        /// The group.
        conversation: ConversationId,
        /// What it is called from now on.
        title: Title,
    }
}

request! {
    /// A message, to a conversation or directly to a user.
    Send {
        /// The conversation; or else `to`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        conversation: Option<ConversationId>,
        /// A user, for a direct message with no `create` before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<UserId>,
        /// The idempotency key: the same message sent again has the same.
        client_message_id: ClientMessageId,
        /// 0 the first time; above, this may be a resend.
        #[serde(default)]
        attempt: u32,
        /// The highest seq of the conversation that the client knew when it first made the message. A hint: nothing
        /// depends on it being right, or there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<Seq>,
        /// `{"content_type", "text"}` or `{"content_type", "data"}`.
        #[cfg_attr(feature = "schema", schemars(with = "crate::body::Body"))]
        body: Box<RawValue>,
    }
}

request! {
    /// Messages after a position.
    Sync {
        /// The conversation.
        conversation: ConversationId,
        /// The highest seq that this device has.
        after: Seq,
        /// At most so many.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit: Option<usize>,
    }
}

request! {
    /// Messages before a position; the last ones when none is named.
    History {
        /// The conversation.
        conversation: ConversationId,
        /// The lowest seq that this device has.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<Seq>,
        /// At most so many.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit: Option<usize>,
    }
}

request! {
    /// A cumulative position; has no answer.
    Cursor {
        /// The conversation.
        conversation: ConversationId,
        /// Everything up to here.
        seq: Seq,
    }
}

request! {
    /// My own profile, replaced whole.
    ProfileSet {
        /// The name to show.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        display_name: Option<Box<str>>,
        /// The address of a picture.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        picture: Option<Box<str>>,
    }
}

request! {
    /// My settings, replaced whole.
    SettingsSet {
        /// A small object of the client's own.
        #[cfg_attr(feature = "schema", schemars(with = "serde_json::Map<String, serde_json::Value>"))]
        settings: Box<RawValue>,
    }
}

impl Up {
    /// The id of the request, if it has one.
    pub fn id(&self) -> Option<&RequestId> {
        match self {
            Self::Hello(it) => it.id.as_ref(),
            Self::Refresh(it) => it.id.as_ref(),
            Self::Ping(it) | Self::Blocks(it) | Self::SettingsGet(it) => it.id.as_ref(),
            Self::Create(it) => it.id.as_ref(),
            Self::Conversation(it) | Self::Leave(it) => it.id.as_ref(),
            Self::Conversations(it) => it.id.as_ref(),
            Self::Members(it) => it.id.as_ref(),
            Self::MembersAdd(it) | Self::MembersRemove(it) => it.id.as_ref(),
            Self::MembersRole(it) => it.id.as_ref(),
            Self::Rename(it) => it.id.as_ref(),
            Self::Block(it) | Self::Unblock(it) => it.id.as_ref(),
            Self::Send(it) => it.id.as_ref(),
            Self::Sync(it) => it.id.as_ref(),
            Self::History(it) => it.id.as_ref(),
            Self::Delivered(it) | Self::Read(it) => it.id.as_ref(),
            Self::PresenceWatch(it) | Self::PresenceUnwatch(it) | Self::ProfileGet(it) => it.id.as_ref(),
            Self::ProfileSet(it) => it.id.as_ref(),
            Self::SettingsSet(it) => it.id.as_ref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::FrameError;

    #[test]
    fn a_wrong_frame_names_the_place() {
        let error = Up::parse(r#"{"type":"sync","conversation":7,"after":1}"#).unwrap_err().to_string();
        assert!(error.contains("line 1 column 31") && error.contains("`sync`"), "{error}");
        assert!(
            matches!(Up::parse(r#"{"type":"nope"}"#), Err(FrameError::UnknownType(kind)) if kind == "nope")
        );
        assert!(matches!(Up::parse(r#"["sync"]"#), Err(FrameError::NotAnObject)));
        assert!(Up::parse(r#"{"type":"ping","id":1,"id":2}"#).is_err());
    }

    #[test]
    fn unknown_fields_are_ignored() {
        assert!(matches!(Up::parse(r#"{"new":[1,{"x":2}],"type":"ping","id":"a"}"#), Ok(Up::Ping(_))));
    }

    #[test]
    fn tokens_do_not_print() {
        let hello = Up::parse(r#"{"type":"hello","token":"canary","device":"d"}"#).unwrap();
        assert!(!format!("{hello:?}").contains("canary"));
    }

    #[test]
    fn every_kind_parses_or_names_what_is_missing() {
        for kind in UpKind::ALL {
            let result = Up::parse(&format!(r#"{{"type":"{}"}}"#, kind.tag()));
            match result {
                Ok(frame) => assert_eq!(frame.kind(), *kind),
                Err(error) => assert!(error.to_string().contains("missing field"), "{error}"),
            }
        }
    }
}
