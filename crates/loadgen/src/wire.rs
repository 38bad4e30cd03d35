//! WebSocket frames of a client, by hand: a library would copy and allocate for each, and the generator has to be cheaper
//! than what it measures. It is no general client: it expects whole text frames, as our servers write them.

use std::io;

/// FIN and the opcode of a text frame.
const TEXT: u8 = 0x81;
/// FIN and the opcode of a close frame.
const CLOSE: u8 = 0x88;
/// FIN and the opcode of a pong.
const PONG: u8 = 0x8a;
/// The bit that says that a payload is masked.
const MASKED: u8 = 0x80;

/// Appends one text frame whose payload `write` produces. It is masked with zeros, which changes nothing.
pub(crate) fn text(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    // Room for a header of two bytes, two of length and four of mask: what a message needs.
    let start = out.len();
    out.extend_from_slice(&[TEXT, MASKED | 126, 0, 0, 0, 0, 0, 0]);
    write(out);
    let length = out.len() - start - 8;
    if let Ok(length) = u16::try_from(length)
        && length >= 126
    {
        out[start + 2..start + 4].copy_from_slice(&length.to_be_bytes());
    } else if let Ok(short) = u8::try_from(length) {
        out.splice(start..start + 8, [TEXT, MASKED | short, 0, 0, 0, 0]);
    } else {
        let mut header = [0; 14];
        header[..2].copy_from_slice(&[TEXT, MASKED | 127]);
        header[2..10].copy_from_slice(&(length as u64).to_be_bytes());
        out.splice(start..start + 8, header);
    }
}

/// Appends the close frame of a client that is done.
pub(crate) fn close(out: &mut Vec<u8>) {
    out.extend_from_slice(&[CLOSE, MASKED | 2, 0, 0, 0, 0]);
    out.extend_from_slice(&1000u16.to_be_bytes());
}

/// What a server's frame is.
pub(crate) enum Frame<'a> {
    /// A text.
    Text(&'a [u8]),
    /// The end, with its code.
    Close(u16),
    /// A ping was answered into the outgoing bytes, or it was a pong.
    Control,
}

/// Hands the whole frames in `input` to `take`; answers to pings go to `out`. Says how many bytes it used.
///
/// # Errors
/// The server does something that this client does not understand.
pub(crate) fn feed(input: &[u8], out: &mut Vec<u8>, mut take: impl FnMut(Frame<'_>)) -> io::Result<usize> {
    let mut used = 0;
    while let Some((opcode, payload, size)) = frame(&input[used..])? {
        used += size;
        take(match opcode {
            0x81 => Frame::Text(payload),
            0x88 => Frame::Close(payload.first_chunk().map_or(1005, |code| u16::from_be_bytes(*code))),
            0x89 => {
                out.extend_from_slice(&[
                    PONG,
                    MASKED | u8::try_from(payload.len()).unwrap_or_default(),
                    0,
                    0,
                    0,
                    0,
                ]);
                out.extend_from_slice(payload);
                Frame::Control
            }
            0x8a => Frame::Control,
            other => return Err(io::Error::other(format!("a frame that begins with {other:#04x}"))),
        });
    }
    Ok(used)
}

/// The first frame, if it is whole: its first byte, its payload, and the bytes it takes.
fn frame(input: &[u8]) -> io::Result<Option<(u8, &[u8], usize)>> {
    let Some(&[first, second]) = input.first_chunk() else { return Ok(None) };
    if second & MASKED != 0 {
        return Err(io::Error::other("a server does not mask"));
    }
    let (length, header) = match second {
        126 => match input.get(2..4) {
            Some(bytes) => (usize::from(u16::from_be_bytes([bytes[0], bytes[1]])), 4),
            None => return Ok(None),
        },
        127 => match input.get(2..10).and_then(|bytes| bytes.first_chunk()) {
            Some(bytes) => (usize::try_from(u64::from_be_bytes(*bytes)).map_err(io::Error::other)?, 10),
            None => return Ok(None),
        },
        short => (usize::from(short), 2),
    };
    let payload = length.checked_add(header).and_then(|end| input.get(header..end));
    Ok(payload.map(|payload| (first, payload, header + length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_has_its_header() {
        for length in [0, 1, 125, 126, 127, 65_535, 65_536] {
            let mut out = Vec::new();
            text(&mut out, |out| out.resize(out.len() + length, b'x'));
            let header = out.len() - length;
            assert_eq!(
                header,
                4 + if length < 126 {
                    2
                } else if length < 65_536 {
                    4
                } else {
                    10
                },
                "{length}"
            );
            assert_eq!(out[header - 4..header], [0; 4]);
            // What a server writes is the same without the mask.
            out[1] &= !MASKED;
            out.drain(header - 4..header);
            let mut got = 0;
            let used = feed(&out, &mut Vec::new(), |frame| {
                if let Frame::Text(payload) = frame {
                    got = payload.len();
                }
            });
            assert_eq!((used.unwrap(), got), (out.len(), length));
        }
    }

    #[test]
    fn half_a_frame_waits_and_a_ping_is_answered() {
        let mut out = Vec::new();
        let input = [0x89, 2, b'h', b'i', 0x81, 3, b'a'];
        let used = feed(&input, &mut out, |frame| assert!(matches!(frame, Frame::Control)));
        assert_eq!(used.unwrap(), 4);
        assert_eq!(out, [PONG, MASKED | 2, 0, 0, 0, 0, b'h', b'i']);
    }
}
