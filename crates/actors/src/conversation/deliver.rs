//! Telling what is durable: encoded once, shared by all who get the same.

use std::ops::Range;

use bytes::Bytes;
use causerie_protocol::wire::{self, SentParts};
use causerie_protocol::{ConversationId, UserId};
use causerie_store::{Batch, Entry};

use super::effect::{Answer, Delivery};
use crate::connection::{ConnectionHandle, Live, Outgoing};
use crate::describe::message;
use crate::node::Node;
use crate::reply::Reply;
use causerie_protocol::frame::Down;
use causerie_protocol::frame::down::{Done, Sent};

/// Hands a committed batch to its senders and to the members.
pub(super) fn deliver<'a>(node: &Node, delivery: Delivery, members: impl Iterator<Item = &'a UserId>) {
    let Delivery { committed, replies, also } = delivery;
    let batch = committed.batch();
    node.metrics.batches_committed.inc();
    node.metrics.entries_committed.inc_by(batch.entries.len() as u64);
    let blob = Blob::encode(batch.conversation, &batch.entries);
    let senders = senders(&replies);
    for sender in &senders {
        sender.push(Outgoing::Live(blob.for_sender(sender, &batch.entries, &replies)));
    }
    if let Some(live) = blob.for_readers(&batch.entries) {
        let mut deliveries = 0;
        let mut tell = |user: &UserId| {
            node.connections.of_user(user, |connection| {
                if !senders.contains(connection) {
                    deliveries += 1;
                    connection.push(Outgoing::Live(live.clone()));
                }
            });
        };
        members.for_each(&mut tell);
        also.iter().for_each(tell);
        node.metrics.deliveries.inc_by(deliveries);
    }
    let mut entries = batch.entries.iter();
    for answer in replies {
        finish(answer, batch.conversation, entries.next());
    }
}

/// What `Bug::PublishBeforeCommit` does: tells the members of a batch that may never be stored.
pub(super) fn publish_early<'a>(node: &Node, batch: &Batch, members: impl Iterator<Item = &'a UserId>) {
    let Some(live) = Blob::encode(batch.conversation, &batch.entries).for_readers(&batch.entries) else {
        return;
    };
    for user in members {
        node.connections.of_user(user, |connection| connection.push(Outgoing::Live(live.clone())));
    }
}

/// The connections that wait for `sent` in this batch.
fn senders(replies: &[Answer]) -> Vec<ConnectionHandle> {
    let mut senders: Vec<ConnectionHandle> = Vec::new();
    for answer in replies {
        if let Answer::Sent(reply) = answer
            && let Some(connection) = reply.to_connection()
            && !senders.contains(connection)
        {
            senders.push(connection.clone());
        }
    }
    senders
}

/// Answers what was not answered among the frames of the batch.
fn finish(answer: Answer, conversation: ConversationId, entry: Option<&Entry>) {
    match answer {
        Answer::Sent(reply) if reply.to_connection().is_some() => reply.answered(),
        Answer::Sent(reply) => match entry {
            Some(entry) => reply.send(|id| Down::Sent(sent(conversation, entry, id))),
            None => drop(reply),
        },
        Answer::Done(reply) => reply.send(|id| Down::Ok(Done { id, seq: entry.map(|entry| entry.seq) })),
        Answer::Frame(reply, frame) => reply.send(|_| *frame),
        Answer::Nobody => {}
    }
}

pub(super) fn sent(
    conversation: ConversationId,
    entry: &Entry,
    id: Option<causerie_protocol::RequestId>,
) -> Sent {
    Sent {
        id,
        conversation,
        client_message_id: entry.client_message_id,
        seq: entry.seq,
        message_id: entry.message_id,
        time: entry.time(),
    }
}

/// The `message` frames of a batch, and where each of them ends.
struct Blob {
    conversation: ConversationId,
    bytes: Bytes,
    ends: Vec<usize>,
}

impl Blob {
    fn encode(conversation: ConversationId, entries: &[Entry]) -> Self {
        let size: usize = entries.iter().map(|entry| entry.body.as_json().len() + 320).sum();
        let (mut bytes, mut ends) = (Vec::with_capacity(size), Vec::with_capacity(entries.len()));
        for entry in entries {
            wire::message(&mut bytes, &entry.parts(conversation));
            ends.push(bytes.len());
        }
        Self { conversation, bytes: bytes.into(), ends }
    }

    /// What everybody gets who wrote nothing of it.
    fn for_readers(&self, entries: &[Entry]) -> Option<Live> {
        Some(Live {
            conversation: self.conversation,
            last: entries.last()?.seq,
            frames: entries.len(),
            bytes: self.bytes.clone(),
            answers: Box::default(),
        })
    }

    /// The same with `sent` in the place of the sender's own messages.
    fn for_sender(&self, sender: &ConnectionHandle, entries: &[Entry], replies: &[Answer]) -> Live {
        let (mut bytes, mut answers) = (Vec::with_capacity(self.bytes.len()), Vec::new());
        for (at, (entry, answer)) in entries.iter().zip(replies).enumerate() {
            match own(answer, sender) {
                Some(reply) => {
                    let start = bytes.len();
                    write_sent(&mut bytes, self.conversation, entry, reply);
                    answers.push(Range { start, end: bytes.len() });
                }
                None => {
                    let start = if at == 0 { 0 } else { self.ends[at - 1] };
                    bytes.extend_from_slice(&self.bytes[start..self.ends[at]]);
                }
            }
        }
        Live {
            conversation: self.conversation,
            last: entries.last().map_or(causerie_protocol::Seq::ZERO, |entry| entry.seq),
            frames: entries.len(),
            bytes: bytes.into(),
            answers: answers.into(),
        }
    }
}

fn own<'a>(answer: &'a Answer, sender: &ConnectionHandle) -> Option<&'a Reply> {
    match answer {
        Answer::Sent(reply) if reply.to_connection() == Some(sender) => Some(reply),
        _ => None,
    }
}

fn write_sent(out: &mut Vec<u8>, conversation: ConversationId, entry: &Entry, reply: &Reply) {
    let parts = SentParts {
        id: reply.id(),
        conversation,
        client_message_id: entry.client_message_id,
        seq: entry.seq,
        message_id: entry.message_id,
        time: entry.time(),
    };
    wire::sent(out, &parts);
}

/// The page that answers a read, for connections and for callers inside the process.
pub(super) fn answer_page(
    conversation: ConversationId,
    read: (Reply, causerie_protocol::Seq, bool, bool),
    entries: &[Entry],
) {
    let (reply, head, back, more) = read;
    let encode = |id: Option<&causerie_protocol::RequestId>| {
        let mut frame =
            Vec::with_capacity(entries.iter().map(|entry| entry.body.as_json().len() + 320).sum());
        wire::messages_page(&mut frame, id, conversation, (head, more), |out| {
            for (at, entry) in entries.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                wire::message_item(out, &entry.parts(conversation));
            }
        });
        if back {
            return Outgoing::Answer(frame.into());
        }
        Outgoing::Synced { frame: frame.into(), conversation, reached: (!more).then_some(head) }
    };
    let value = || {
        let items = entries.iter().map(|entry| message(conversation, entry)).collect();
        Down::Page(causerie_protocol::frame::down::Page::Messages {
            id: None,
            conversation,
            items,
            head,
            more,
        })
    };
    reply.send_encoded(encode, value);
}
