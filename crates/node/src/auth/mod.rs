//! Who is speaking: tokens, the keys that they are checked with, and sign-in by name.
//!
//! Guaranteed: the algorithm belongs to the key, never to the token; a token names a key only among those that are
//! loaded, and nothing in it makes the server fetch anything but the configured address, at most every ten seconds.
//! Keys that cannot be read again stay in use and a warning says so; fetched ones until `auth.jwks_max_age_s`.
//! Not guaranteed: revocation, which is the rules' affair (a token is checked here for what it says, not for what was
//! said of it later).
//!
//! Start with [`authority`], then `verify`.

mod authority;
mod claims;
mod fetch;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod header;
mod issue;
mod jwks;
mod key;
mod keyset;
mod local_secret;
mod source;
mod verify;

pub use authority::{Authority, SignIn};
pub use issue::{IssueError, Issued};
pub use source::KeyError;

#[cfg(test)]
mod tests;
