//! Reading conversations, members and cursors.

use std::collections::BTreeSet;

use causerie_protocol::{ConversationId, DeviceId, UserId};

use super::keys;
use super::records::Membership;
use super::spaces::Space;
use super::view::{View, unknown, value_of};
use crate::model::{ConversationRow, ConversationState, Cursor, UserConversation};
use crate::port::ReadError;

/// A conversation with its members.
pub(super) fn load(view: &View, id: ConversationId) -> Result<Option<ConversationState>, ReadError> {
    let Some(row) = view.value::<ConversationRow>(&keys::conversation(id))? else { return Ok(None) };
    let (members, cursors) = (keys::members(id), keys::user_cursors(id));
    // Both are sorted by user, and cursors may be of users that are no members any more.
    let mut cursors =
        view.prefix(&cursors).map(|row| row.map(|(key, bytes)| (key, bytes, cursors.len()))).peekable();
    let mut found = Vec::new();
    for row in view.prefix(&members) {
        let (key, bytes) = row?;
        let user = key.get(members.len()..).unwrap_or_default();
        let mut cursor = Cursor::default();
        while let Some(next) = cursors.next_if(|next| match next {
            Ok((key, _, prefix)) => key.get(*prefix..).unwrap_or_default() <= user,
            Err(_) => true,
        }) {
            let (key, bytes, prefix) = next?;
            if key.get(prefix..) == Some(user) {
                cursor = value_of(&key, &bytes)?;
            }
        }
        let membership: Membership = value_of(&key, &bytes)?;
        found.push((user_after(&members, &key)?, membership.row, cursor));
    }
    Ok(Some(ConversationState { row, members: found }))
}

/// The list of a user.
pub(super) fn list(view: &View, user: &UserId) -> Result<Vec<UserConversation>, ReadError> {
    let prefix = keys::list(user);
    let listed = view.prefix(&prefix).map(|row| {
        let (key, bytes) = row?;
        let id = keys::conversation_after(&prefix, &key).ok_or_else(|| unknown(Space::State, &key))?;
        complete(view, user, id, value_of(&key, &bytes)?)
    });
    listed.collect()
}

/// One conversation of a user's list.
pub(super) fn listed(
    view: &View,
    user: &UserId,
    id: ConversationId,
) -> Result<Option<UserConversation>, ReadError> {
    let membership = view.value::<Membership>(&keys::listed(user, id))?;
    membership.map(|membership| complete(view, user, id, membership)).transpose()
}

fn complete(
    view: &View,
    user: &UserId,
    id: ConversationId,
    membership: Membership,
) -> Result<UserConversation, ReadError> {
    let key = keys::conversation(id);
    let row = view.value::<ConversationRow>(&key)?.ok_or_else(|| unknown(Space::State, &key))?;
    let cursor = view.value(&keys::user_cursor(id, user))?.unwrap_or_default();
    let Membership { row: member, removed } = membership;
    Ok(UserConversation { conversation: id, row, member, removed, cursor })
}

/// Whether two users are members of one conversation.
pub(super) fn shared(view: &View, a: &UserId, b: &UserId) -> Result<bool, ReadError> {
    let direct = ConversationId::direct(a, b);
    let both = [keys::member(direct, a), keys::member(direct, b)];
    if both
        .iter()
        .map(|key| view.get(Space::State, key))
        .collect::<Result<Vec<_>, _>>()?
        .iter()
        .all(Option::is_some)
    {
        return Ok(true);
    }
    let of_a: BTreeSet<_> = current(view, a).collect::<Result<_, _>>()?;
    for id in current(view, b) {
        if of_a.contains(&id?) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The conversations that a user is a member of now.
fn current(view: &View, user: &UserId) -> impl Iterator<Item = Result<ConversationId, ReadError>> {
    let prefix = keys::list(user);
    view.prefix(&prefix).filter_map(move |row| {
        let id = row.and_then(|(key, bytes)| {
            let membership: Membership = value_of(&key, &bytes)?;
            let id = keys::conversation_after(&prefix, &key).ok_or_else(|| unknown(Space::State, &key))?;
            Ok((!membership.removed).then_some(id))
        });
        id.transpose()
    })
}

/// A user's cursor on each device.
pub(super) fn device_cursors(
    view: &View,
    user: &UserId,
    id: ConversationId,
) -> Result<Vec<(DeviceId, Cursor)>, ReadError> {
    let prefix = keys::devices_in(user, id);
    let cursors = view.prefix(&prefix).map(|row| {
        let (key, bytes) = row?;
        let device = keys::text_after(&prefix, &key).and_then(|device| DeviceId::new(device).ok());
        Ok((device.ok_or_else(|| unknown(Space::State, &key))?, value_of(&key, &bytes)?))
    });
    cursors.collect()
}

/// The user that a key ends with.
pub(super) fn user_after(prefix: &[u8], key: &[u8]) -> Result<UserId, ReadError> {
    let user = keys::text_after(prefix, key).and_then(|user| UserId::new(user).ok());
    user.ok_or_else(|| unknown(Space::State, key))
}
