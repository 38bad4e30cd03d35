//! A whole node in one process, on the store in memory: clients by channels, time and store in the test's hand.

#![expect(clippy::unwrap_used, reason = "what cannot be unwrapped fails the test")]

mod delivery;
mod durability;
mod failure;
mod lagging;
mod life;
mod membership;
mod pace;
mod support;
