//! Questions that the store answers, beside the conversations.

use std::sync::Arc;
use std::time::Duration;

use causerie_protocol::frame::down::{self, Blocks, Page, Presence, Profiles, Settings};
use causerie_protocol::frame::up::Known;
use causerie_protocol::frame::{Down, ErrorCode, ErrorFrame};
use causerie_protocol::{ConversationId, RequestId, Seq, Timestamp, UserId};
use causerie_store::Entry;
use causerie_store::port::{ReadError, WriteError};
use hashbrown::HashMap;
use serde_json::value::RawValue;

use super::effect::Query;
use super::outbox::Outgoing;
use super::requests::ok;
use crate::bounded::Refused;
use crate::conversation::{Origin, Request};
use crate::describe::describe;
use crate::metrics::Limit;
use crate::node::{Node, page_bytes};
use crate::reply::Reply;

/// Last entries that are read at once.
const HEADS: usize = 256;
/// How soon a conversation whose mailbox is full is told again.
const FULL: Duration = Duration::from_millis(20);

/// Why a question has no answer.
enum Failed {
    Read(ReadError),
    Write(WriteError),
    Refused(ErrorCode, &'static str),
}

impl From<ReadError> for Failed {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

impl From<WriteError> for Failed {
    fn from(error: WriteError) -> Self {
        Self::Write(error)
    }
}

impl Failed {
    fn frame(self, id: Option<RequestId>) -> Down {
        let (code, message) = match self {
            Self::Read(ReadError::Corrupt(what)) => {
                tracing::error!(what, "a stored record is damaged");
                (ErrorCode::Internal, "A stored record is damaged; it is not shown.".to_owned())
            }
            Self::Read(error) => (ErrorCode::Unavailable, format!("{error}.")),
            Self::Write(error @ WriteError::Refused(_)) => (ErrorCode::Unavailable, format!("{error}.")),
            Self::Write(error @ WriteError::Unknown(_)) => (ErrorCode::UnknownOutcome, format!("{error}.")),
            Self::Refused(code, message) => (code, message.to_owned()),
        };
        Down::Error(ErrorFrame::new(id, code, message))
    }
}

/// Answers a question of a known client.
pub(super) async fn answer(node: Arc<Node>, origin: Arc<Origin>, query: Query, reply: Reply) {
    let watched = if let Query::Watch(users) = &query { users.clone() } else { Vec::new() };
    match ask(&node, &origin, query, reply.id().cloned()).await {
        Ok(frame) => {
            reply.send(|_| frame);
            tell_present_state(&node, &origin, watched).await;
        }
        Err(failed) => {
            let frame = failed.frame(reply.id().cloned());
            if let Down::Error(error) = &frame {
                node.metrics.count_error(error.code);
            }
            reply.send(|_| frame);
        }
    }
}

async fn ask(node: &Arc<Node>, origin: &Origin, query: Query, id: Option<RequestId>) -> Result<Down, Failed> {
    let (store, user) = (&node.store, origin.user.clone());
    match query {
        Query::Conversations { known, limit, after } => {
            let (items, next) = conversations(node, origin, &known, limit, after.as_deref()).await?;
            Ok(Down::Page(Page::Conversations { id, items, next }))
        }
        Query::Block(other, blocked) => {
            if other == user {
                return Err(Failed::Refused(ErrorCode::InvalidFrame, "You cannot block yourself."));
            }
            let conversation = ConversationId::direct(&user, &other);
            store.put_block(user.clone(), other, blocked).await?;
            tell_blocked(node, conversation, user, blocked).await;
            Ok(ok(id))
        }
        Query::Blocks => Ok(Down::Blocks(Blocks { id, users: store.blocks(user).await? })),
        Query::Profiles(users) => {
            let profiles = store.profiles(users.clone()).await?;
            let item = |(user, profile): (UserId, causerie_store::model::Profile)| down::Profile {
                user,
                display_name: profile.display_name,
                picture: profile.picture,
            };
            Ok(Down::Profiles(Profiles { id, items: users.into_iter().zip(profiles).map(item).collect() }))
        }
        Query::SetProfile(profile) => {
            store.put_profile(user, profile).await?;
            Ok(ok(id))
        }
        Query::Settings => {
            let json = store.settings(user).await?;
            let damaged = |_| Failed::Read(ReadError::Corrupt("settings".to_owned()));
            let settings = RawValue::from_string(json.into()).map_err(damaged)?;
            Ok(Down::Settings(Settings { id, settings }))
        }
        Query::SetSettings(settings) => {
            store.put_settings(user, settings).await?;
            Ok(ok(id))
        }
        Query::Watch(users) => watch(node, origin, &users, id).await,
    }
}

/// Tells an open conversation; one that is not open, or closes meanwhile, reads the store when it opens.
async fn tell_blocked(node: &Node, conversation: ConversationId, by: UserId, blocked: bool) {
    while let Some(open) = node.conversations.open(conversation) {
        match open.send(vec![Request::Blocked(by.clone(), blocked)]) {
            Err((_, Refused::Full)) => tokio::time::sleep(FULL).await,
            Ok(()) | Err((_, Refused::Closed)) => return,
        }
    }
}

async fn watch(
    node: &Node,
    origin: &Origin,
    users: &[UserId],
    id: Option<RequestId>,
) -> Result<Down, Failed> {
    for user in users {
        let known = *user == origin.user
            || node.store.share_conversation(origin.user.clone(), user.clone()).await?
            || node.rules.may_watch(&origin.user, user);
        if !known {
            let message = "You can watch those with whom you share a conversation; nobody was added.";
            return Err(Failed::Refused(ErrorCode::NotFound, message));
        }
    }
    let Some(connection) = &origin.connection else { return Ok(ok(id)) };
    if !node.directory.watch(connection.id(), users, node.settings.watch_users) {
        node.metrics.count_limit(Limit::WatchUsers);
        return Err(Failed::Refused(ErrorCode::TooLarge, "You watch too many users; nobody was added."));
    }
    Ok(ok(id))
}

/// After `presence.watch`: how things are now.
async fn tell_present_state(node: &Node, origin: &Origin, users: Vec<UserId>) {
    let Some(connection) = &origin.connection else { return };
    if users.is_empty() {
        return;
    }
    let stored = node.store.last_seen(users.clone()).await.unwrap_or_default();
    for (at, user) in users.into_iter().enumerate() {
        let (online, seen) = node.directory.presence(&user);
        let last_seen = if online { None } else { seen.or(stored.get(at).copied().flatten()) };
        connection.push(Outgoing::Presence(Presence { user, online, last_seen }));
    }
}

/// A conversation in its place in the list: by the time of its last entry, newest first.
#[derive(Clone, Copy)]
struct Listed {
    time: Timestamp,
    id: ConversationId,
    head: Seq,
}

impl Listed {
    fn key(&self) -> (Timestamp, ConversationId) {
        (self.time, self.id)
    }
}

async fn conversations(
    node: &Arc<Node>,
    origin: &Origin,
    known: &[Known],
    limit: usize,
    after: Option<&str>,
) -> Result<(Vec<down::Conversation>, Option<String>), Failed> {
    let after = match after.map(parse_place) {
        Some(None) => {
            return Err(Failed::Refused(ErrorCode::InvalidFrame, "`after` is the `next` of another page."));
        }
        Some(place) => place,
        None => None,
    };
    let mut all = listed(node, &origin.user).await?;
    all.retain(|listed| after.is_none_or(|after| listed.key() < after));
    all.sort_unstable_by_key(|listed| std::cmp::Reverse(listed.key()));
    let known: HashMap<_, _> = known.iter().map(|known| (known.conversation, known.seq)).collect();
    let (mut page, mut room) = (Vec::new(), page_bytes(node, origin.connection.as_ref()));
    for (at, listed) in all.iter().enumerate() {
        if known.get(&listed.id) == Some(&listed.head) {
            continue;
        }
        let Some(item) = item(node, &origin.user, listed.id).await? else { continue };
        room = room.saturating_sub(item.last.as_ref().map_or(0, |last| last.body.as_json().len()));
        page.push(item);
        if page.len() == limit || room == 0 {
            let (time, id) = listed.key();
            let next = (at + 1 < all.len()).then(|| format!("{}.{id}", time.0));
            return Ok((page, next));
        }
    }
    Ok((page, None))
}

/// All of a user's conversations. What their last messages say is not kept: that may be much.
async fn listed(node: &Node, user: &UserId) -> Result<Vec<Listed>, ReadError> {
    let mut mine = node.store.conversations_of(user.clone()).await?;
    mine.retain(|conversation| !conversation.removed);
    let mut all = Vec::with_capacity(mine.len());
    for part in mine.chunks(HEADS) {
        let heads =
            node.store.heads(part.iter().map(|conversation| conversation.conversation).collect()).await?;
        all.extend(part.iter().zip(heads).map(|(conversation, last)| Listed {
            time: last.as_ref().map_or(conversation.row.created_at(), Entry::time),
            id: conversation.conversation,
            head: last.map(|last| last.seq).unwrap_or_default(),
        }));
    }
    Ok(all)
}

/// One item, if the user is still a member: it may have been removed since the list was read. An open conversation says
/// it itself. Otherwise the membership is read after the last entry, so that nothing is shown that came after its end.
async fn item(
    node: &Node,
    user: &UserId,
    id: ConversationId,
) -> Result<Option<down::Conversation>, ReadError> {
    if let Some(open) = node.conversations.open(id) {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let reply = Reply::call(move |frame| {
            // Nobody waits any more when the client has gone.
            let _ = sender.send(frame);
        });
        if open.send(vec![Request::Describe(user.clone(), reply)]).is_ok() {
            match receiver.await {
                Ok(Down::Conversation(described)) => return Ok(Some(described.conversation)),
                Ok(Down::Error(error)) if error.code == ErrorCode::NotFound => return Ok(None),
                // It failed or closed meanwhile.
                _ => {}
            }
        }
    }
    let last = node.store.heads(vec![id]).await?.pop().flatten();
    let mine = node.store.conversation_of(user.clone(), id).await?.filter(|mine| !mine.removed);
    let head = last.as_ref().map(|last| last.seq).unwrap_or_default();
    Ok(mine.map(|mine| describe(user, &mine, head, last.as_ref())))
}

pub(crate) fn parse_place(text: &str) -> Option<(Timestamp, ConversationId)> {
    let (time, id) = text.split_once('.')?;
    Some((Timestamp(time.parse().ok()?), id.parse().ok()?))
}

#[cfg(test)]
mod tests;
