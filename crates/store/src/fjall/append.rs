//! What an append writes.

use causerie_planted::{Bug, planted};

use super::key_index::KeyIndex;
use super::records::{EntryRecord, EventRecord, Membership};
use super::spaces::Space;
use super::staging::{StageError, Staging};
use super::view::View;
use super::{keys, read_messages, run};
use crate::model::{Batch, Projection};
use crate::port::ReadError;

/// Puts a batch into a group: its entries, one event, and what follows from it.
pub(super) fn stage(batch: &Batch, group: &mut Staging<'_>) -> Result<(), StageError> {
    let conversation = batch.conversation;
    for run in run::cut(&batch.entries) {
        let last = run.last().expect("no run is empty").seq;
        let records: Vec<_> = run.iter().map(EntryRecord::of).collect();
        group.insert(Space::Messages, &keys::run(conversation, last), &records)?;
    }
    let skips = |seq: u64| planted(Bug::EventSkipped) && seq.is_multiple_of(8);
    if let Some(first) = batch.entries.first().filter(|first| !skips(first.seq.0)) {
        group.event(EventRecord::Entries {
            conversation: *conversation.as_bytes(),
            first: first.seq.0,
            count: batch.entries.len() as u64,
        });
    }
    for projection in &batch.projections {
        match projection {
            Projection::Conversation(row) => group.put(keys::conversation(conversation), row)?,
            Projection::Member(user, row) => {
                let membership = Membership { row: *row, removed: false };
                group.put(keys::member(conversation, user), &membership)?;
                group.put(keys::listed(user, conversation), &membership)?;
            }
            Projection::Removed(user) => {
                let listed = keys::listed(user, conversation);
                if let Some(last) = group.value::<Membership>(&listed)? {
                    group.put(listed, &Membership { removed: true, ..last })?;
                }
                group.delete(keys::member(conversation, user));
                // Who is added again begins anew, as the conversation itself sees it.
                group.delete(keys::user_cursor(conversation, user));
                for device in group.keys(&keys::devices_in(user, conversation))? {
                    group.delete(device);
                }
            }
        }
    }
    Ok(())
}

/// Which entries of a batch have keys that the log has at other positions.
pub(super) fn existing_keys(batch: &Batch, index: &KeyIndex, view: &View) -> Result<Vec<usize>, ReadError> {
    let mut existing = Vec::new();
    for (at, entry) in batch.entries.iter().enumerate() {
        let key = keys::idempotency(batch.conversation, entry.client_message_id, entry.from.as_str());
        let position = match index.get(&key) {
            Some(position) => Some(position),
            None => read_messages::position_in_tables(view, &key)?,
        };
        if position.is_some_and(|position| position != entry.seq) {
            existing.push(at);
        }
    }
    Ok(existing)
}
