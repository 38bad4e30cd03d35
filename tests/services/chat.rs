//! One conversation in a store, as its owner appends to it.

use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};
use causerie_cql::CqlStore;
use causerie_protocol::frame::down::EntryKind;
use causerie_protocol::{Body, ClientMessageId, ConversationId, DeviceId, MessageId, Seq, UserId};
use causerie_store::model::{Epoch, Shard};
use causerie_store::port::messages::{AppendError, Messages as _, ReadLimit};
use causerie_store::port::{Ownership as _, ReadError};
use causerie_store::{Batch, Entry, PendingAppend};
use tokio::sync::oneshot;
use tokio::time::{Duration, Instant};

/// How long a service may take to be there again.
const LIMIT: Duration = Duration::from_secs(60);

/// A conversation whose every entry is made of its position, so that what is read can be compared.
pub(crate) struct Chat {
    store: Arc<CqlStore>,
    pub(crate) id: ConversationId,
    /// The last position that was acknowledged; all below were too.
    pub(crate) acknowledged: u64,
}

impl Chat {
    /// A new one.
    pub(crate) fn new(store: &Arc<CqlStore>) -> Self {
        Self { store: Arc::clone(store), id: ConversationId(uuid::Uuid::new_v4()), acknowledged: 0 }
    }

    /// Another store has it now.
    pub(crate) fn move_to(&mut self, store: &Arc<CqlStore>) {
        self.store = Arc::clone(store);
    }

    /// One attempt at the next position.
    pub(crate) async fn append(&mut self) -> Result<(), AppendError> {
        let next = self.acknowledged + 1;
        let epoch = self.store.epoch(Shard::of_conversation(self.id)).unwrap_or(Epoch(0));
        let entries = vec![self.entry(next)];
        let batch =
            Batch { conversation: self.id, epoch, entries, projections: Vec::new(), check_keys: false };
        let (reply, answer) = oneshot::channel();
        self.store.append(PendingAppend::new(batch, move |result| _ = reply.send(result)));
        match answer.await {
            Ok(Ok(_)) => {
                self.acknowledged = next;
                Ok(())
            }
            Ok(Err((_, error))) => Err(error),
            Err(_) => Err(AppendError::Unknown("no answer".into())),
        }
    }

    /// So many more, none of which may fail.
    pub(crate) async fn go_on(&mut self, count: usize) -> Result<()> {
        for _ in 0..count {
            self.append().await.with_context(|| format!("after {} in {}", self.acknowledged, self.id.0))?;
        }
        Ok(())
    }

    /// The same batch again until it is acknowledged.
    pub(crate) async fn insist(&mut self) -> Result<()> {
        let asked = Instant::now();
        loop {
            match self.append().await {
                Ok(()) => return Ok(()),
                Err(AppendError::Exists(_)) => bail!("keys were not to be looked up"),
                Err(error) => ensure!(asked.elapsed() < LIMIT, "it does not come back: {error}"),
            }
        }
    }

    /// What the log holds, one read.
    pub(crate) async fn read(&self) -> Result<Vec<Entry>, ReadError> {
        let all = ReadLimit { items: 100_000, bytes: 64 << 20 };
        self.store.read(self.id, Seq(1), Seq(u64::MAX), all).await
    }

    /// Reads until the store answers; everything acknowledged has to be there, and nothing else but the one position
    /// whose outcome may be unknown.
    pub(crate) async fn verify(&self) -> Result<()> {
        let asked = Instant::now();
        let read = loop {
            match self.read().await {
                Ok(entries) => break entries,
                Err(ReadError::Unavailable(why)) => {
                    ensure!(asked.elapsed() < LIMIT, "reads do not come back: {why}");
                }
                Err(error) => bail!("{}: {error}", self.id.0),
            }
        };
        let found = read.len() as u64;
        ensure!(
            (self.acknowledged..=self.acknowledged + 1).contains(&found),
            "{found} entries of {} acknowledged in {}",
            self.acknowledged,
            self.id.0
        );
        let expected: Vec<Entry> = (1..=found).map(|seq| self.entry(seq)).collect();
        ensure!(read == expected, "other entries than those appended in {}", self.id.0);
        Ok(())
    }

    fn entry(&self, seq: u64) -> Entry {
        Entry {
            seq: Seq(seq),
            message_id: MessageId((1 << 22) + seq),
            kind: EntryKind::Message,
            from: UserId::new("alice").expect("a user id"),
            device: DeviceId::new("phone").expect("a device id"),
            client_message_id: ClientMessageId(uuid::Uuid::from_u64_pair(seq, 8)),
            body: Body::text(&format!("{seq} in {}", self.id.0)),
        }
    }
}
