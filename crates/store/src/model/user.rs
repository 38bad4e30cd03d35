//! What is kept of users beside their conversations.

use causerie_protocol::{Timestamp, UserId};
use serde::{Deserialize, Serialize};

/// How a user wants to be shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// The name to show.
    pub display_name: Option<Box<str>>,
    /// The address of a picture.
    pub picture: Option<Box<str>>,
}

/// Tokens that are not accepted any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// Those of a user that were issued before this time.
    User(UserId, Timestamp),
    /// The one with this `jti`; may be forgotten after the time at which it would have expired.
    Token(Box<str>, Timestamp),
}
