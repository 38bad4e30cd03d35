//! A store that keeps bodies encrypted, around any other store.
//!
//! Guaranteed: no body reaches the inner store readable, and one that was changed or moved there is reported as damaged,
//! never served. Not guaranteed: secrecy of who wrote when to whom, and of lengths.
//!
//! Only what carries bodies is written out here: appending, reading and the event log. All the rest is passed on as it is,
//! in [`pass_on`].

mod body_key;
mod pass_on;

use std::sync::Arc;

use causerie_protocol::{Body, ClientMessageId, ConversationId, Seq, UserId};
use causerie_store::model::{Batch, Entry, Event, EventBody, EventPosition};
use causerie_store::port::messages::ReadLimit;
use causerie_store::port::{Answer, Events, Messages, ReadError, WriteError};
use causerie_store::{PendingAppend, Store};

pub(crate) use body_key::BodyKey;

/// A store whose bodies are sealed with a key.
pub(crate) struct SealedStore<S> {
    inner: S,
    key: Arc<BodyKey>,
}

impl<S: Store> SealedStore<S> {
    /// Seals what is written to `inner` from now on. What is in it already has to be sealed with this key.
    pub(crate) fn new(inner: S, key: BodyKey) -> Self {
        Self { inner, key: Arc::new(key) }
    }

    /// The event log of the inner store: only asked for where there is one.
    fn log(&self) -> &dyn Events {
        self.inner
            .event_log()
            .expect("`event_log` gives this store as a log only where the inner one has one")
    }

    /// Opens the entries of an answer.
    fn opened(
        &self,
        conversation: ConversationId,
        entries: Answer<Result<Vec<Entry>, ReadError>>,
    ) -> Answer<Result<Vec<Entry>, ReadError>> {
        let key = Arc::clone(&self.key);
        Box::pin(async move {
            entries.await?.into_iter().map(|entry| key.open_entry(conversation, entry)).collect()
        })
    }
}

impl<S: Store> Messages for SealedStore<S> {
    /// The inner store gets a batch of its own, and its answer becomes the answer of this one: when, and only when, the
    /// inner batch is durable, so is what it stands for.
    fn append(&self, append: PendingAppend) {
        let batch = append.batch();
        let seal = |entry: &Entry| {
            let body = self.key.seal(batch.conversation, entry.seq, &entry.body);
            Entry { body, ..entry.clone() }
        };
        let sealed = Batch { entries: batch.entries.iter().map(seal).collect(), ..batch.clone() };
        self.inner.append(PendingAppend::new(sealed, move |result| match result {
            Ok(_) => append.committed(),
            Err((_, error)) => append.failed(error),
        }));
    }

    fn read(
        &self,
        conversation: ConversationId,
        first: Seq,
        last: Seq,
        limit: ReadLimit,
    ) -> Answer<Result<Vec<Entry>, ReadError>> {
        let read = self.opened(conversation, self.inner.read(conversation, first, last, wide(limit)));
        Box::pin(async move {
            let mut entries = read.await?;
            entries.truncate(fitting(entries.iter(), limit));
            Ok(entries)
        })
    }

    fn read_back(
        &self,
        conversation: ConversationId,
        first: Seq,
        last: Seq,
        limit: ReadLimit,
    ) -> Answer<Result<Vec<Entry>, ReadError>> {
        let read = self.opened(conversation, self.inner.read_back(conversation, first, last, wide(limit)));
        Box::pin(async move {
            let mut entries = read.await?;
            let fit = fitting(entries.iter().rev(), limit);
            Ok(entries.split_off(entries.len() - fit))
        })
    }

    fn heads(&self, conversations: Vec<ConversationId>) -> Answer<Result<Vec<Option<Entry>>, ReadError>> {
        let (heads, key) = (self.inner.heads(conversations.clone()), Arc::clone(&self.key));
        Box::pin(async move {
            let heads = conversations.into_iter().zip(heads.await?);
            heads.map(|(id, head)| head.map(|entry| key.open_entry(id, entry)).transpose()).collect()
        })
    }

    fn find(
        &self,
        conversation: ConversationId,
        keys: Vec<(UserId, ClientMessageId)>,
    ) -> Answer<Result<Vec<Option<Entry>>, ReadError>> {
        let (found, key) = (self.inner.find(conversation, keys), Arc::clone(&self.key));
        Box::pin(async move {
            let found = found.await?.into_iter();
            found.map(|entry| entry.map(|entry| key.open_entry(conversation, entry)).transpose()).collect()
        })
    }

    fn highest_key(
        &self,
        conversation: ConversationId,
    ) -> Answer<Result<Option<ClientMessageId>, ReadError>> {
        self.inner.highest_key(conversation)
    }

    fn replace_bodies(
        &self,
        conversation: ConversationId,
        bodies: Vec<(Seq, Body)>,
    ) -> Answer<Result<(), WriteError>> {
        let seal = |(seq, body)| (seq, self.key.seal(conversation, seq, &body));
        self.inner.replace_bodies(conversation, bodies.into_iter().map(seal).collect())
    }
}

impl<S: Store> Store for SealedStore<S> {
    fn event_log(&self) -> Option<&dyn Events> {
        self.inner.event_log()?;
        Some(self)
    }
}

impl<S: Store> Events for SealedStore<S> {
    fn events(&self, after: EventPosition, limit: usize) -> Answer<Result<Vec<Event>, ReadError>> {
        let (events, key) = (self.log().events(after, limit), Arc::clone(&self.key));
        let open = move |event: Event| {
            let body = match event.body {
                EventBody::Entry(entry) => EventBody::Entry(key.open_entry(event.conversation, entry)?),
                receipt @ EventBody::Receipt { .. } => receipt,
            };
            Ok(Event { body, ..event })
        };
        Box::pin(async move { events.await?.into_iter().map(open).collect() })
    }

    fn last_event(&self) -> EventPosition {
        self.log().last_event()
    }

    fn event_after(&self, position: EventPosition) -> Answer<()> {
        self.log().event_after(position)
    }
}

/// A limit counts the bytes of bodies as they are read; sealed, the same bodies are larger.
fn wide(limit: ReadLimit) -> ReadLimit {
    ReadLimit { bytes: limit.bytes.saturating_mul(2), ..limit }
}

/// How many of the first entries are within the limit; one is, whatever its size.
fn fitting<'a>(entries: impl Iterator<Item = &'a Entry>, limit: ReadLimit) -> usize {
    let sizes = entries.map(|entry| entry.body.as_json().len());
    let totals = sizes.scan(0usize, |total, size| {
        *total = total.saturating_add(size);
        Some(*total)
    });
    totals.enumerate().take_while(|(at, total)| *at == 0 || *total <= limit.bytes).count()
}
