//! Request heads and WebSocket frames, in pieces of any size.

use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use causerie_actors::{Incoming, TransportEnd};
use tokio::io::{AsyncRead, ReadBuf};

use super::head;
use super::websocket::{FrameLimits, WebSocketTransport};

/// However a head arrives, it is read within the bound, and leads to the same place.
pub fn head(bytes: &[u8]) {
    let piece = usize::from(bytes.first().copied().unwrap_or_default()) + 1;
    let read = |piece| {
        let mut pieces = Pieces { rest: bytes, piece };
        let read = pin!(head::read(&mut pieces)).poll(&mut Context::from_waker(Waker::noop()));
        let Poll::Ready(read) = read else { panic!("everything is there") };
        read.ok()
    };
    if let (Some(whole), Some(parts)) = (read(usize::MAX), read(piece)) {
        assert_eq!(whole.is_websocket(), parts.is_websocket());
        assert!(whole.bytes.len().max(parts.bytes.len()) <= 32 * 1024);
        assert!(bytes.starts_with(&whole.bytes) && bytes.starts_with(&parts.bytes), "no byte is lost");
    }
}

/// Bytes that come so many at a time.
struct Pieces<'a> {
    rest: &'a [u8],
    piece: usize,
}

impl AsyncRead for Pieces<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let length = self.piece.min(buffer.remaining()).min(self.rest.len());
        let (piece, rest) = self.rest.split_at(length);
        buffer.put_slice(piece);
        self.rest = rest;
        Poll::Ready(Ok(()))
    }
}

const LIMIT: usize = 300;

/// However frames arrive, the same is heard and answered, and nothing is larger than it may be.
pub fn websocket(bytes: &[u8]) {
    let Some((piece, bytes)) = bytes.split_first() else { return };
    let whole = hear(bytes, usize::MAX);
    assert!(whole.0.iter().flatten().all(|text| text.len() <= LIMIT));
    assert_eq!(whole, hear(bytes, usize::from(*piece) + 1));
}

/// The frames, with `None` for a sign of life; what is answered; and how it ended.
fn hear(bytes: &[u8], piece: usize) -> (Vec<Option<String>>, Vec<u8>, Option<TransportEnd>) {
    let limits = FrameLimits { unauthenticated: LIMIT, authenticated: LIMIT };
    let address = SocketAddr::from(([127, 0, 0, 1], 1));
    let mut transport = WebSocketTransport::new((), limits, address);
    let (mut heard, mut replies) = (Vec::new(), Vec::new());
    for piece in bytes.chunks(piece) {
        let mut take = |incoming: Incoming<'_>| {
            heard.push(match incoming {
                Incoming::Text(text) => Some(text.to_owned()),
                Incoming::Heartbeat => None,
            });
        };
        if let Err(end) = transport.feed(piece, &mut take, &mut replies) {
            return (heard, replies, Some(end));
        }
    }
    (heard, replies, None)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    /// A frame, masked with zeros so that its payload stands as it is, and perhaps with a wrong length.
    fn frame() -> impl Strategy<Value = Vec<u8>> {
        let opcode = prop_oneof![Just(0), Just(1), Just(8), Just(9), Just(10), 0_u8..16];
        let payload = prop_oneof![
            "\\PC{0,40}".prop_map(String::into_bytes),
            prop::collection::vec(any::<u8>(), 0..140),
        ];
        (any::<bool>(), opcode, payload, 0_i8..20).prop_map(|(last, opcode, payload, wrong)| {
            let length = payload.len() + usize::from(wrong == 19);
            let mut frame = vec![u8::from(last) << 7 | opcode];
            match u8::try_from(length) {
                Ok(short) if short < 126 => frame.push(0x80 | short),
                _ => {
                    frame.push(0xFE);
                    frame.extend(u16::try_from(length).unwrap().to_be_bytes());
                }
            }
            frame.extend([0; 4]);
            frame.extend(payload);
            frame
        })
    }

    proptest! {
        #[test]
        fn heads(
            any in any::<Vec<u8>>(),
            near in "(GET|POST|\\PC{0,3}) (/v1/ws|/\\PC{0,9})(\\?\\PC{0,5})? HTTP/1.1\r\n([a-z]{1,5}: \\PC{0,300}\r\n){0,80}(\r\n)?\\PC{0,9}",
        ) {
            super::head(&any);
            super::head(near.as_bytes());
        }

        #[test]
        fn frames(piece in any::<u8>(), any in any::<Vec<u8>>(), frames in prop::collection::vec(frame(), 0..8)) {
            super::websocket(&any);
            super::websocket(&[vec![piece % 9], frames.concat()].concat());
        }
    }
}
