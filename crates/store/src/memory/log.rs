//! Logs, conversations and events, in memory.

use causerie_protocol::{Body, ClientMessageId, ConversationId, DeviceId, Seq, UserId};

use super::MemoryStore;
use super::tables::{Happened, Tables};
use crate::committed::PendingAppend;
use crate::model::{
    ConversationState, Cursor, CursorUpdate, Entry, Event, EventBody, EventPosition, UserConversation,
};
use crate::port::messages::ReadLimit;
use crate::port::{Answer, Conversations, Events, Messages, ReadError, Store, WriteError};

type Read<T> = Answer<Result<T, ReadError>>;
type Written = Answer<Result<(), WriteError>>;

impl Messages for MemoryStore {
    fn append(&self, append: PendingAppend) {
        self.append_now_or_later(append);
    }

    fn read(
        &self,
        conversation: ConversationId,
        first: Seq,
        last: Seq,
        limit: ReadLimit,
    ) -> Read<Vec<Entry>> {
        self.look(|tables| take(range(tables, conversation, first, last), limit))
    }

    fn read_back(
        &self,
        conversation: ConversationId,
        first: Seq,
        last: Seq,
        limit: ReadLimit,
    ) -> Read<Vec<Entry>> {
        self.look(|tables| {
            let mut entries = take(range(tables, conversation, first, last).rev(), limit);
            entries.reverse();
            entries
        })
    }

    fn heads(&self, conversations: Vec<ConversationId>) -> Read<Vec<Option<Entry>>> {
        self.look(|tables| {
            let head = |id| tables.logs.get(id)?.entries.values().next_back().cloned();
            conversations.iter().map(head).collect()
        })
    }

    fn find(
        &self,
        conversation: ConversationId,
        keys: Vec<(UserId, ClientMessageId)>,
    ) -> Read<Vec<Option<Entry>>> {
        self.look(|tables| {
            let log = tables.logs.get(&conversation);
            keys.iter().map(|key| log.and_then(|log| log.entries.get(log.keys.get(key)?)).cloned()).collect()
        })
    }

    fn highest_key(&self, conversation: ConversationId) -> Read<Option<ClientMessageId>> {
        self.look(|tables| {
            let log = tables.logs.get(&conversation);
            log.and_then(|log| log.keys.keys().map(|(_, id)| *id).max())
        })
    }

    fn replace_bodies(&self, conversation: ConversationId, bodies: Vec<(Seq, Body)>) -> Written {
        self.write(move |tables| {
            let Some(log) = tables.logs.get_mut(&conversation) else { return };
            for (seq, body) in bodies {
                log.entries.entry(seq).and_modify(|entry| entry.body = body);
            }
        })
    }
}

fn range(
    tables: &Tables,
    conversation: ConversationId,
    first: Seq,
    last: Seq,
) -> impl DoubleEndedIterator<Item = &Entry> {
    let log = tables.logs.get(&conversation).filter(|_| first <= last);
    log.into_iter().flat_map(move |log| log.entries.range(first..=last).map(|(_, entry)| entry))
}

fn take<'a>(entries: impl Iterator<Item = &'a Entry>, limit: ReadLimit) -> Vec<Entry> {
    let (mut taken, mut bytes) = (Vec::new(), 0);
    for entry in entries.take(limit.items) {
        bytes += entry.body.as_json().len();
        if bytes > limit.bytes && !taken.is_empty() {
            break;
        }
        taken.push(entry.clone());
    }
    taken
}

impl Conversations for MemoryStore {
    fn load(&self, conversation: ConversationId) -> Read<Option<ConversationState>> {
        self.look(|tables| tables.load(conversation))
    }

    fn conversations_of(&self, user: UserId) -> Read<Vec<UserConversation>> {
        self.look(|tables| tables.list(&user))
    }

    fn conversation_of(&self, user: UserId, conversation: ConversationId) -> Read<Option<UserConversation>> {
        self.look(|tables| tables.listed(&user, conversation))
    }

    fn share_conversation(&self, a: UserId, b: UserId) -> Read<bool> {
        self.look(|tables| tables.share(&a, &b))
    }

    fn put_cursors(&self, updates: Vec<CursorUpdate>) -> Written {
        self.write(move |tables| tables.raise_cursors(&updates))
    }

    fn device_cursors(&self, user: UserId, conversation: ConversationId) -> Read<Vec<(DeviceId, Cursor)>> {
        self.look(|tables| {
            let devices = tables.devices(&user, conversation);
            devices.map(|(device, cursor)| (device.clone(), *cursor)).collect()
        })
    }
}

impl Store for MemoryStore {
    fn event_log(&self) -> Option<&dyn Events> {
        Some(self)
    }
}

impl Events for MemoryStore {
    fn events(&self, after: EventPosition, limit: usize) -> Read<Vec<Event>> {
        self.look(|tables| {
            let skip = usize::try_from(after.0).unwrap_or(usize::MAX);
            let events = tables.events.iter().zip(1..).skip(skip).take(limit);
            events.map(|(event, position)| tables.event(event, position)).collect()
        })
    }

    fn last_event(&self) -> EventPosition {
        EventPosition(*self.last_event_sender().borrow())
    }

    fn event_after(&self, position: EventPosition) -> Answer<()> {
        let mut last = self.last_event_sender().subscribe();
        Box::pin(async move { drop(last.wait_for(|last| *last > position.0).await) })
    }
}

impl Tables {
    fn event(&self, (conversation, happened): &(ConversationId, Happened), position: u64) -> Event {
        let body = match happened {
            Happened::Entry(seq) => EventBody::Entry(self.logs[conversation].entries[seq].clone()),
            Happened::Receipt(user, cursor) => EventBody::Receipt { user: user.clone(), cursor: *cursor },
        };
        Event { position: EventPosition(position), conversation: *conversation, body }
    }
}
