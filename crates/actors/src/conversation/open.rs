//! Opening a conversation: what its owner loads before it decides anything.

use causerie_protocol::frame::down::ConversationKind;
use causerie_protocol::{ConversationId, Seq};
use causerie_store::port::ReadError;
use causerie_store::port::messages::ReadLimit;

use super::state::Conversation;
use crate::node::Node;

/// Loads a conversation: one read for what it is, one for its end, and one each for the blocks of a direct one.
pub(super) async fn open(node: &Node, id: ConversationId) -> Result<Conversation, ReadError> {
    let state = node.store.load(id).await?;
    let head = node.store.heads(vec![id]).await?.pop().flatten();
    let mut tail = Vec::new();
    if let Some(head) = head {
        let limit = ReadLimit { items: node.settings.recent_keys, bytes: usize::MAX };
        tail = node.store.read_back(id, Seq(1), head.seq, limit).await?;
        let dense = tail.windows(2).all(|pair| pair[0].seq.next() == pair[1].seq);
        if !dense || tail.last().map(|entry| entry.seq) != Some(head.seq) {
            return Err(ReadError::Corrupt(format!("the end of conversation {id} has a gap")));
        }
    }
    let direct = state.as_ref().is_some_and(|state| state.row.kind == ConversationKind::Direct);
    let mut blocked_by = Vec::new();
    if direct && let Some(state) = &state {
        for (user, ..) in &state.members {
            let blocked = node.store.blocks(user.clone()).await?;
            if state.row.peer(user).is_some_and(|peer| blocked.contains(peer)) {
                blocked_by.push(user.clone());
            }
        }
    }
    Ok(Conversation::new(id, state, &tail, blocked_by, &node.settings, node.clock.monotonic()))
}
