//! The contract on disk, and what only a disk can do.

mod crash;
mod damage;
mod keys;
mod kill;
mod lab;
mod model;
mod refusals;

use lab::OnDisk;

crate::contract_tests!(OnDisk);
