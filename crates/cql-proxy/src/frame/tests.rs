//! Frames as bytes and back.

use super::*;

fn frame(flags: u8, body: &[u8]) -> Frame {
    Frame { version: 0x84, flags, stream: -2, opcode: Opcode::Result, body: Bytes::copy_from_slice(body) }
}

#[tokio::test]
async fn what_is_written_is_read_again() {
    for number in 0..=u8::MAX {
        let sent = Frame { opcode: number.into(), ..frame(0, b"body") };
        let mut bytes = Vec::new();
        sent.write(&mut bytes).await.unwrap();
        assert_eq!(bytes[4], number);
        let mut from = bytes.as_slice();
        assert_eq!(Frame::read(&mut from).await.unwrap().unwrap(), sent);
        assert!(Frame::read(&mut from).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn an_end_inside_a_frame_is_an_error() {
    let mut bytes = Vec::new();
    frame(0, b"body").write(&mut bytes).await.unwrap();
    for length in 1..bytes.len() {
        assert!(matches!(Frame::read(&mut &bytes[..length]).await, Err(ProxyError::Io(_))), "{length} bytes");
    }
}

#[tokio::test]
async fn a_length_is_checked_before_it_is_used() {
    let bytes = [4, 0, 0, 0, 7, 0xFF, 0xFF, 0xFF, 0xFF];
    assert!(matches!(Frame::read(&mut &bytes[..]).await, Err(ProxyError::Malformed(_))));
}

#[test]
fn content_stands_behind_what_the_flags_announce() {
    let mut body = vec![9; 16];
    body.extend([0, 1, 0, 2, b'h', b'o']);
    body.extend([0, 1, 0, 1, b'k', 0, 0, 0, 1, b'v']);
    body.extend(b"content");
    let traced = frame(TRACED | WARNED | PAYLOAD, &body);
    assert_eq!(traced.content().unwrap().0, b"content");
    let other = traced.with_content(b"other").unwrap();
    assert_eq!(other.content().unwrap().0, b"other");
    assert_eq!(other.body[..32], body[..32]);
    // A request with the same flag only asks for a trace.
    let request = Frame { version: 4, ..frame(TRACED, b"content") };
    assert_eq!(request.content().unwrap().0, b"content");
}

#[test]
fn other_versions_and_compression_are_not_spoken() {
    assert!(Frame { version: 5, ..frame(0, b"") }.not_spoken().is_some());
    assert!(frame(COMPRESSED, b"").not_spoken().is_some());
    assert!(frame(TRACED, b"").not_spoken().is_none());
}
