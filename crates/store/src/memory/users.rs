//! Users, in memory.

use causerie_protocol::{Timestamp, UserId};

use super::MemoryStore;
use crate::model::{Profile, Revocation};
use crate::port::{Answer, ReadError, Users, WriteError};

type Read<T> = Answer<Result<T, ReadError>>;
type Written = Answer<Result<(), WriteError>>;

impl Users for MemoryStore {
    fn profiles(&self, users: Vec<UserId>) -> Read<Vec<Profile>> {
        self.look(|tables| {
            users.iter().map(|user| tables.profiles.get(user).cloned().unwrap_or_default()).collect()
        })
    }

    fn put_profile(&self, user: UserId, profile: Profile) -> Written {
        self.write(move |tables| drop(tables.profiles.insert(user, profile)))
    }

    fn settings(&self, user: UserId) -> Read<Box<str>> {
        self.look(|tables| tables.settings.get(&user).cloned().unwrap_or_else(|| "{}".into()))
    }

    fn put_settings(&self, user: UserId, settings: Box<str>) -> Written {
        self.write(move |tables| drop(tables.settings.insert(user, settings)))
    }

    fn blocks(&self, user: UserId) -> Read<Vec<UserId>> {
        self.look(|tables| tables.blocks.get(&user).into_iter().flatten().cloned().collect())
    }

    fn put_block(&self, user: UserId, other: UserId, blocked: bool) -> Written {
        self.write(move |tables| {
            let blocks = tables.blocks.entry(user).or_default();
            if blocked {
                blocks.insert(other)
            } else {
                blocks.remove(&other)
            };
        })
    }

    fn last_seen(&self, users: Vec<UserId>) -> Read<Vec<Option<Timestamp>>> {
        self.look(|tables| users.iter().map(|user| tables.last_seen.get(user).copied()).collect())
    }

    fn put_last_seen(&self, seen: Vec<(UserId, Timestamp)>) -> Written {
        self.write(move |tables| tables.last_seen.extend(seen))
    }

    fn revocations(&self) -> Read<Vec<Revocation>> {
        self.look(|tables| {
            let users = tables.revoked_users.iter();
            let users = users.map(|(user, before)| Revocation::User(user.clone(), *before));
            let tokens = tables.revoked_tokens.iter();
            let tokens = tokens.map(|(id, expires)| Revocation::Token(id.clone(), *expires));
            users.chain(tokens).collect()
        })
    }

    fn put_revocation(&self, revocation: Revocation, now: Timestamp) -> Written {
        self.write(move |tables| {
            tables.revoked_tokens.retain(|_, expires| *expires >= now);
            match revocation {
                Revocation::Token(id, expires) => drop(tables.revoked_tokens.insert(id, expires)),
                Revocation::User(user, before) => {
                    let kept = tables.revoked_users.entry(user).or_default();
                    *kept = before.max(*kept);
                }
            }
        })
    }

    fn suspended(&self) -> Read<Vec<UserId>> {
        self.look(|tables| tables.suspended.iter().cloned().collect())
    }

    fn put_suspended(&self, user: UserId, suspended: bool) -> Written {
        self.write(move |tables| {
            if suspended {
                tables.suspended.insert(user)
            } else {
                tables.suspended.remove(&user)
            };
        })
    }

    fn erase_user(&self, user: UserId) -> Written {
        self.write(move |tables| tables.erase(&user))
    }
}
