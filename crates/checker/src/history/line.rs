//! The written form of a history: JSON lines, an event a line, named by `event`.
//!
//! Sessions are numbers that are unique within a recorder; a file begins with a `recorder` line. The files of one run may
//! be read in any order. Ids are UUIDs in text, times nanoseconds of `CLOCK_MONOTONIC`, bodies digests.
//!
//! ```json
//! {"event":"recorder","name":"loadgen-4711-0","format":1}
//! {"event":"open","at":10,"session":1,"user":"alice","node":"n1"}
//! {"event":"attempt","at":20,"session":1,"request":2,"conversation":"…","client_message_id":"…","body":"0f…"}
//! {"event":"sent","at":30,"session":1,"request":2,"seq":1}
//! {"event":"message","at":31,"session":2,"conversation":"…","seq":1,"from":"alice","client_message_id":"…","body":"0f…"}
//! {"event":"page","begun":40,"at":41,"session":2,"conversation":"…","way":"after","position":0,"items":[…],"head":1,"more":false,"last":true}
//! {"event":"close","at":50,"session":2,"settled":true}
//! ```

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Digest, Nanos};

/// Declares the events, each with its fields.
macro_rules! lines {
    ($($(#[$doc:meta])* $tag:literal $variant:ident($body:ident) { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })+) => {
        /// One line.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
        #[serde(tag = "event")]
        pub enum Line {
            $($(#[$doc])* #[serde(rename = $tag)] $variant {
                $($(#[$field_doc])* $field: $type,)*
            },)+
        }

        $(
            #[derive(Deserialize)]
            struct $body { $($(#[$field_doc])* $field: $type,)* }
        )+

        impl Line {
            /// Reads one line.
            ///
            /// # Errors
            /// What the parser says.
            pub fn parse(json: &str) -> Result<Self, serde_json::Error> {
                #[derive(Deserialize)]
                struct Head<'a> { #[serde(borrow)] event: std::borrow::Cow<'a, str> }
                let head: Head<'_> = serde_json::from_str(json)?;
                match head.event.as_ref() {
                    $($tag => {
                        let $body { $($field,)* } = serde_json::from_str(json)?;
                        Ok(Self::$variant { $($field,)* })
                    })+
                    other => Err(serde::de::Error::custom(format_args!("there is no event `{other}`"))),
                }
            }
        }
    };
}

lines! {
    /// Who recorded what follows.
    "recorder" Recorder(RecorderBody) {
        /// Unique in the run.
        name: Box<str>,
        /// [`FORMAT`](super::FORMAT).
        format: u32,
    }
    /// A session is open.
    "open" Open(OpenBody) {
        /// When `welcome` had come.
        at: Nanos,
        /// The session.
        session: u64,
        /// Whose.
        user: Box<str>,
        /// Through which node.
        node: Box<str>,
    }
    /// A session is over.
    "close" Close(CloseBody) {
        /// When.
        at: Nanos,
        /// The session.
        session: u64,
        /// Whether it stayed until it had its due.
        settled: bool,
    }
    /// A conversation of two users for ever.
    "direct" Direct(DirectBody) {
        /// Which.
        conversation: Uuid,
        /// Whose.
        users: [Box<str>; 2],
    }
    /// A message is about to be sent.
    "attempt" Attempt(AttemptBody) {
        /// Before its bytes leave.
        at: Nanos,
        /// By which session.
        session: u64,
        /// Unique in the session.
        request: u64,
        /// Into which conversation.
        conversation: Uuid,
        /// The key; a resend has the same.
        client_message_id: Uuid,
        /// What is sent.
        body: Digest,
    }
    /// An attempt is durable.
    "sent" Sent(SentBody) {
        /// When the answer had come.
        at: Nanos,
        /// By which session.
        session: u64,
        /// The attempt.
        request: u64,
        /// The position.
        seq: u64,
    }
    /// An attempt was refused: `outcome` was `none`.
    "refused" Refused(RefusedBody) {
        /// When the answer had come.
        at: Nanos,
        /// By which session.
        session: u64,
        /// The attempt.
        request: u64,
    }
    /// It will not be known how an attempt ended. Attempts without any outcome are the same.
    "unknown" Unknown(UnknownBody) {
        /// When.
        at: Nanos,
        /// By which session.
        session: u64,
        /// The attempt.
        request: u64,
    }
    /// An entry came live.
    "message" Message(MessageBody) {
        /// When.
        at: Nanos,
        /// By which session.
        session: u64,
        /// Of which conversation.
        conversation: Uuid,
        /// What came.
        #[serde(flatten)]
        entry: Entry,
    }
    /// A session was told to sync.
    "head" Head(HeadBody) {
        /// When.
        at: Nanos,
        /// By which session.
        session: u64,
        /// Of which conversation.
        conversation: Uuid,
        /// Up to where.
        seq: u64,
    }
    /// A page of messages came.
    "page" Page(PageBody) {
        /// Before the request left.
        begun: Nanos,
        /// When it had come.
        at: Nanos,
        /// By which session.
        session: u64,
        /// Of which conversation.
        conversation: Uuid,
        /// In which direction.
        way: Way,
        /// From where.
        position: u64,
        /// What it holds.
        items: Vec<Entry>,
        /// The conversation's head.
        head: u64,
        /// Whether there is more in that direction.
        more: bool,
        /// Whether it is part of the full sync at the end of the run.
        #[serde(default)]
        last: bool,
    }
    /// Somebody has finished reading.
    "read" Read(ReadBody) {
        /// When.
        at: Nanos,
        /// By which session.
        session: u64,
        /// Of which conversation.
        conversation: Uuid,
        /// Up to where.
        seq: u64,
    }
    /// Somebody was said to have got and read up to here.
    "receipt" Receipt(ReceiptBody) {
        /// Before it was asked for; 0 if it came by itself.
        begun: Nanos,
        /// When it had come.
        at: Nanos,
        /// By which session it was heard.
        session: u64,
        /// Of which conversation.
        conversation: Uuid,
        /// Who has got and read it.
        user: Box<str>,
        /// Up to where it has it.
        delivered: u64,
        /// Up to where it has read.
        read: u64,
    }
    /// A change of a group was acknowledged.
    "changed" Changed(ChangedBody) {
        /// Before the request left.
        begun: Nanos,
        /// When the answer had come.
        at: Nanos,
        /// By which session.
        session: u64,
        /// Of which conversation.
        conversation: Uuid,
        /// The entry.
        seq: u64,
    }
    /// All members of a conversation.
    "members" Members(MembersBody) {
        /// Before the request left.
        begun: Nanos,
        /// When the answer had come.
        at: Nanos,
        /// By which session.
        session: u64,
        /// Of which conversation.
        conversation: Uuid,
        /// Who is in it.
        users: Vec<Box<str>>,
    }
    /// A fault was brought about.
    "fault" Fault(FaultBody) {
        /// When it began.
        at: Nanos,
        /// When it was healed.
        until: Nanos,
        /// Which.
        name: Box<str>,
        /// What was counted to prove that it did something.
        effect: u64,
    }
    /// An entry of the event log, in the log's order.
    "logged" Logged(LoggedBody) {
        /// Of which conversation.
        conversation: Uuid,
        /// The position.
        seq: u64,
        /// The key.
        client_message_id: Uuid,
    }
    /// The event log was read to its end, after the run.
    "log_end" LogEnd(LogEndBody) {
        /// When.
        at: Nanos,
    }
    /// A node believes that it owns a conversation.
    "owner" Owner(OwnerBody) {
        /// Since when.
        at: Nanos,
        /// Which node.
        node: Box<str>,
        /// Which conversation.
        conversation: Uuid,
        /// In which epoch.
        epoch: u64,
    }
    /// A node committed entries.
    "commit" Commit(CommitBody) {
        /// When.
        at: Nanos,
        /// Which node.
        node: Box<str>,
        /// Of which conversation.
        conversation: Uuid,
        /// In which epoch.
        epoch: u64,
        /// The first position.
        first: u64,
        /// The last position.
        last: u64,
    }
}

/// The direction of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// Messages after a position: `sync`.
    After,
    /// Messages before a position: `history`.
    Before,
}

/// An entry of a conversation as an observer saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The position.
    pub seq: u64,
    /// Who wrote.
    pub from: Box<str>,
    /// The key.
    pub client_message_id: Uuid,
    /// What it says.
    pub body: Digest,
    /// What it changes, for a membership entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub membership: Option<Membership>,
}

/// What a membership entry changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// What.
    pub change: Change,
    /// For whom.
    pub users: Vec<Box<str>>,
    /// Whether new members read everything; said by `created`.
    #[serde(default)]
    pub full_history: bool,
}

/// The kinds of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// The group was made, with these members.
    Created,
    /// They came.
    Added,
    /// They were removed or left.
    Gone,
    /// Anything that does not change who is in it.
    Other,
}

/// The two users of a direct conversation, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConversationUsers(pub [u32; 2]);
