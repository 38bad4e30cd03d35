//! Where users are connected, and who is told when they come and go.
//!
//! [`home::Home`] is the pure core; [`Directory`] is the embedded port over it: one home for all users, in memory.
//! A [`DirectoryObserver`] hears what happens in it, such as the mirror in Redis.
//! It is soft state: the connections are the truth, and a restart begins empty.

pub mod home;
mod local;
mod observer;

pub use home::{Change, ConnectionId, Home, Leave, Registration};
pub use local::{Directory, LocalDirectory};
pub use observer::{DirectoryObserver, NoObserver};
