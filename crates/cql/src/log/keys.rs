//! Idempotency keys: where an entry stands that has a key, whatever its age.
//!
//! A row of a key stands in the page of its entry, and may be left over from a batch that was deleted. So a row is a hint:
//! the key is found when the entry at the position it names is committed and has that key.

use std::collections::HashMap;

use causerie_protocol::{ClientMessageId, ConversationId, Seq, UserId};
use causerie_store::Entry;
use causerie_store::port::ReadError;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use uuid::Uuid;

use super::rows::{key_id, open_key, page_of};
use super::{Log, unavailable};

/// Pages that are looked at together, the newest first.
const TOGETHER: usize = 16;

/// Pages that are looked at: four million entries.
const MOST: i32 = 1024;

/// Keys of one statement.
const KEYS: usize = 64;

/// Who sent, and how the client calls it.
pub(super) type Key = (UserId, ClientMessageId);

impl Log {
    /// As [`Messages::find`](causerie_store::port::Messages::find), of the newest 1,024 pages. Where older ones exist, a
    /// key that is not in these is `Unavailable`: it is never said to be new.
    pub(crate) async fn find(
        &self,
        conversation: ConversationId,
        keys: Vec<Key>,
    ) -> Result<Vec<Option<Entry>>, ReadError> {
        let last = self.opening(conversation).await?.last;
        let mut found = vec![None; keys.len()];
        for (keys, found) in keys.chunks(KEYS).zip(found.chunks_mut(KEYS)) {
            self.find_some(conversation, last, keys, found).await?;
        }
        Ok(found)
    }

    /// Which of these keys the log has up to a committed position.
    pub(super) async fn find_some(
        &self,
        conversation: ConversationId,
        last: Seq,
        keys: &[Key],
        found: &mut [Option<Entry>],
    ) -> Result<(), ReadError> {
        if last == Seq::ZERO {
            return Ok(());
        }
        let newest = page_of(last);
        let oldest = newest.saturating_sub(MOST - 1).max(0);
        let pages: Vec<i32> = (oldest..=newest).rev().collect();
        for pages in pages.chunks(TOGETHER) {
            let mut wanted: HashMap<Uuid, Vec<usize>> = HashMap::new();
            for (at, (sender, id)) in keys.iter().enumerate().filter(|(at, _)| found[*at].is_none()) {
                wanted.entry(key_id(sender, *id)).or_default().push(at);
            }
            if wanted.is_empty() {
                return Ok(());
            }
            let ids: Vec<Uuid> = wanted.keys().copied().collect();
            let reads: Vec<_> =
                pages.iter().copied().map(|page| self.hints(conversation, page, ids.clone())).collect();
            let hints: Vec<Vec<(Uuid, Seq)>> = stream::iter(reads).buffered(TOGETHER).try_collect().await?;
            for (id, seq) in hints.into_iter().flatten().filter(|(_, seq)| (Seq(1)..=last).contains(seq)) {
                let Some(stored) = self.fetch(conversation, seq, seq).await?.pop() else { continue };
                let entry = stored.entry;
                for at in wanted.get(&id).into_iter().flatten().copied() {
                    let same = (&entry.from, entry.client_message_id) == (&keys[at].0, keys[at].1);
                    if same && found[at].is_none() {
                        found[at] = Some(entry.clone());
                    }
                }
            }
        }
        if oldest > 0 && found.iter().any(Option::is_none) {
            return Err(unavailable("the conversation is too long to say that a key is new"));
        }
        Ok(())
    }

    async fn hints(
        &self,
        conversation: ConversationId,
        page: i32,
        keys: Vec<Uuid>,
    ) -> Result<Vec<(Uuid, Seq)>, ReadError> {
        let _reading = self.reading().await?;
        let values = (conversation.0, page, keys);
        let rows: Vec<(Uuid, Vec<u8>)> = self.base.cql.rows(&self.statements.keys, values).await?;
        rows.into_iter().map(|(id, cell)| Ok((id, open_key(conversation, id, &cell)?))).collect()
    }
}
