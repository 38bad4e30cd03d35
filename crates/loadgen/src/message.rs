//! The frames that the generator writes most, without a value in between.

use std::io::Write as _;

use causerie_checker::history::{Digest, Nanos};

/// What a body begins with; the time of the attempt follows.
const BEGIN: &[u8] = b"{\"content_type\":\"text/plain\",\"text\":\"";
/// Hexadecimal digits of a time, and of what makes a body unique.
const DIGITS: usize = 16;

/// A body of so many bytes of text, and its digest. The text begins with the time of the attempt.
pub(crate) fn body(out: &mut Vec<u8>, at: Nanos, unique: u64, bytes: usize) -> Digest {
    let start = out.len();
    out.extend_from_slice(BEGIN);
    hex(out, at);
    hex(out, unique);
    out.resize(out.len() + bytes.saturating_sub(2 * DIGITS), b'.');
    out.extend_from_slice(b"\"}");
    Digest::of(&out[start..])
}

/// When the message with this body was attempted.
pub(crate) fn attempted_at(body: &[u8]) -> Option<Nanos> {
    let digits = body.strip_prefix(BEGIN)?.get(..DIGITS)?;
    digits.iter().try_fold(0, |number, digit| Some(number << 4 | u64::from(char::from(*digit).to_digit(16)?)))
}

/// What a `send` frame says beside the body.
pub(crate) struct Place<'a> {
    /// The request.
    pub(crate) request: u64,
    /// The conversation as it stands in frames.
    pub(crate) conversation: &'a [u8],
    /// The client message id.
    pub(crate) client: u128,
    /// 0 the first time.
    pub(crate) attempt: u32,
    /// The highest position that was known when it was made.
    pub(crate) after: u64,
}

/// A `send` frame.
pub(crate) fn send(out: &mut Vec<u8>, place: &Place<'_>, body: &[u8]) {
    out.extend_from_slice(b"{\"type\":\"send\",\"id\":");
    number(out, place.request);
    out.extend_from_slice(b",\"conversation\":\"");
    out.extend_from_slice(place.conversation);
    out.extend_from_slice(b"\",\"client_message_id\":\"");
    let mut buffer = [0; uuid::fmt::Hyphenated::LENGTH];
    let client = uuid::Uuid::from_u128(place.client);
    out.extend_from_slice(client.hyphenated().encode_lower(&mut buffer).as_bytes());
    out.extend_from_slice(b"\",\"attempt\":");
    number(out, place.attempt.into());
    out.extend_from_slice(b",\"after\":");
    number(out, place.after);
    out.extend_from_slice(b",\"body\":");
    out.extend_from_slice(body);
    out.push(b'}');
}

fn number(out: &mut Vec<u8>, number: u64) {
    // Writing to memory does not fail.
    let _ = write!(out, "{number}");
}

fn hex(out: &mut Vec<u8>, number: u64) {
    for shift in (0..DIGITS).rev() {
        out.push(b"0123456789abcdef"[(number >> (4 * shift) & 15) as usize]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_a_frame_of_the_protocol() {
        let (mut text, mut frame) = (Vec::new(), Vec::new());
        let digest = body(&mut text, 0x1234_5678_9abc, 7, 100);
        assert_eq!(attempted_at(&text), Some(0x1234_5678_9abc));
        let conversation = uuid::Uuid::nil().to_string();
        let place =
            Place { request: 5, conversation: conversation.as_bytes(), client: 9, attempt: 1, after: 3 };
        send(&mut frame, &place, &text);
        let causerie_protocol::Up::Send(send) =
            causerie_protocol::Up::parse(std::str::from_utf8(&frame).unwrap()).unwrap()
        else {
            panic!("no send");
        };
        assert_eq!((send.attempt, send.after.unwrap().0), (1, 3));
        assert_eq!(send.client_message_id.0.as_u128(), 9);
        assert_eq!(Digest::of(send.body.get().as_bytes()), digest);
        let content: causerie_protocol::body::Content = serde_json::from_str(send.body.get()).unwrap();
        assert_eq!(content.text.unwrap().len(), 100);
    }
}
