//! Ids, names, positions and times.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &str| causerie_protocol::fuzzing::text(input));
