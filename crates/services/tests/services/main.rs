//! The servers that take seconds to start, brought up, broken and brought back as tests of other crates do it.

mod cassandra;
mod kafka;
mod left_behind;
