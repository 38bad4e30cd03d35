//! Histories for the judge.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &str| causerie_checker::fuzzing::history(input));
