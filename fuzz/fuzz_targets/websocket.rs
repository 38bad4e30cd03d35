//! WebSocket frames, in pieces.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| causerie_node::fuzzing::websocket(input));
