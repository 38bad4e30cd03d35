//! Workers against a real Kafka: `CAUSERIE_TEST_KAFKA` says where it is.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod faults;
mod kills;
mod log;
mod outage;
mod poison;
mod process;
mod rebalance;
mod running;
mod tail;
