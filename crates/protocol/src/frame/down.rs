//! What a client hears.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::error::ErrorFrame;
use super::macros::frames;
pub use super::up::{ConversationKind, HistoryAccess, Role};
use crate::body::Body;
use crate::id::{ClientMessageId, ConversationId, MessageId, RequestId, Seq};
use crate::text::{DeviceId, Title, UserId};
use crate::time::Timestamp;

frames! {
    /// A frame from the server.
    Down, DownKind {
        /// The answer to `hello`: registered, so nothing live can be missed from here on.
        "welcome" Welcome(Box<Welcome>),
        /// Done.
        "ok" Ok(Done),
        /// The answer to `ping`.
        "pong" Pong(Pong),
        /// The answer to `create`.
        "created" Created(Box<OneConversation>),
        /// The answer to `conversation`.
        "conversation" Conversation(Box<OneConversation>),
        /// A page of something.
        "page" Page(Page),
        /// The message is durable, at this position.
        "sent" Sent(Sent),
        /// A message, live.
        "message" Message(Box<Message>),
        /// There is something up to here: sync.
        "head" Head(Head),
        /// How far a user has received and read.
        "receipt" Receipt(Receipt),
        /// A watched user came or went.
        "presence" Presence(Presence),
        /// The answer to `blocks`.
        "blocks" Blocks(Blocks),
        /// The answer to `profile.get`.
        "profiles" Profiles(Profiles),
        /// The answer to `settings.get`.
        "settings" Settings(Settings),
        /// A request was not done.
        "error" Error(ErrorFrame),
        /// The last frame before the server closes.
        "goodbye" Goodbye(Goodbye),
    }
}

/// Declares a record that both sides read and write.
macro_rules! record {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $field:ident: $type:ty),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        pub struct $name { $($(#[$doc])* pub $field: $type,)+ }
    };
}

record! {
    /// What the server accepts.
    Limits {
        /// Content of a body, in bytes.
        body_bytes: usize,
        /// Unanswered requests, sends and others; above, the server stops reading.
        sends_in_flight: usize,
        /// Watched users.
        watch_users: usize,
    }
}

record! {
    /// The connection is open.
    Welcome {
        /// The request.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<RequestId>,
        /// Who you are.
        user: UserId,
        /// Which device.
        device: DeviceId,
        /// The node that serves you.
        node: String,
        /// The name of this connection, for support.
        session: String,
        /// The server's time.
        time: Timestamp,
        /// Say something at least this often.
        heartbeat_ms: u64,
        /// When the token ends; `refresh` before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires: Option<Timestamp>,
        /// What the server accepts.
        limits: Limits,
    }
}

record! {
    /// Done.
    Done {
        /// The request.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<RequestId>,
        /// The entry in the conversation's log, where there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seq: Option<Seq>,
    }
}

record! {
    /// The answer to `ping`.
    Pong {
        /// The request.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<RequestId>,
    }
}

record! {
    /// One conversation.
    OneConversation {
        /// The request.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<RequestId>,
        /// The conversation.
        conversation: Conversation,
    }
}

record! {
    /// A conversation as one member sees it.
    Conversation {
        /// Its id.
        conversation: ConversationId,
        /// Direct or group.
        kind: ConversationKind,
        /// A group's title.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        title: Option<Title>,
        /// The other user of a direct conversation.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        peer: Option<UserId>,
        /// How many are in it.
        member_count: usize,
        /// What this member may do.
        role: Role,
        /// What new members may read.
        history: HistoryAccess,
        /// The last position.
        head: Seq,
        /// The first position that this member may read.
        first: Seq,
        /// How far this user has received.
        delivered: Seq,
        /// How far this user has read.
        read: Seq,
        /// Positions above `read` that this member may read.
        unread: u64,
        /// The message at `head`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last: Option<Box<Message>>,
    }
}

record! {
    /// A member of a conversation.
    Member {
        /// Who.
        user: UserId,
        /// What it may do.
        role: Role,
        /// The entry that let it in.
        join_seq: Seq,
        /// How far it has received; 0 in groups above 256.
        delivered: Seq,
        /// How far it has read; 0 in groups above 256.
        read: Seq,
    }
}

/// A page, named by `of`.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "of", rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Page {
    /// Conversations, the most recently active first.
    Conversations {
        /// The request.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<RequestId>,
        /// The conversations.
        items: Vec<Conversation>,
        /// Where the next page begins; none at the end.
        next: Option<String>,
    },
    /// Members, by user id.
    Members {
        /// The request.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<RequestId>,
        /// The members.
        items: Vec<Member>,
        /// Where the next page begins; none at the end.
        next: Option<UserId>,
    },
    /// Messages, rising by seq without a gap.
    Messages {
        /// The request.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<RequestId>,
        /// The conversation.
        conversation: ConversationId,
        /// The messages.
        items: Vec<Message>,
        /// The conversation's last position that this member may read.
        head: Seq,
        /// Whether there are more in the direction asked for.
        more: bool,
    },
}

