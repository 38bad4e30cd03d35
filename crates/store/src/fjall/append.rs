//! What an append writes.

use super::records::{EntryRecord, EventRecord, Membership};
use super::spaces::Space;
use super::staging::{StageError, Staging};
use super::{keys, records::Value};
use crate::model::{Batch, Projection};

/// Puts a batch into a group: its entries, their idempotency keys, one event, and what follows from it.
pub(super) fn stage(batch: &Batch, group: &mut Staging<'_>) -> Result<(), StageError> {
    let conversation = batch.conversation;
    for entry in &batch.entries {
        group.insert(Space::Messages, &keys::message(conversation, entry.seq), &EntryRecord::of(entry))?;
        let key = keys::idempotency(conversation, entry.client_message_id, &entry.from);
        group.insert(Space::Keys, &key, &entry.seq.0.record())?;
    }
    if let Some(first) = batch.entries.first() {
        group.event(&EventRecord::Entries {
            conversation: *conversation.as_bytes(),
            first: first.seq.0,
            count: batch.entries.len() as u64,
        })?;
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
