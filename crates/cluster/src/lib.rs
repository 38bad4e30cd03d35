//! Where things are: which node owns a conversation, how a request reaches it, where a user is connected.
//!
//! It knows what a shard, an owner and a route are, and nothing of messages, frames or sockets. Each port here has the
//! implementation of a single node: one owner of all shards, a directory in memory, no links.
//!
//! Start with [`router`], then [`directory`].

pub mod directory;
pub mod link;
pub mod ownership;
pub mod redis;
pub mod router;

pub use causerie_store::model::Shard;
pub use directory::Directory;
pub use router::{OwnerHandle, Router};
