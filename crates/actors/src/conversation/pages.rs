//! Work beside the actor: pages for those who ask, and overwriting what an erased user wrote.

use std::sync::Arc;

use causerie_protocol::frame::down::{Done, EntryKind};
use causerie_protocol::frame::{Down, ErrorCode};
use causerie_protocol::{ConversationId, Seq, UserId};
use causerie_store::Entry;
use causerie_store::port::ReadError;
use causerie_store::port::messages::ReadLimit;

use super::deliver::answer_page;
use super::effect::Read;
use crate::describe::erased;
use crate::node::{Node, page_bytes};
use crate::reply::Reply;

/// Reads a page and answers with it. A missing row at or below the head is an error, never the end.
pub(super) fn read(node: &Arc<Node>, id: ConversationId, read: Read) {
    let Read { reply, first, last, limit, back, head } = read;
    if first > last {
        return answer_page(id, (reply, head, back, false), &[]);
    }
    let limit = ReadLimit { items: limit, bytes: page_bytes(node, reply.to_connection()) };
    let node = Arc::clone(node);
    node.clone().background.job(async move {
        // Only now, so that what is read and waits is bounded too.
        let entries = if back {
            node.store.read_back(id, first, last, limit)
        } else {
            node.store.read(id, first, last, limit)
        };
        match entries.await {
            Ok(entries) if is_whole(&entries, first, last, back) => {
                let ends = if back {
                    entries.first().map(|entry| entry.seq) == Some(first)
                } else {
                    entries.last().map(|entry| entry.seq) == Some(last)
                };
                answer_page(id, (reply, head, back, !ends), &entries);
            }
            Ok(_) => {
                tracing::error!(conversation = %id, %first, %last, "entries are missing below the head");
                let message = format!("Messages of {id} between {first} and {last} are missing.");
                reply.error(ErrorCode::Internal, message);
            }
            Err(ReadError::Corrupt(what)) => {
                tracing::error!(conversation = %id, what, "a stored record is damaged");
                let message = format!("A stored message of {id} is damaged; it is not shown.");
                reply.error(ErrorCode::Internal, message);
            }
            Err(ReadError::Unavailable(why)) => {
                reply.error(ErrorCode::Unavailable, format!("The store does not answer: {why}."));
            }
        }
    });
}

/// Overwrites what a user wrote up to `head`, page by page, and answers.
pub(super) fn erase(node: &Arc<Node>, id: ConversationId, user: UserId, head: Seq, reply: Reply) {
    let node = Arc::clone(node);
    node.clone().background.job(async move {
        match overwrite(&node, id, &user, head).await {
            Ok(()) => reply.send(|id| Down::Ok(Done { id, seq: None })),
            Err(why) => {
                reply
                    .error(ErrorCode::Unavailable, format!("Not everything was erased: {why}. Do it again."));
            }
        }
    });
}

/// Whether a page has neither a hole nor a missing edge.
fn is_whole(entries: &[Entry], first: Seq, last: Seq, back: bool) -> bool {
    let dense = entries.windows(2).all(|pair| pair[0].seq.next() == pair[1].seq);
    let edge = if back {
        entries.last().map(|entry| entry.seq) == Some(last)
    } else {
        entries.first().map(|entry| entry.seq) == Some(first)
    };
    dense && edge
}

/// The most entries that are erased in one step.
const ERASE_STEP: usize = 500;

async fn overwrite(node: &Node, id: ConversationId, user: &UserId, head: Seq) -> Result<(), String> {
    let erased = erased();
    let mut next = Seq(1);
    while next <= head {
        let limit = ReadLimit { items: ERASE_STEP, bytes: usize::MAX };
        let entries = node.store.read(id, next, head, limit).await.map_err(|error| error.to_string())?;
        let Some(last) = entries.last() else { break };
        next = last.seq.next();
        let mine = entries.iter().filter(|entry| entry.from == *user && entry.kind == EntryKind::Message);
        let bodies: Vec<_> = mine.map(|entry| (entry.seq, erased.clone())).collect();
        if !bodies.is_empty() {
            node.store.replace_bodies(id, bodies).await.map_err(|error| error.to_string())?;
        }
    }
    Ok(())
}
