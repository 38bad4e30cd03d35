//! After a conversation's actor has failed.
//!
//! What it had on its way to the store may have become durable without anybody having been told. So, once that is
//! settled and before the conversation can be opened anew, its members are told where the end is, and sync.

use std::sync::Arc;

use causerie_protocol::frame::down::Head;
use causerie_store::port::ReadError;
use tokio::runtime::Handle;

use super::owner::ConversationHandle;
use crate::connection::Outgoing;
use crate::node::Node;

/// Takes over the failed actor's hold on the conversation, and lets go when the members are told.
pub(super) fn recover(node: &Arc<Node>, handle: &ConversationHandle) {
    if Handle::try_current().is_err() {
        // The runtime ends, and with it every connection.
        return handle.let_go(node);
    }
    let (node, handle, token) = (Arc::clone(node), handle.clone(), node.background.actor());
    node.clone().background.spawn(async move {
        handle.held_alone().await;
        if let Err(error) = tell_head(&node, &handle).await {
            tracing::error!(conversation = %handle.id(), %error, "its members are not told of its end");
        }
        handle.let_go(&node);
        drop((node, token));
    });
}

async fn tell_head(node: &Node, handle: &ConversationHandle) -> Result<(), ReadError> {
    let conversation = handle.id();
    let Some(state) = node.store.load(conversation).await? else { return Ok(()) };
    let Some(last) = node.store.heads(vec![conversation]).await?.pop().flatten() else { return Ok(()) };
    for (user, ..) in state.members {
        let head = Head { conversation, seq: last.seq };
        node.connections.of_user(&user, |connection| connection.push(Outgoing::Head(head.clone())));
    }
    Ok(())
}
