//! Where things are: which node owns a conversation, how bytes reach that node, where a user is connected.
//!
//! It knows what a shard, a node and a route are, and nothing of messages, frames or sockets. On one node every port
//! here has its embedded implementation: one owner of all shards, no links, a directory in memory.
//!
//! Start with [`router`], then [`directory`].

pub mod directory;
pub mod link;
pub mod ownership;
pub mod router;
pub mod shard;

pub use directory::Directory;
pub use router::{OwnerHandle, Router};
pub use shard::Shard;
