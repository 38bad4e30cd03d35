//! Who is away, and was told so: one notice for a burst of messages.

use std::time::Duration;

use causerie_protocol::UserId;
use causerie_store::Committed;
use hashbrown::HashMap;

use crate::listener::CommitListener;
use crate::node::Node;

/// Silence after which the next message begins a new burst.
const BURST: Duration = Duration::from_secs(60);

/// The members that a notice went out for, and when they last missed something. At most one place for each member.
#[derive(Debug, Default)]
pub(super) struct Away(HashMap<UserId, Duration>);

impl Away {
    /// Tells the listener which members have no connected device and begin to miss something.
    pub(super) fn tell<'a>(
        &mut self,
        node: &Node,
        listener: &dyn CommitListener,
        committed: &Committed,
        members: impl Iterator<Item = &'a UserId>,
    ) {
        let batch = committed.batch();
        let Some(last) = batch.entries.last() else { return };
        let now = node.clock.monotonic();
        self.0.retain(|_, missed| now.saturating_sub(*missed) < BURST);
        for user in members.filter(|user| **user != last.from) {
            if node.connections.is_connected(user) {
                self.0.remove(user);
            } else if self.0.insert(user.clone(), now).is_none() {
                listener.undelivered(batch.conversation, user, last.seq, &last.from);
            }
        }
    }
}
