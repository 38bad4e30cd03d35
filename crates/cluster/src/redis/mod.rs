//! Redis: a mirror of the directory for outsiders, and a cache in front of the store.
//!
//! Guaranteed: nothing here is on the way of a message, and nothing that is lost in Redis is lost. Redis may be killed,
//! frozen, flushed or failed over at any second: callers notice nothing, and what belongs there is put there again.
//! - [`RedisMirror`] hears what happens in a directory and writes it to Redis in the background; the copy that it keeps
//!   in memory is what it announces again from.
//! - [`RedisCache`] answers from Redis what the store would; after a write was acknowledged nobody is answered what was
//!   there before. What that is worth when Redis itself forgets or cannot be reached is said in [`cache`].
//!
//! Not guaranteed: that what outsiders read in Redis is of this moment. It is seconds old at most while Redis is up.
//!
//! One file knows the driver: `client.rs`. Each user here has a client of its own, so that a flood of announcements
//! delays no look into the cache. Sentinel is not supported.

pub mod cache;
mod client;
mod config;
mod error;
pub mod mirror;
mod ping;
mod script;

pub use cache::{CachedStore, RedisCache};
pub use config::{RedisConfig, RedisCredentials, RedisTls};
pub use error::RedisError;
pub use mirror::{MirrorIdentity, RedisMirror};
pub use ping::ping;
