//! The store's answers, on their way back to the conversations that wait for them.
//!
//! A store answers the appends of a group one after the other, from a thread of its own. To wake an actor from there
//! takes a lock of the whole runtime and often a system call, for each of them. So the answers of a group gather here,
//! and one task of the runtime hands them all over; in the runtime a wake-up is a place in a queue.
//!
//! Guaranteed: each answer is handed over, in the order of arrival. Bounded by the appends that are under way: a
//! conversation has at most one.

use std::sync::{Arc, Weak};
use std::time::Duration;

use causerie_store::committed::AppendResult;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::actor::Message;
use super::owner::ConversationHandle;
use crate::node::Node;

/// An answer.
#[derive(Debug)]
pub(super) struct Appended {
    /// Whose append it was.
    pub(super) handle: ConversationHandle,
    pub(super) result: AppendResult,
    /// When it was handed to the store.
    pub(super) since: Duration,
    pub(super) entries: usize,
    /// What keeps the node waiting for it.
    pub(super) token: TaskTrackerToken,
}

/// What has been answered and not handed over.
#[derive(Debug)]
pub struct Answers {
    runtime: Handle,
    node: Weak<Node>,
    waiting: Mutex<Vec<Appended>>,
}

impl Answers {
    /// Nothing yet. Hands over in the runtime that it is made in.
    pub(crate) fn new(node: Weak<Node>) -> Arc<Self> {
        Arc::new(Self { runtime: Handle::current(), node, waiting: Mutex::default() })
    }

    /// Takes an answer, from any thread.
    pub(super) fn push(self: &Arc<Self>, appended: Appended) {
        let mut waiting = self.waiting.lock();
        waiting.push(appended);
        if waiting.len() == 1 {
            drop(waiting);
            let answers = Arc::clone(self);
            // Joined by the tokens of what it hands over: the node does not end before they are dropped.
            drop(self.runtime.spawn(async move { answers.hand_over() }));
        }
    }

    fn hand_over(&self) {
        let waiting = std::mem::take(&mut *self.waiting.lock());
        let Some(node) = self.node.upgrade() else { return };
        let now = node.clock.monotonic();
        for Appended { handle, result, since, entries, token } in waiting {
            if result.is_ok() {
                node.metrics.note_append(now.saturating_sub(since), entries);
            }
            handle.tell(Message::Appended(result));
            handle.let_go(&node);
            drop(token);
        }
    }
}