record! {
    /// The message is durable.
    Sent {
        /// The request.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<RequestId>,
        /// The conversation.
        conversation: ConversationId,
        /// The message's key.
        client_message_id: ClientMessageId,
        /// Its position.
        seq: Seq,
        /// Its id.
        message_id: MessageId,
        /// When it was numbered.
        time: Timestamp,
    }
}

/// What an entry of a conversation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum EntryKind {
    /// Somebody wrote.
    Message,
    /// The group changed.
    Membership,
}

record! {
    /// A message or a change of the group.
    Message {
        /// The conversation.
        conversation: ConversationId,
        /// The position.
        seq: Seq,
        /// The id.
        message_id: MessageId,
        /// What it is.
        kind: EntryKind,
        /// Who wrote or changed.
        from: UserId,
        /// On which device.
        device: DeviceId,
        /// The key.
        client_message_id: ClientMessageId,
        /// When it was numbered.
        time: Timestamp,
        /// What was written, as it was written.
        body: Body,
    }
}

/// What a membership entry changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Change {
    /// The group was made, with these members.
    Created,
    /// They came.
    Added,
    /// They were removed.
    Removed,
    /// They left.
    Left,
    /// They have another role.
    Role,
    /// The title is another.
    Renamed,
}

/// The media type of a membership entry's body.
pub const MEMBERSHIP_CONTENT_TYPE: &str = "application/vnd.causerie.membership+json";

/// The media type of a body whose author was erased.
pub const ERASED_CONTENT_TYPE: &str = "application/vnd.causerie.erased+json";

record! {
    /// The body of a membership entry.
    Membership {
        /// Always [`MEMBERSHIP_CONTENT_TYPE`].
        content_type: std::borrow::Cow<'static, str>,
        /// What changed.
        change: Change,
        /// For whom.
        users: Vec<UserId>,
        /// The new role.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        role: Option<Role>,
        /// The new title.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        title: Option<Title>,
        /// What new members may read, in `created`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        history: Option<HistoryAccess>,
    }
}

record! {
    /// There is something up to here.
    Head {
        /// The conversation.
        conversation: ConversationId,
        /// Its last position.
        seq: Seq,
    }
}

record! {
    /// How far a user is.
    Receipt {
        /// The conversation.
        conversation: ConversationId,
        /// The user.
        user: UserId,
        /// Has received everything up to here.
        delivered: Seq,
        /// Has read everything up to here.
        read: Seq,
    }
}

record! {
    /// A watched user.
    Presence {
        /// The user.
        user: UserId,
        /// Whether any of its devices is connected.
        online: bool,
        /// When it was last connected, where that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last_seen: Option<Timestamp>,
    }
}

record! {
    /// Whom I have blocked.
    Blocks {
        /// The request.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<RequestId>,
        /// The users.
        users: Vec<UserId>,
    }
}

record! {
    /// A user's profile.
    Profile {
        /// The user.
        user: UserId,
        /// The name to show.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        display_name: Option<Box<str>>,
        /// The address of a picture.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        picture: Option<Box<str>>,
    }
}

record! {
    /// Profiles, in the order asked for.
    Profiles {
        /// The request.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<RequestId>,
        /// One for each user asked for.
        items: Vec<Profile>,
    }
}

record! {
    /// My settings.
    Settings {
        /// The request.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<RequestId>,
        /// What was set last, or `{}`.
        #[cfg_attr(feature = "schema", schemars(with = "serde_json::Map<String, serde_json::Value>"))]
        settings: Box<RawValue>,
    }
}

record! {
    /// The server closes.
    Goodbye {
        /// Why: `draining`, `expired`, `revoked`, `replaced`, `lagging`, `kicked`, …
        reason: String,
        /// When to come back; absent: stay away.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reconnect_after_ms: Option<u64>,
    }
}

impl Down {
    /// The id of the request that this answers, if it answers one.
    pub fn id(&self) -> Option<&RequestId> {
        match self {
            Self::Welcome(it) => it.id.as_ref(),
            Self::Ok(it) => it.id.as_ref(),
            Self::Pong(it) => it.id.as_ref(),
            Self::Created(it) | Self::Conversation(it) => it.id.as_ref(),
            Self::Page(
                Page::Conversations { id, .. } | Page::Members { id, .. } | Page::Messages { id, .. },
            ) => id.as_ref(),
            Self::Sent(it) => it.id.as_ref(),
            Self::Blocks(it) => it.id.as_ref(),
            Self::Profiles(it) => it.id.as_ref(),
            Self::Settings(it) => it.id.as_ref(),
            Self::Error(it) => it.id.as_ref(),
            Self::Message(_) | Self::Head(_) | Self::Receipt(_) | Self::Presence(_) | Self::Goodbye(_) => {
                None
            }
        }
    }
}
