//! Frames of servers.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &str| causerie_protocol::fuzzing::down(input));
