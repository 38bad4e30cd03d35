//! A client: what it keeps ([`memory`]), one connection ([`session`]) that hears ([`hear`]) and asks ([`ask`]), and a
//! device that uses it ([`device`]) until the run ends ([`finish`]).
//!
//! It is written for the judge, not for people: everything that comes over the wire is recorded as it comes, every
//! attempt before its bytes leave, and nothing is sent again unless the seed says so.

mod ask;
mod device;
mod finish;
mod hear;
mod memory;
mod session;

pub use device::run_user;
pub use memory::{Memory, Message};
pub use session::{Session, Trouble};
