//! What callers leave for an ordered emitter. They never wait: what does not fit is noted by number, and what cannot even
//! be noted is found by its mark.

use std::sync::Arc;

use causerie_protocol::{ConversationId, Seq};
use causerie_store::Epoch;
use causerie_store::model::{Batch, Cursor, Entry, Shard};
use hashbrown::HashMap;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::latest::{Latest, Of};
use crate::record::Undelivered;

/// Entries of one batch.
pub(super) type Told = (ConversationId, Epoch, Vec<Entry>);

/// Conversations that are noted by number at a time.
const NOTED: usize = 65_536;

/// Where callers put things down.
pub(super) struct Inbox {
    letters: Mutex<Letters>,
    wake: Arc<Notify>,
    most_bytes: usize,
    latest: usize,
}

/// All that was put down.
pub(super) struct Letters {
    pub(super) batches: Vec<Told>,
    bytes: usize,
    /// Positions up to which conversations have gone on beside the batches.
    pub(super) behind: HashMap<ConversationId, Seq>,
    /// Something was not even noted.
    pub(super) lost: bool,
    pub(super) receipts: Latest<Cursor>,
    pub(super) undelivered: Latest<Undelivered>,
    pub(super) acquired: Vec<Shard>,
}

impl Letters {
    fn new(latest: usize) -> Self {
        Self {
            batches: Vec::new(),
            bytes: 0,
            behind: HashMap::new(),
            lost: false,
            receipts: Latest::new(latest),
            undelivered: Latest::new(latest),
            acquired: Vec::new(),
        }
    }
}

impl Inbox {
    pub(super) fn new(most_bytes: usize, latest: usize, wake: Arc<Notify>) -> Self {
        Self { letters: Mutex::new(Letters::new(latest)), wake, most_bytes, latest }
    }

    /// A batch was committed.
    pub(super) fn committed(&self, batch: &Batch) {
        let Some(last) = batch.entries.last() else { return };
        let bytes: usize = batch.entries.iter().map(super::core::cost).sum();
        self.put(|letters| {
            if letters.bytes + bytes <= self.most_bytes {
                letters.bytes += bytes;
                letters.batches.push((batch.conversation, batch.epoch, batch.entries.clone()));
            } else if letters.behind.len() < NOTED || letters.behind.contains_key(&batch.conversation) {
                letters.behind.insert(batch.conversation, last.seq);
            } else {
                letters.lost = true;
            }
        });
    }

    pub(super) fn receipt(&self, of: Of, cursor: Cursor) {
        self.put(|letters| letters.receipts.put(of, cursor));
    }

    pub(super) fn undelivered(&self, undelivered: Undelivered) {
        let of = (undelivered.conversation, undelivered.user.clone());
        self.put(|letters| letters.undelivered.put(of, undelivered));
    }

    pub(super) fn acquired(&self, shard: Shard) {
        self.put(|letters| letters.acquired.push(shard));
    }

    fn put(&self, put: impl FnOnce(&mut Letters)) {
        put(&mut self.letters.lock());
        self.wake.notify_one();
    }

    /// Takes all that was put down.
    pub(super) fn take(&self) -> Letters {
        let empty = Letters::new(self.latest);
        std::mem::replace(&mut self.letters.lock(), empty)
    }
}
