//! The embedder's check of a message that takes time, for a bounded time.

use causerie_protocol::frame::ErrorCode;
use causerie_protocol::{Body, ConversationId, UserId};

use crate::node::Node;
use crate::rules::{Draft, Verdict};

/// Asks the rules whether a message may be written. A check that hangs must hold up nobody for ever.
///
/// # Errors
/// Why it may not; nothing was stored.
pub(crate) async fn review(
    node: &Node,
    conversation: ConversationId,
    from: &UserId,
    body: &Body,
) -> Result<(), (ErrorCode, String)> {
    let Some(review) = node.rules.review(Draft { conversation, from, body }) else { return Ok(()) };
    let refusal = match tokio::time::timeout(node.settings.send_deadline, review).await {
        Ok(Verdict::Allow) => return Ok(()),
        Ok(Verdict::Deny(why)) => (ErrorCode::Forbidden, why),
        Err(_) => {
            let message = "The check of the message took too long; nothing was stored.";
            (ErrorCode::Unavailable, message.to_owned())
        }
    };
    node.metrics.count_error(refusal.0);
    Err(refusal)
}
