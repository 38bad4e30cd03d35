//! A whole node and its clients, in one thread, on simulated time and a simulated network, all of it drawn from a seed.
//!
//! What runs is the product: the actors with their shells, the WebSocket transport of the server, the protocol's own
//! codec. What is simulated is what is around it: the network, time (by `turmoil`), and the disk ([`disk`], over the
//! store in memory). Clients ([`client`]) do what clients do and record it; a schedule of faults ([`fault`]) is brought
//! about meanwhile; then everything is healed, every member syncs, and the judge (`causerie-checker`) decides.
//!
//! Guaranteed: a seed is a run. Nothing in it depends on the machine, on real time or on the order of a hash table, and
//! the hash of its trace says so. Not covered: real sockets, real disks, threads; see the server's own tests for those.
//!
//! Start with [`world`], which is one run from its beginning to its end; [`campaign`] is many.

pub mod book;
pub mod campaign;
pub mod client;
pub mod disk;
pub mod fault;
pub mod log;
pub mod node;
pub mod plan;
pub mod presence;
pub mod sabotage;
pub mod sink;
pub mod stage;
pub mod store;
pub mod time;
pub mod world;

pub use campaign::{Campaign, Totals};
pub use sabotage::{Honest, Sabotage};
pub use world::{Options, Report, run};
