//! The `heads` table: where each log ends, about. Written behind, at most once a second for each conversation, and only a
//! hint: whoever reads one looks for entries behind it. A lost one costs a search.

use std::sync::Arc;
use std::time::Duration;

use causerie_protocol::{ConversationId, Seq};
use causerie_store::port::WriteError;
use futures_util::{StreamExt as _, stream};
use hashbrown::HashMap;
use parking_lot::Mutex;
use tokio::time::{MissedTickBehavior, interval};

use super::Log;
use super::rows::bigint;
use crate::codec::{self, Cell};

/// How far behind a head is written.
const BEHIND: Duration = Duration::from_secs(1);

/// Heads that are being written at once.
const CONCURRENT: usize = 16;

/// Heads that wait; above that they are left to later appends.
const MOST: usize = 100_000;

/// What has risen since it was written.
#[derive(Debug, Default)]
pub(super) struct Heads {
    risen: Mutex<HashMap<ConversationId, Seq>>,
}

impl Heads {
    /// A log ends here now.
    pub(super) fn rose(&self, conversation: ConversationId, last: Seq) {
        let mut risen = self.risen.lock();
        if risen.len() < MOST || risen.contains_key(&conversation) {
            risen.insert(conversation, last);
        }
    }
}

/// The position that a head tells; `None` where it is damaged, which a search makes good.
pub(super) fn open_head(conversation: ConversationId, cell: &[u8]) -> Option<Seq> {
    let opened = codec::unseal::<u64>(Cell::Head, conversation.as_bytes(), cell);
    opened.inspect_err(|damaged| tracing::warn!(%damaged, "the head is looked for")).ok().map(Seq)
}

impl Log {
    /// Writes heads until the base stops, and then what is left.
    pub(super) async fn keep_heads(self: Arc<Self>) {
        let mut ticks = interval(BEHIND);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => self.write_heads().await,
                () = self.base.stop.cancelled() => return self.write_heads().await,
            }
        }
    }

    async fn write_heads(&self) {
        let risen = std::mem::take(&mut *self.heads.risen.lock());
        let writes: Vec<_> = risen.into_iter().map(|(id, last)| self.write_head(id, last)).collect();
        let done: Vec<_> = stream::iter(writes).buffer_unordered(CONCURRENT).collect().await;
        let failed: Vec<WriteError> = done.into_iter().filter_map(Result::err).collect();
        if let Some(error) = failed.first() {
            tracing::warn!(heads = failed.len(), %error, "heads were not written; they are looked for when needed");
        }
    }

    /// Writes where a log ends; the highest wins.
    pub(super) async fn write_head(&self, conversation: ConversationId, last: Seq) -> Result<(), WriteError> {
        let head = codec::seal(Cell::Head, conversation.as_bytes(), &last.0);
        let head = head.map_err(|error| WriteError::Refused(error.to_string()))?;
        self.base.cql.write(&self.statements.put_head, (conversation.0, head, bigint(last))).await
    }

    /// Whether the head of a log may be behind.
    pub(super) fn head_waits(&self, conversation: ConversationId) -> bool {
        self.heads.risen.lock().contains_key(&conversation)
    }

    /// It was written by somebody else.
    pub(super) fn head_written(&self, conversation: ConversationId, last: Seq) {
        let mut risen = self.heads.risen.lock();
        if risen.get(&conversation).is_some_and(|risen| *risen <= last) {
            risen.remove(&conversation);
        }
    }
}
