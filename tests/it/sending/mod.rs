//! Sending: durable before it is acknowledged, in order, once; and who may write to whom.

mod blocks;
mod bodies;
mod idempotency;
mod order;
