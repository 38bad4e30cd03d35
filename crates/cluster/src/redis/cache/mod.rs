//! A cache in front of the store: profiles, and what conversations are.
//!
//! Keys, each behind the configured prefix: `cache:profile:<user>` and `cache:conversation:<id>`, hashes with the fields
//! `value` (JSON), `version` and `writing`. They are of no use to outsiders, and may be deleted at any time.
//!
//! Guaranteed: who asks after a write was acknowledged is answered what was written or what was written later.
//! - A write removes the value and changes the version *before* it goes to the store and again *after*, and is
//!   acknowledged then. While it is under way nobody fills the key. A reader fills it only where the version is still the
//!   one that it saw before it asked the store, so that a slow one puts back nothing old. Versions are random, not counted:
//!   one that was lost with Redis never comes again.
//! - What could not be removed because Redis did not answer is removed as soon as it does; until then this node does not
//!   look at it. A node that dies between is covered by the mark of the beginning, which ends by itself after 60 s.
//! - Many who miss the same key at the same time ask the store once, on each node; twice where Redis cannot say that the
//!   first answer is still true for those who came while it was on its way.
//! - A Redis that is away or slow costs a reader at most [`cache_timeout`](super::RedisConfig::cache_timeout), and after
//!   a few of them nothing: it is left alone for a while.
//!
//! Not guaranteed, for at most [`cache_ttl`](super::RedisConfig::cache_ttl): that *other* nodes see a write whose own node
//! could not reach Redis while they could, or that died before it could again; and that anybody sees a write of which
//! Redis forgot the removal but kept the value, as a replica may that takes over. A deployment that cannot live with that
//! runs without the cache.
//!
//! There is no layer inside the process: a value that another node may change cannot be kept here exactly.

mod breaker;
mod core;
mod flights;
mod keys;
mod overdue;
mod reading;
mod redis_cache;
mod store;

pub use keys::Cacheable;
pub use reading::CacheReading;
pub use redis_cache::RedisCache;
pub use store::CachedStore;
