//! Tokens, their headers and their claims.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| causerie_node::fuzzing::token(input));
