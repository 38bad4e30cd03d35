//! Everything that is kept of a user, as JSON lines, each with a `type`:
//!
//! - `profile`, `settings`, `blocks`, once each;
//! - for every conversation that the user is or was in: `conversation` with its membership, `cursor` for each device,
//!   and its `message`s as the frames that clients get. Of a conversation that it is in, those that it may read and those
//!   that it wrote; of one that it has left, those that it wrote.
//!
//! What is written while the export runs may be there or not. A log with a hole cuts the export off.

use std::sync::Arc;

use axum::body::Bytes;
use causerie_actors::Chat;
use causerie_protocol::{Seq, UserId, wire};
use causerie_store::Entry;
use causerie_store::model::UserConversation;
use causerie_store::port::messages::ReadLimit;
use causerie_store::port::{ReadError, Store};
use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::conversations::Membership;
use super::lines::{CutOff, Source, line};
use crate::shutdown::{Phase, Shutdown};

/// How much of a log is read at a time.
const PAGE: ReadLimit = ReadLimit { items: 256, bytes: 256 * 1024 };

/// An export as far as it has come.
pub(super) struct Export {
    store: Arc<dyn Store>,
    user: UserId,
    shutdown: Shutdown,
    /// Conversations that have not begun; `None` before all.
    todo: Option<std::vec::IntoIter<UserConversation>>,
    reading: Option<Reading>,
}

/// The log that is being read.
struct Reading {
    listed: UserConversation,
    next: Seq,
    head: Seq,
}

/// A line of a `type`.
#[derive(Serialize)]
struct Typed<T> {
    r#type: &'static str,
    #[serde(flatten)]
    value: T,
}

impl Export {
    pub(super) fn new(chat: &Chat, user: UserId, shutdown: Shutdown) -> Self {
        Self { store: Arc::clone(chat.store()), user, shutdown, todo: None, reading: None }
    }

    /// What is kept of the user itself.
    async fn begin(&mut self) -> Result<Bytes, ReadError> {
        let (store, user) = (&self.store, &self.user);
        let profile = store.profiles(vec![user.clone()]).await?.pop().unwrap_or_default();
        let last_seen = store.last_seen(vec![user.clone()]).await?.pop().flatten();
        let settings = store.settings(user.clone()).await?;
        let settings = RawValue::from_string(settings.into())
            .map_err(|_| ReadError::Corrupt(format!("the settings of {user}")))?;
        let blocks = store.blocks(user.clone()).await?;
        let mut lines = Vec::new();
        let (name, picture) = (&profile.display_name, &profile.picture);
        line(
            &mut lines,
            &json!({
                "type": "profile", "user": user, "display_name": name, "picture": picture, "last_seen": last_seen,
            }),
        );
        line(&mut lines, &json!({ "type": "settings", "settings": settings }));
        line(&mut lines, &json!({ "type": "blocks", "users": blocks }));
        self.todo = Some(self.store.conversations_of(user.clone()).await?.into_iter());
        Ok(lines.into())
    }

    /// A conversation, before its messages.
    async fn open(&mut self, listed: UserConversation) -> Result<Bytes, ReadError> {
        let id = listed.conversation;
        let head = self.store.heads(vec![id]).await?.pop().flatten();
        let cursors = self.store.device_cursors(self.user.clone(), id).await?;
        let mut lines = Vec::new();
        line(&mut lines, &Typed { r#type: "conversation", value: Membership::from(listed.clone()) });
        for (device, cursor) in cursors {
            let (delivered, read) = (cursor.delivered, cursor.read);
            line(
                &mut lines,
                &json!({
                    "type": "cursor", "conversation": id, "device": device, "delivered": delivered, "read": read,
                }),
            );
        }
        let head = head.map(|entry| entry.seq).unwrap_or_default();
        self.reading = Some(Reading { listed, next: Seq(1), head });
        Ok(lines.into())
    }

    /// A page of the log that is being read; empty when nothing of it is the user's.
    async fn page(&mut self, mut reading: Reading) -> Result<Bytes, ReadError> {
        let id = reading.listed.conversation;
        let entries = self.store.read(id, reading.next, reading.head, PAGE).await?;
        let mut lines = Vec::new();
        let mut frame = Vec::new();
        for entry in &entries {
            if entry.seq != reading.next {
                break;
            }
            reading.next = entry.seq.next();
            if self.is_theirs(&reading.listed, entry) {
                frame.clear();
                wire::message(&mut frame, &entry.parts(id));
                lines.extend(wire::payloads(&frame).flat_map(str::bytes));
                lines.push(b'\n');
            }
        }
        if entries.last().is_none_or(|last| last.seq.next() != reading.next) {
            let missing = format!("messages: {id} has no position {}", reading.next);
            return Err(ReadError::Corrupt(missing));
        }
        self.reading = (reading.next <= reading.head).then_some(reading);
        Ok(lines.into())
    }

    fn is_theirs(&self, listed: &UserConversation, entry: &Entry) -> bool {
        entry.from == self.user || (!listed.removed && entry.seq >= listed.member.first)
    }
}

impl Source for Export {
    async fn next(&mut self) -> Result<Option<Bytes>, CutOff> {
        loop {
            if self.shutdown.phase() == Phase::Stopping {
                return Err(CutOff::Stopping);
            }
            let lines = match (self.reading.take(), &mut self.todo) {
                (_, None) => self.begin().await?,
                (Some(reading), _) => self.page(reading).await?,
                (None, Some(todo)) => match todo.next() {
                    Some(listed) => self.open(listed).await?,
                    None => return Ok(None),
                },
            };
            if !lines.is_empty() {
                return Ok(Some(lines));
            }
        }
    }
}
