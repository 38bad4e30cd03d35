//! Sets of keys.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| causerie_node::fuzzing::key_set(input));
