//! Opening a conversation: what its owner loads before it decides anything.

use causerie_protocol::frame::down::ConversationKind;
use causerie_protocol::{ConversationId, Seq, UserId};
use causerie_store::port::ReadError;
use causerie_store::port::messages::ReadLimit;

use super::state::Conversation;
use crate::node::Node;

/// Loads a conversation: one read for what it is, three for its end, and one each for the blocks of a direct one.
pub(super) async fn open(node: &Node, id: ConversationId) -> Result<Conversation, ReadError> {
    let state = node.store.load(id).await?;
    let head = node.store.heads(vec![id]).await?.pop().flatten();
    let (mut tail, mut highest) = (Vec::new(), None);
    if let Some(head) = head {
        highest = node.store.highest_key(id).await?;
        let limit = ReadLimit { items: node.settings.recent_keys, bytes: usize::MAX };
        tail = node.store.read_back(id, Seq(1), head.seq, limit).await?;
        let dense = tail.windows(2).all(|pair| pair[0].seq.next() == pair[1].seq);
        if !dense || tail.last().map(|entry| entry.seq) != Some(head.seq) {
            return Err(ReadError::Corrupt(format!("the end of conversation {id} has a gap")));
        }
    }
    let row = state.as_ref().map(|state| &state.row).filter(|row| row.kind == ConversationKind::Direct);
    let blocked_by = match row.and_then(|row| Some([&row.created_by, row.with.as_ref()?])) {
        Some(users) => blocked_by(node, users).await?,
        None => Vec::new(),
    };
    Ok(Conversation::new(id, state, &tail, highest, blocked_by, &node.settings, node.clock.monotonic()))
}

/// Which of two users have blocked the other.
pub(super) async fn blocked_by(node: &Node, [one, other]: [&UserId; 2]) -> Result<Vec<UserId>, ReadError> {
    let mut blocked_by = Vec::new();
    for (user, peer) in [(one, other), (other, one)] {
        if node.store.blocks(user.clone()).await?.contains(peer) {
            blocked_by.push(user.clone());
        }
    }
    Ok(blocked_by)
}
