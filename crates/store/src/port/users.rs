//! What is kept of users.

use causerie_protocol::{Timestamp, UserId};

use super::{Answer, ReadError, WriteError};
use crate::model::{Profile, Revocation};

/// Profiles, settings, blocks, revocations, suspensions. Small, durable when answered, last write wins.
pub trait Users: Send + Sync + 'static {
    /// The profiles of users, in the order asked for; empty ones where none was set.
    fn profiles(&self, users: Vec<UserId>) -> Answer<Result<Vec<Profile>, ReadError>>;

    /// Replaces a profile.
    fn put_profile(&self, user: UserId, profile: Profile) -> Answer<Result<(), WriteError>>;

    /// A user's settings: a JSON object, `{}` when never set.
    fn settings(&self, user: UserId) -> Answer<Result<Box<str>, ReadError>>;

    /// Replaces the settings.
    fn put_settings(&self, user: UserId, settings: Box<str>) -> Answer<Result<(), WriteError>>;

    /// Whom the user has blocked, by user id.
    fn blocks(&self, user: UserId) -> Answer<Result<Vec<UserId>, ReadError>>;

    /// Blocks (`true`) or unblocks another user.
    fn put_block(&self, user: UserId, other: UserId, blocked: bool) -> Answer<Result<(), WriteError>>;

    /// When a user was last connected, in the order asked for.
    fn last_seen(&self, users: Vec<UserId>) -> Answer<Result<Vec<Option<Timestamp>>, ReadError>>;

    /// Keeps when users were last connected.
    fn put_last_seen(&self, seen: Vec<(UserId, Timestamp)>) -> Answer<Result<(), WriteError>>;

    /// Every revocation that is kept.
    fn revocations(&self) -> Answer<Result<Vec<Revocation>, ReadError>>;

    /// Keeps a revocation, and forgets those of tokens that would have expired before `now`.
    fn put_revocation(&self, revocation: Revocation, now: Timestamp) -> Answer<Result<(), WriteError>>;

    /// Users whom the operator keeps out, by user id.
    fn suspended(&self) -> Answer<Result<Vec<UserId>, ReadError>>;

    /// Keeps a user out (`true`) until it is let in again.
    fn put_suspended(&self, user: UserId, suspended: bool) -> Answer<Result<(), WriteError>>;

    /// Removes profile, settings, blocks, cursors and last-seen of a user. Its messages are overwritten through their
    /// owners ([`replace_bodies`](super::Messages::replace_bodies)), its memberships end through theirs. What keeps it
    /// out (revocations and a suspension) stays: erasure lets nobody in again.
    fn erase_user(&self, user: UserId) -> Answer<Result<(), WriteError>>;
}
