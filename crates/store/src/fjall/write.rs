//! What is written beside appends, in the same groups.

use std::collections::BTreeMap;

use causerie_protocol::{Body, ConversationId, Seq, Timestamp, UserId};

use super::records::{EventRecord, Value};
use super::spaces::Space;
use super::staging::{StageError, Staging};
use super::view::unknown;
use super::{keys, run};
use crate::model::{Cursor, CursorUpdate, Profile, Revocation};

/// A change that is no append.
#[derive(Debug)]
pub(super) enum Write {
    /// Cursors, of which the highest win.
    Cursors(Vec<CursorUpdate>),
    /// Other bodies at positions that exist.
    Bodies(ConversationId, Vec<(Seq, Body)>),
    /// A profile.
    Profile(UserId, Profile),
    /// Settings.
    Settings(UserId, Box<str>),
    /// A block, or its end.
    Block(UserId, UserId, bool),
    /// When users were connected.
    LastSeen(Vec<(UserId, Timestamp)>),
    /// A revocation, and the time before which others may be forgotten.
    Revocation(Revocation, Timestamp),
    /// A suspension, or its end.
    Suspended(UserId, bool),
    /// The end of all that is kept of a user.
    Erase(UserId),
    /// The ceiling of message ids.
    Ceiling(Timestamp),
    /// What an opening leaves: the node number and the term.
    Opening { node: u64, epoch: u64 },
}

impl Write {
    /// Puts the change into a group.
    pub(super) fn stage(&self, group: &mut Staging<'_>) -> Result<(), StageError> {
        match self {
            Self::Cursors(updates) => cursors(updates, group),
            Self::Bodies(conversation, bodies) => replace_bodies(*conversation, bodies, group),
            Self::Profile(user, profile) => group.put(keys::profile(user), profile),
            Self::Settings(user, settings) => group.put(keys::settings(user), settings),
            Self::Block(user, other, true) => group.put(keys::block(user, other), &1),
            Self::Block(user, other, false) => {
                group.delete(keys::block(user, other));
                Ok(())
            }
            Self::LastSeen(seen) => {
                seen.iter().try_for_each(|(user, time)| group.put(keys::last_seen(user), &time.0))
            }
            Self::Revocation(revocation, now) => revoke(revocation, *now, group),
            Self::Suspended(user, true) => group.put(keys::suspended_user(user), &1),
            Self::Suspended(user, false) => {
                group.delete(keys::suspended_user(user));
                Ok(())
            }
            Self::Erase(user) => erase(user, group),
            Self::Ceiling(ceiling) => raise(keys::CEILING.to_vec(), ceiling.0, group),
            Self::Opening { node, epoch } => {
                group.put(keys::NODE.to_vec(), node)?;
                group.put(keys::EPOCH.to_vec(), epoch)
            }
        }
    }
}

fn cursors(updates: &[CursorUpdate], group: &mut Staging<'_>) -> Result<(), StageError> {
    let mut risen: BTreeMap<(&UserId, ConversationId), Cursor> = BTreeMap::new();
    for CursorUpdate { conversation, user, device, cursor } in updates {
        let mut key = keys::devices_in(user, *conversation);
        key.extend_from_slice(device.as_str().as_bytes());
        raise_cursor(key, *cursor, group)?;
        if let Some(highest) = raise_cursor(keys::user_cursor(*conversation, user), *cursor, group)? {
            risen.insert((user, *conversation), highest);
        }
    }
    for ((user, conversation), cursor) in risen {
        let (conversation, cursor) = (*conversation.as_bytes(), cursor.record());
        group.event(EventRecord::Receipt { conversation, user: user.as_str().to_owned().into(), cursor });
    }
    Ok(())
}

/// What the cursor is now, if it rose.
fn raise_cursor(key: Vec<u8>, cursor: Cursor, group: &mut Staging<'_>) -> Result<Option<Cursor>, StageError> {
    let before = group.value::<Cursor>(&key)?.unwrap_or_default();
    let after = before.max(cursor);
    if after == before {
        return Ok(None);
    }
    group.put(key, &after)?;
    Ok(Some(after))
}

fn raise(key: Vec<u8>, number: u64, group: &mut Staging<'_>) -> Result<(), StageError> {
    let before = group.value::<u64>(&key)?.unwrap_or_default();
    if number > before { group.put(key, &number) } else { Ok(()) }
}

fn replace_bodies(
    conversation: ConversationId,
    bodies: &[(Seq, Body)],
    group: &mut Staging<'_>,
) -> Result<(), StageError> {
    let mut runs: BTreeMap<Vec<u8>, Vec<(Seq, &Body)>> = BTreeMap::new();
    for (seq, body) in bodies {
        if let Some(key) = group.key_of_run(conversation, *seq)? {
            runs.entry(key).or_default().push((*seq, body));
        }
    }
    for (key, bodies) in runs {
        let Some(bytes) = group.bytes(Space::Messages, &key)? else { continue };
        let (first, mut entries) = run::unseal(&key, &bytes)?;
        for (seq, body) in bodies {
            let at = seq.0.checked_sub(first.0).and_then(|at| usize::try_from(at).ok());
            if let Some(entry) = at.and_then(|at| entries.get_mut(at)) {
                entry.set_body(body);
            }
        }
        group.replace(Space::Messages, key, &entries)?;
    }
    Ok(())
}

fn revoke(revocation: &Revocation, now: Timestamp, group: &mut Staging<'_>) -> Result<(), StageError> {
    for key in group.keys(keys::TOKENS)? {
        let expires = group.value::<u64>(&key)?.ok_or_else(|| unknown(Space::State, &key))?;
        if expires < now.0 {
            group.delete(key);
        }
    }
    match revocation {
        Revocation::User(user, before) => raise(keys::revoked_user(user), before.0, group),
        Revocation::Token(id, expires) => group.put(keys::revoked_token(id), &expires.0),
    }
}

fn erase(user: &UserId, group: &mut Staging<'_>) -> Result<(), StageError> {
    for key in [keys::profile(user), keys::settings(user), keys::last_seen(user)] {
        group.delete(key);
    }
    for key in group.keys(&keys::blocks(user))? {
        group.delete(key);
    }
    let devices = keys::devices(user);
    for key in group.keys(&devices)? {
        let conversation =
            keys::conversation_after(&devices, &key).ok_or_else(|| unknown(Space::State, &key))?;
        group.delete(keys::user_cursor(conversation, user));
        group.delete(key);
    }
    Ok(())
}
