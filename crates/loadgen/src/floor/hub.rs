//! Who is connected, and who is in which conversation.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use causerie_protocol::frame::down::EntryKind;
use causerie_protocol::wire::{self, MessageParts, SentParts};
use causerie_protocol::{
    ClientMessageId, Clock as _, ConversationId, DeviceId, MessageId, RequestId, Seq, SystemClock, UserId,
};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::committer::Committer;

/// Frames that may wait for a connection. A floor has no way to say that there are too many: it forgets them.
const INBOX: usize = 64 * 1024;

/// A connection as others see it.
#[derive(Clone, Debug)]
pub(super) struct Inbox {
    pub(super) connection: u64,
    frames: mpsc::Sender<Utf8Bytes>,
}

impl Inbox {
    pub(super) fn push(&self, frame: Utf8Bytes) {
        // Full or gone: either way there is nobody to tell.
        let _ = self.frames.try_send(frame);
    }
}

/// A conversation.
#[derive(Debug)]
pub(super) struct Room {
    pub(super) id: ConversationId,
    seq: AtomicU64,
    members: Mutex<Arc<[Inbox]>>,
}

/// A message on its way.
#[derive(Debug)]
pub(super) struct Post {
    pub(super) room: Arc<Room>,
    pub(super) sender: Inbox,
    pub(super) user: UserId,
    pub(super) device: DeviceId,
    pub(super) request: Option<RequestId>,
    pub(super) client_message_id: ClientMessageId,
    pub(super) body: Box<str>,
}

/// All that the connections share.
#[derive(Debug)]
pub(super) struct Hub {
    pub(super) committer: Option<Committer>,
    users: Mutex<HashMap<UserId, Vec<Inbox>>>,
    rooms: Mutex<HashMap<ConversationId, Arc<Room>>>,
    connections: AtomicU64,
    clock: SystemClock,
}

impl Hub {
    pub(super) fn new(committer: Option<Committer>) -> Self {
        Self {
            committer,
            users: Mutex::default(),
            rooms: Mutex::default(),
            connections: AtomicU64::new(0),
            clock: SystemClock::default(),
        }
    }

    /// A new connection of nobody yet.
    pub(super) fn inbox(&self) -> (Inbox, mpsc::Receiver<Utf8Bytes>) {
        let (frames, waiting) = mpsc::channel(INBOX);
        let connection = self.connections.fetch_add(1, Ordering::Relaxed);
        (Inbox { connection, frames }, waiting)
    }

    /// A connection says who it is.
    pub(super) fn enter(&self, user: &UserId, inbox: &Inbox) {
        lock(&self.users).entry(user.clone()).or_default().push(inbox.clone());
    }

    /// A connection is over.
    pub(super) fn leave(&self, user: &UserId, inbox: &Inbox) {
        let mut users = lock(&self.users);
        if let Some(inboxes) = users.get_mut(user) {
            inboxes.retain(|other| other.connection != inbox.connection);
            if inboxes.is_empty() {
                users.remove(user);
            }
        }
    }

    /// Adds to a conversation those of these users who are connected.
    pub(super) fn add(&self, id: ConversationId, users: &[UserId]) -> Arc<Room> {
        let empty = || Room { id, seq: AtomicU64::new(0), members: Mutex::new(Arc::from([])) };
        let room = lock(&self.rooms).entry(id).or_insert_with(|| Arc::new(empty())).clone();
        let connected = lock(&self.users);
        let new = users.iter().filter_map(|user| connected.get(user)).flatten().cloned();
        let mut members = lock(&room.members);
        *members = members.iter().cloned().chain(new).collect();
        drop(members);
        room
    }

    /// A conversation that exists.
    pub(super) fn room(&self, id: ConversationId) -> Option<Arc<Room>> {
        lock(&self.rooms).get(&id).cloned()
    }

    /// Numbers a message, answers its sender, and forwards it to the others.
    pub(super) fn deliver(&self, post: &Post) {
        deliver(post, &self.clock);
    }
}

/// Numbers a message, answers its sender, and forwards it to the others.
pub(super) fn deliver(post: &Post, clock: &SystemClock) {
    let seq = Seq(post.room.seq.fetch_add(1, Ordering::Relaxed) + 1);
    let (conversation, client_message_id, time) = (post.room.id, post.client_message_id, clock.wall());
    let message_id = MessageId(time.0 << 20 | seq.0 & 0xf_ffff);
    let mut blob = Vec::with_capacity(256);
    let id = post.request.as_ref();
    wire::sent(&mut blob, &SentParts { id, conversation, client_message_id, seq, message_id, time });
    post.sender.push(payload(blob));
    let mut blob = Vec::with_capacity(post.body.len() + 384);
    let parts = MessageParts {
        conversation,
        seq,
        message_id,
        kind: EntryKind::Message,
        from: &post.user,
        device: &post.device,
        client_message_id,
        time,
        body: &post.body,
    };
    wire::message(&mut blob, &parts);
    let message = payload(blob);
    let members = lock(&post.room.members).clone();
    for member in members.iter().filter(|member| member.connection != post.sender.connection) {
        member.push(message.clone());
    }
}

/// The payload of a blob of one frame.
fn payload(blob: Vec<u8>) -> Utf8Bytes {
    let length = wire::payloads(&blob).next().map_or(0, str::len);
    let start = blob.len() - length;
    Utf8Bytes::try_from(Bytes::from(blob).slice(start..)).unwrap_or_default()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
