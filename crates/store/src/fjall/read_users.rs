//! Reading users.

use causerie_protocol::{Timestamp, UserId};

use super::keys;
use super::read_conversations::user_after;
use super::spaces::Space;
use super::view::{View, unknown, value_of};
use crate::model::{Profile, Revocation};
use crate::port::ReadError;

pub(super) fn profiles(view: &View, users: &[UserId]) -> Result<Vec<Profile>, ReadError> {
    users.iter().map(|user| Ok(view.value(&keys::profile(user))?.unwrap_or_default())).collect()
}

pub(super) fn settings(view: &View, user: &UserId) -> Result<Box<str>, ReadError> {
    Ok(view.value(&keys::settings(user))?.unwrap_or_else(|| "{}".into()))
}

pub(super) fn blocks(view: &View, user: &UserId) -> Result<Vec<UserId>, ReadError> {
    let prefix = keys::blocks(user);
    let blocked = view.prefix(&prefix).map(|row| {
        let (key, bytes) = row?;
        value_of::<u64>(&key, &bytes)?;
        user_after(&prefix, &key)
    });
    blocked.collect()
}

pub(super) fn suspended(view: &View) -> Result<Vec<UserId>, ReadError> {
    let suspended = view.prefix(keys::SUSPENDED_USERS).map(|row| {
        let (key, bytes) = row?;
        value_of::<u64>(&key, &bytes)?;
        user_after(keys::SUSPENDED_USERS, &key)
    });
    suspended.collect()
}

pub(super) fn last_seen(view: &View, users: &[UserId]) -> Result<Vec<Option<Timestamp>>, ReadError> {
    users.iter().map(|user| Ok(view.value(&keys::last_seen(user))?.map(Timestamp))).collect()
}

pub(super) fn revocations(view: &View) -> Result<Vec<Revocation>, ReadError> {
    let users = view.prefix(keys::REVOKED_USERS).map(|row| {
        let (key, bytes) = row?;
        let before = Timestamp(value_of(&key, &bytes)?);
        Ok(Revocation::User(user_after(keys::REVOKED_USERS, &key)?, before))
    });
    let tokens = view.prefix(keys::TOKENS).map(|row| {
        let (key, bytes) = row?;
        let expires = Timestamp(value_of(&key, &bytes)?);
        let id = keys::text_after(keys::TOKENS, &key).ok_or_else(|| unknown(Space::State, &key))?;
        Ok(Revocation::Token(id.into(), expires))
    });
    users.chain(tokens).collect()
}
