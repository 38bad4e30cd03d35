//! Frames as they stand on a WebSocket.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| causerie_protocol::fuzzing::blob(input));
