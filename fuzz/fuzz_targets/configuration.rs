//! Configuration files.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| causerie_node::fuzzing::configuration(input));
