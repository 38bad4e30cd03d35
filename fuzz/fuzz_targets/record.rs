//! Records of the store.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| causerie_store::fjall::fuzzing::record(input));
