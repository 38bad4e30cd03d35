//! The log on a real database, with a proxy in between that breaks what passes.

mod faults;
mod owners;
mod pages;

use std::sync::Arc;
use std::time::Duration;

use causerie_cql_proxy::{Kind, Pick, Proxy};
use causerie_protocol::frame::down::Role;
use causerie_protocol::{Body, ConversationId, Seq};
use causerie_store::contract::sample::{ALL, END, batch, client_id, group, member, user};
use causerie_store::model::{Batch, Projection};
use causerie_store::port::Messages as _;
use causerie_store::port::messages::AppendError;
use causerie_store::{Committed, Entry, PendingAppend};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::rows::{ENTRY, KEY, NO_KEY, bigint, key_id, open_key, page_of};
use super::tail::EntryRow;
use crate::codec::open_message;
use crate::session::Cql;
use crate::{CqlConfig, CqlStore};

/// A cluster of its own, a proxy in front of the database, and a session past it.
struct World {
    config: CqlConfig,
    cql: Arc<Cql>,
    proxy: Proxy,
}

/// Runs a test in a world.
fn run<F>(test: impl FnOnce(World) -> F)
where
    F: Future<Output = ()>,
{
    crate::lab::run_in_cluster(|config, cql| async move {
        let proxy = Proxy::start(&config.hosts[0]).await.unwrap();
        test(World { config, cql, proxy }).await;
    });
}

impl World {
    /// A store whose requests go through the proxy, and which soon notices when no answer comes.
    async fn through(&self) -> CqlStore {
        let hosts = vec![self.proxy.address().to_string()];
        opened(CqlConfig {
            hosts,
            request_timeout: Duration::from_millis(700),
            write_deadline: Duration::from_secs(3),
            ..self.config.clone()
        })
        .await
    }

    /// A store past the proxy. Under the same name: it takes over from any other.
    async fn past(&self) -> CqlStore {
        opened(self.config.clone()).await
    }

    /// The rows of a page as they are in the database: entries rising, and keys.
    async fn rows(&self, id: ConversationId, page: i32) -> (Vec<Entry>, Vec<(Uuid, Seq)>) {
        let read = |columns, kind| {
            let text =
                format!("SELECT {columns} FROM $data.messages WHERE conv = ? AND page = ? AND kind = {kind}");
            let cql = Arc::clone(&self.cql);
            async move { cql.prepare_read(&text).await.unwrap() }
        };
        let entries: Vec<EntryRow> =
            self.cql.rows(&read("seq, epoch, body", ENTRY).await, (id.0, page)).await.unwrap();
        let entries = entries
            .into_iter()
            .rev()
            .map(|(seq, _, cell)| open_message(id, Seq(u64::try_from(seq).unwrap()), &cell).unwrap().entry);
        let keys: Vec<(Uuid, Vec<u8>)> =
            self.cql.rows(&read("cmid, body", KEY).await, (id.0, page)).await.unwrap();
        let keys = keys.into_iter().map(|(key, cell)| (key, open_key(id, key, &cell).unwrap()));
        (entries.collect(), keys.collect())
    }

    /// Waits until a batch of [`others`] has landed: its idempotency rows are never deleted, and found to be nothing.
    async fn landed(&self, id: ConversationId, seq: u64) {
        let key = key_id(&user("alice"), client_id(1_000_000 + seq));
        let text = "SELECT cmid FROM $data.messages WHERE conv = ? AND page = ? AND kind = 1 AND seq = 0 AND cmid = ?";
        let read = self.cql.prepare_read(text).await.unwrap();
        let values = (id.0, page_of(Seq(seq)), key);
        // A read that a busy database does not answer in time is asked again.
        let look = async { while !matches!(self.cql.one::<(Uuid,)>(&read, values).await, Ok(Some(_))) {} };
        tokio::time::timeout(Duration::from_secs(20), look).await.expect("what was held back lands");
    }

    /// Exactly these entries are in the database, one row each, and one row for each of their keys.
    async fn assert_rows(&self, id: ConversationId, expected: &[Entry]) {
        let (entries, mut keys) = self.rows(id, 0).await;
        assert_eq!(entries, expected);
        let mut wanted: Vec<_> =
            expected.iter().map(|entry| (key_id(&entry.from, entry.client_message_id), entry.seq)).collect();
        keys.sort();
        wanted.sort();
        assert_eq!(keys, wanted);
    }

    /// Writes an entry's row as an owner would, past the store.
    async fn write_raw(&self, id: ConversationId, entry: &Entry, timestamp: i64) {
        let insert = "INSERT INTO $data.messages (conv, page, kind, seq, cmid, epoch, body) \
                      VALUES (?, ?, 0, ?, ?, 1, ?) USING TIMESTAMP ?";
        let stored = crate::codec::Stored {
            entry: entry.clone(),
            highest: entry.client_message_id,
            projected_before: Seq(0),
            projections: vec![],
        };
        let cell = crate::codec::seal_message(id, &stored).unwrap();
        let insert = self.cql.prepare_write(insert).await.unwrap();
        let values = (id.0, page_of(entry.seq), bigint(entry.seq), NO_KEY, cell, timestamp);
        self.cql.write(&insert, values).await.unwrap();
    }
}

/// Opens a store as whoever waits for a database does.
async fn opened(config: CqlConfig) -> CqlStore {
    for _ in 0..20 {
        match Box::pin(CqlStore::open(config.clone())).await {
            Err(error) if error.may_wait() => eprintln!("tries again: {error}"),
            opened => return opened.unwrap(),
        }
    }
    panic!("the database never answers");
}

/// A conversation of its own.
fn fresh() -> ConversationId {
    ConversationId(Uuid::new_v4())
}

type Answered = oneshot::Receiver<Result<Committed, (Batch, AppendError)>>;

/// Hands a batch over.
fn send(store: &CqlStore, batch: Batch) -> Answered {
    let (reply, answer) = oneshot::channel();
    store.append(PendingAppend::new(batch, move |result| drop(reply.send(result))));
    answer
}

/// Appends, and waits for the answer.
async fn append(store: &CqlStore, batch: Batch) -> Result<(), AppendError> {
    send(store, batch).await.unwrap().map(drop).map_err(|(_, error)| error)
}

/// The batch again and again until it is committed, as its owner does.
async fn until_committed(store: &CqlStore, batch: &Batch) {
    for _ in 0..10 {
        match append(store, batch.clone()).await {
            Ok(()) => return,
            Err(AppendError::Unknown(_) | AppendError::Refused(_)) => {}
            Err(exists) => panic!("{exists}"),
        }
    }
    panic!("it is never committed");
}

async fn all(store: &CqlStore, id: ConversationId) -> Vec<Entry> {
    store.read(id, Seq(1), END, ALL).await.unwrap()
}

/// Entries with another text than the sample's, under other keys.
fn others(id: ConversationId, positions: std::ops::RangeInclusive<u64>) -> Batch {
    let mut batch = batch(id, positions);
    for entry in &mut batch.entries {
        entry.body = Body::text("another");
        entry.client_message_id = client_id(1_000_000 + entry.seq.0);
    }
    batch
}

/// The first three entries of a group.
fn begun(id: ConversationId) -> Batch {
    let projections =
        vec![Projection::Conversation(group(1)), Projection::Member(user("alice"), member(Role::Owner, 1))];
    Batch { projections, ..batch(id, 1..=3) }
}

/// Batches of entries.
fn appends() -> Pick {
    Pick::of(Kind::Batch).text(".messages")
}

/// Reads of the fence.
fn fence() -> Pick {
    Pick::of(Kind::Execute).text("node_fence")
}
