//! Places in a user's list.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &str| causerie_actors::fuzzing::place(input));
